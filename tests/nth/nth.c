/*  nth -- see nth.h. */
#include "tests/nth/nth.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/nth/nth_inside.h"

// ---- the ways to fail -------------------------------------------------------------------------

typedef struct {
    unsigned kind;
    nth_fault_t fault;
} way_t;

static const way_t ways[] = {
    { NTH_MEMORY, { .error = ENOMEM } },
    { NTH_MEMORY, { .error = ENOMEM, .lasting = true } },
    { NTH_OPEN, { .error = EMFILE } },
    { NTH_OPEN, { .error = ENOSPC, .lasting = true } },
    { NTH_WRITE, { .error = EIO } },
    { NTH_WRITE, { .error = ENOSPC, .lasting = true } },
    { NTH_WRITE, { .error = ENOSPC, .half = true } }, // what fits is written
    { NTH_WRITE, { .error = EINTR, .harmless = true } },
    { NTH_WRITE, { .half = true, .harmless = true } },
    { NTH_READ, { .error = EIO } },
    { NTH_READ, { .error = EIO, .lasting = true } },
    { NTH_READ, { .error = EINTR, .harmless = true } },
    { NTH_READ, { .half = true, .harmless = true } },
    { NTH_FLUSH, { .error = EIO } },
    { NTH_FLUSH, { .error = ENOSPC, .lasting = true } },
    { NTH_RENAME, { .error = EIO } },
    { NTH_RENAME, { .error = ENOSPC, .lasting = true } },
    { NTH_CUT, { .error = EIO } },
    { NTH_CUT, { .error = EIO, .lasting = true } },
    { NTH_LINK, { .redis = REDIS_CLOSED } },
    { NTH_LINK, { .redis = REDIS_CLOSED, .lasting = true } },
    { NTH_LINK, { .redis = REDIS_LATE } },
    { NTH_ANSWER, { .redis = REDIS_ERROR } },
    { NTH_ANSWER, { .redis = REDIS_LOADING } },
    { NTH_ANSWER, { .redis = REDIS_FULL } },
    { NTH_ANSWER, { .redis = REDIS_NIL } },
    { NTH_ANSWER, { .redis = REDIS_NUMBER } },
    { NTH_ANSWER, { .redis = REDIS_LIST_OF_NIL } },
    { NTH_ANSWER, { .redis = REDIS_TEXT } },
};
enum { WAYS = sizeof ways / sizeof *ways, RUNS_MAX = 20000 };

static const char *name_of(unsigned kind)
{
    static const char *const names[] = { "allocation", "open",          "write",
                                         "read",       "flush",         "rename",
                                         "cut/remove", "call of Redis", "answer" };
    unsigned at = 0;
    while (kind >> at > 1)
        at++;
    return names[at];
}

static const char *redis_words(nth_redis_t redis)
{
    static const char *const words[] = { "",
                                         "connection closed",
                                         "no answer in time",
                                         "an error for an answer",
                                         "LOADING for an answer",
                                         "OOM for an answer",
                                         "nil for an answer",
                                         "a number for an answer",
                                         "a list of nils for an answer",
                                         "rubbish for an answer" };
    return words[redis];
}

// ---- one run ----------------------------------------------------------------------------------

nth_state_t nth_state; // of the one test that runs
static _Thread_local bool ours;

const char *nth_words(void)
{
    static char text[200];
    const way_t *way = &ways[nth_state.way];
    snprintf(text, sizeof text, "%s no. %u: %s%s%s", name_of(way->kind), nth_state.n,
             way->fault.redis   ? redis_words(way->fault.redis)
             : way->fault.error ? strerror(way->fault.error)
                                : "half of it",
             way->fault.half && way->fault.error ? ", after half of it" : "",
             way->fault.lasting ? ", from then on" : "");
    return text;
}

// The place of a call as addr2line wants it.
void nth_place(char text[NTH_PLACE_MAX], const void *place)
{
    Dl_info info;
    if (dladdr(place, &info) && info.dli_fname)
        snprintf(text, NTH_PLACE_MAX, "addr2line -fe %.120s 0x%zx", info.dli_fname,
                 (size_t) ((const char *) place - (const char *) info.dli_fbase) - 1);
    else
        snprintf(text, NTH_PLACE_MAX, "%p", place);
}

const nth_fault_t *nth_fails(unsigned kind, const void *place)
{
    nth_state_t *state = &nth_state;
    if (!ours || !state->armed || kind != ways[state->way].kind || state->n == 0)
        return NULL;
    state->calls++;
    const nth_fault_t *fault = &ways[state->way].fault;
    if (state->calls < state->n || (state->calls > state->n && !fault->lasting))
        return NULL;
    if (!state->struck)
        state->place = place;
    state->struck = true;
    static int trace = -1;
    if (trace < 0)
        trace = getenv("NTH_TRACE") != NULL;
    if (trace && state->calls == state->n) {
        char text[NTH_PLACE_MAX];
        nth_place(text, place);
        dprintf(STDERR_FILENO, "%s -- %s\n", nth_words(), text);
    }
    errno = fault->error;
    return fault;
}

bool nth_struck(void)
{
    return nth_state.struck;
}

bool nth_excused(void)
{
    return nth_state.struck && !ways[nth_state.way].fault.harmless;
}

void nth_arm(nth_t *self)
{
    ours = true;
    nth_state.n = self->n;
    nth_state.way = self->way;
    nth_state.calls = 0;
    nth_state.armed = true;
}

void nth_disarm(nth_t *self)
{
    (void) self;
    nth_state.armed = false;
}

int nth_teardown(void **state)
{
    (void) state;
    if (nth_state.running) {
        char text[NTH_PLACE_MAX];
        nth_state.armed = nth_state.running = false;
        nth_place(text, nth_state.place);
        fprintf(stderr, "    with %s%s%s\n", nth_state.n ? nth_words() : "nothing that failed",
                nth_state.struck ? " -- " : "", nth_state.struck ? text : "");
    }
    nth_blocks_forget();
    return 0;
}

// ---- all runs ---------------------------------------------------------------------------------

static size_t descriptors(void)
{
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

// The next way of these kinds; WAYS: none.
static unsigned next_way(unsigned kinds, unsigned from)
{
    while (from < WAYS && !(kinds & ways[from].kind))
        from++;
    return from;
}

nth_t nth_over(unsigned kinds)
{
    nth_state = (nth_state_t){ .running = true };
    return (nth_t){ .kinds = kinds, .way = next_way(kinds, 0) };
}

static void judge(nth_t *self)
{
    assert_false(nth_state.armed);
    if (nth_blocks_count() > self->blocks) {
        nth_blocks_tell();
        fail_msg("%zu blocks are left over", nth_blocks_count() - self->blocks);
    }
    if (descriptors() != self->descriptors)
        fail_msg("%zu descriptors are open instead of %zu", descriptors(), self->descriptors);
    if (self->n > RUNS_MAX)
        fail_msg("it never ends");
}

bool nth_next(nth_t *self)
{
    if (self->runs == 0) {
        nth_blocks_watch();
    } else {
        if (self->runs > 1) // the first may leave caches behind
            judge(self);
        if (self->n > 0 && !nth_state.struck) {
            if (self->n == 1) // a scenario without such a call tests nothing
                fail_msg("there is no %s to fail", name_of(ways[self->way].kind));
            self->way = next_way(self->kinds, self->way + 1);
            self->n = 0;
        }
        self->n++;
    }
    if (self->way == WAYS) {
        printf("[          ]   %u runs\n", self->runs);
        nth_state.running = false;
        nth_blocks_forget();
        return false;
    }
    self->runs++;
    self->blocks = nth_blocks_count();
    self->descriptors = descriptors();
    nth_state = (nth_state_t){ .running = true, .way = self->way, .n = self->n };
    return true;
}

// ---- files of a run ---------------------------------------------------------------------------

void nth_directory(char path[64])
{
    // In memory where there is such a place: thousands of runs, and no power to be cut.
    const char *below = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(path, 64, "%s/tidewire-nth-XXXXXX", below);
    assert_non_null(mkdtemp(path));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void) status;
    (void) kind;
    (void) place;
    return remove(path);
}

void nth_remove(const char *path)
{
    assert_non_null(strstr(path, "/tidewire-nth-"));
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}
