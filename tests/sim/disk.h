/*  disk -- the stage's files: real ones in a private directory, on a disk that may be full, fail,
 *  and forget what was not flushed.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

void disk_begin(void);
void disk_full(int64_t until_us);                  // nothing more fits until then
void disk_bad(unsigned of_1000, int64_t until_us); // so many writes and flushes fail
bool disk_was_bad(int64_t since_us);               // full or failing, at any time since
// The next process that has written and not yet flushed dies there, with its host.
void disk_tear(void);
// When a process is killed, of 1,000 times so many its host goes with it: what it has not flushed
// is lost from some place on, and what stands there may be torn.
void disk_forgets(unsigned of_1000);
// One bit of this file, at a place of chance from `from` on. False: there is none.
bool disk_flip(const char *path, uint64_t from, uint64_t to);
// The observer reads: without faults, without giving way.
void disk_observe(bool on);
