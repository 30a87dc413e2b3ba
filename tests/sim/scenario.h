/*  scenario -- one run: actors, feeds, rules, faults, an end. All of it from the seed. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "tests/sim/process.h"

enum { SCENARIO_ACTORS_MAX = 16 };

typedef struct {
    char role[16], name[16];
    char config[128];
    process_main_t *main;
    process_t *process;
    int64_t start_us, begun_us; // not before; and when it was
    bool expected;              // it was told to end
    bool waiting;               // it is gone; start_us says when it comes back
} actor_t;

typedef struct {
    const char *directory;
    char stage[128];
    bool faults;      // are made now
    unsigned enabled; // bits of world_fault_t
    size_t streams, actor_count;
    actor_t actors[SCENARIO_ACTORS_MAX];
    unsigned mapping;                // variant of the configuration
    unsigned late_s;                 // lateness of all sources
    unsigned seal_s, keep_s, copy_s; // how long a segment grows, is kept; how often Redis is copied
} scenario_t;

// Run it. The directory is empty and its own.
void scenario_run(const char *directory, bool faults);

actor_t *scenario_actor(scenario_t *self, const char *role); // one of chance; NULL: none
void scenario_write_configs(scenario_t *self);
void scenario_subscribe(void); // people write down who is told of what

// faults.c: one fault of those that are enabled.
void faults_choose(scenario_t *self);
void faults_make(scenario_t *self);
void faults_end(scenario_t *self);
void faults_keep(void); // what Redis has now is never rolled back
