/*  life -- what every process needs to live and die well: signals as a descriptor, two clocks,
 *  exit codes.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_CONFIG = 78 };

// Take over SIGINT, SIGTERM and SIGHUP: the descriptor becomes readable when one came. Call before
// the first socket, so that the threads libzmq starts inherit the mask. SIGPIPE is ignored. The
// second SIGTERM or SIGINT exits the process at once with EXIT_FAILED, whatever its loop is waiting
// for and whether or not the first was taken. -1 on failure (errno).
int life_open_signals(void);

typedef enum { LIFE_GO_ON, LIFE_DRAIN, LIFE_RELOAD } life_signal_t;

// What came since the last time, without blocking. To stop goes before to reload. The service
// manager is told (notify.h).
life_signal_t life_take_signal(int descriptor);

// Open as many files and sockets as the kernel will ever let us, not only as it does at first.
void life_raise_descriptors(void);

// What the second signal does before the process exits, in a thread of its own while all others
// run on.
void life_before_leaving(void (*last)(void));

int64_t life_wall_us(void);                   // Unix time
int64_t life_mono_us(void);                   // CLOCK_MONOTONIC
bool life_random(void *bytes, unsigned size); // from the kernel; false only if it refuses
