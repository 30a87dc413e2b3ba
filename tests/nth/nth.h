/*  nth -- runs a scenario again and again, and lets the n-th call of one kind fail in each run:
 *  n = 1, 2, ... until a run in which nothing was left to fail.
 *
 *      nth_t nth = nth_over(NTH_MEMORY | NTH_FILES);
 *      while (nth_next(&nth)) {
 *          ...                                  // the world before; nothing fails here
 *          nth_arm(&nth);
 *          bool done = what_is_tested();        // whose n-th call fails
 *          nth_disarm(&nth);
 *          ...                                  // what was promised is there; again: it succeeds
 *      }
 *
 *  The first run has no failure at all: it shows that the scenario is one, and fills caches. After
 *  every run no block and no descriptor may be left over, in any build; the sanitized one sees what
 *  else there is to see. Calls are replaced by the linker (--wrap, tests.cmake) in our libraries
 *  and in the test, for the thread that armed them: what zlib, hiredis or simdjson call inside
 *  themselves is not ours to make fail.
 *
 *  NTH_TRACE=1 in the environment tells every failure before it happens, with its place: for
 *  addr2line, when a run crashes.
 */
#pragma once
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Kinds of calls, a set.
enum {
    NTH_MEMORY = 1 << 0, // malloc, calloc, realloc, reallocarray, strdup, strndup, asprintf, new
    NTH_OPEN = 1 << 1,   // open, openat, fopen, mkdirat
    NTH_WRITE = 1 << 2,  // write, pwrite, gzwrite, gzclose
    NTH_READ = 1 << 3,   // read, pread, readdir
    NTH_FLUSH = 1 << 4,  // fsync, fdatasync
    NTH_RENAME = 1 << 5, // rename, renameat
    NTH_CUT = 1 << 6,    // ftruncate, unlinkat
    NTH_LINK = 1 << 7,   // connecting to Redis, sending, waiting for an answer
    NTH_ANSWER = 1 << 8, // what Redis answers: errors, and what was not asked for
    NTH_REDIS = NTH_LINK | NTH_ANSWER,
    NTH_FILES = NTH_OPEN | NTH_WRITE | NTH_READ | NTH_FLUSH | NTH_RENAME | NTH_CUT,
};

typedef struct {
    unsigned kinds;
    unsigned way; // which of the ways to fail, see nth.c
    unsigned n;   // the call of this run that fails; 0 = none
    unsigned runs;
    size_t blocks, descriptors; // there before the run
} nth_t;

nth_t nth_over(unsigned kinds);
// Judge the last run, if there was one, and begin another. False: there is nothing more to fail.
bool nth_next(nth_t *self);
void nth_arm(nth_t *self);
void nth_disarm(nth_t *self);
bool nth_struck(void);  // did a call fail in this run?
bool nth_excused(void); // so that what is tested may have failed? Not by EINTR, or half a write
const char *nth_words(void); // "write no. 3: No space left on device, from then on"

// The monotonic clock of our libraries is so much ahead, from now on: nobody waits in a test.
void nth_skip_ms(int64_t ms);

// Done, or it failed for a reason and said why.
#define nth_assert_done(done, fault)                                                               \
    do {                                                                                           \
        if (!(done) && !nth_excused())                                                             \
            fail_msg("failed without a reason: %s", (fault).text);                                 \
        if (!(done) && (fault).text[0] == '\0')                                                    \
            fail_msg("failed without a word");                                                     \
    } while (0)

// For the teardown of every test: what failed when the test did.
int nth_teardown(void **state);

// A directory of its own for a run, and away with it.
void nth_directory(char path[64]);
void nth_remove(const char *path);
