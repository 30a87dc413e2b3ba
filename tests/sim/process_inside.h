/*  process_inside -- what a process of the simulator has, for what stands in for the system. */
#pragma once
#include "tests/sim/process.h"

// Signals that were told, in one number: as broker/runtime/life.c does it.
#define PROCESS_RELOAD UINT64_C(1)
#define PROCESS_DRAIN (UINT64_C(1) << 32)

struct process {
    char name[32];
    unsigned number;
    int pid;
    bool alive, killed;
    bool dying;    // at the next place where the scheduler has its turn
    unsigned doom; // places where it gives way until then; 0 = it is not doomed
    int64_t stopped_until_us;
    int events;       // the descriptor of signals; -1 = there is none yet
    uint64_t signals; // told and not taken: asking the kernel for them cost much of a run
    int status;
    int locks[PROCESS_LOCKS_MAX]; // descriptors that hold a flock, plus 1; 0 = none
    process_main_t *main;
    int argc;
    char *argv[PROCESS_ARGUMENTS_MAX + 1];
};

process_t *process_of_pid(int pid);
