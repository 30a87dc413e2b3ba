/*  sim -- the deterministic simulator: `./run chaos --sim`.
 *
 *      sim --seed N [--trace]       one run; exit 1 if an invariant does not hold
 *      sim --seeds N [--from SEED]  many, over all cores, and a table of the faults made
 *          [--until-failure]        ... until the first that fails
 *          [--calm]                 without faults
 *
 *  Every seed runs in a process of its own: the memory that killed actors held is given back, and a
 *  crash is a failing seed like any other.
 */
#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/scenario.h"
#include "tests/sim/world.h"

int __real_close(int fd);
pid_t __real_getpid(void);

enum { FAILURE_BYTES = 2000, JOBS_MAX = 64, PATH_BYTES = 100 };

typedef struct {
    uint64_t seed, hash;
    uint32_t faults[FAULT_KINDS];
    bool failed;
    char failure[FAILURE_BYTES];
} result_t;

typedef struct {
    pid_t child; // 0 = none
    int pipe;
    uint64_t seed;
    char directory[PATH_BYTES];
} job_t;

typedef struct {
    uint64_t seeds, from;
    bool trace, until_failure, calm;
    unsigned jobs;
    uint64_t run, failed, first_failed;
    uint64_t faults[FAULT_KINDS];
    job_t job[JOBS_MAX];
} sim_t;

static void s_run_seed(const sim_t *self, uint64_t seed, const char *directory, result_t *result)
{
    world_begin(seed, self->trace);
    scenario_run(directory, !self->calm);
    *result = (result_t){ .seed = seed, .hash = world_hash() };
    memcpy(result->faults, world_faults, sizeof result->faults);
    if (!world_failure())
        return;
    result->failed = true;
    snprintf(result->failure, sizeof result->failure, "%s", world_failure());
}

static void s_start(const sim_t *self, job_t *job, uint64_t seed)
{
    int ends[2];
    const char *place = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(job->directory, sizeof job->directory, "%s/tidewire-sim-XXXXXX", place);
    if (!mkdtemp(job->directory) || pipe(ends) != 0) {
        perror("sim: cannot begin a run");
        exit(2);
    }
    fflush(NULL);
    job->seed = seed;
    job->pipe = ends[0];
    job->child = fork();
    if (job->child != 0) {
        (void) __real_close(ends[1]);
        return;
    }
    (void) __real_close(ends[0]);
    static result_t result;
    s_run_seed(self, seed, job->directory, &result);
    ssize_t put = write(ends[1], &result, sizeof result);
    _exit(put == sizeof result ? 0 : 3);
}

static int s_remove_one(const char *path, const struct stat *status, int kind, struct FTW *place)
{
    (void) status;
    (void) kind;
    (void) place;
    return remove(path);
}

static void s_remove(const char *directory)
{
    if (nftw(directory, s_remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
        fprintf(stderr, "sim: cannot remove %s: %s\n", directory, strerror(errno));
}

static void s_tell_failure(sim_t *self, const result_t *result)
{
    if (self->failed++ == 0)
        self->first_failed = result->seed;
    printf("seed %" PRIu64 ": %s\n  again: ./run chaos --sim --seed %" PRIu64 "%s\n", result->seed,
           result->failure, result->seed, self->calm ? " --calm" : "");
    fflush(stdout);
}

static void s_finish(sim_t *self, job_t *job)
{
    result_t result = { .seed = job->seed };
    int status;
    bool whole = read(job->pipe, &result, sizeof result) == sizeof result;
    (void) __real_close(job->pipe);
    (void) waitpid(job->child, &status, 0);
    job->child = 0;
    if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        result.failed = true;
        snprintf(result.failure, sizeof result.failure, "the run itself died: %s %d",
                 WIFSIGNALED(status) ? "signal" : "status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    }
    self->run++;
    for (size_t i = 0; i < FAULT_KINDS; i++)
        self->faults[i] += result.faults[i];
    if (result.failed)
        s_tell_failure(self, &result);
    if (self->seeds == 1)
        printf("seed %" PRIu64 " hash %016" PRIx64 "\n", result.seed, result.hash);
    s_remove(job->directory);
}

static job_t *s_wait_for_one(sim_t *self)
{
    struct pollfd ends[JOBS_MAX];
    job_t *jobs[JOBS_MAX];
    nfds_t count = 0;
    for (unsigned i = 0; i < self->jobs; i++) {
        if (!self->job[i].child)
            continue;
        jobs[count] = &self->job[i];
        ends[count++] = (struct pollfd){ .fd = self->job[i].pipe, .events = POLLIN };
    }
    extern int __real_poll(struct pollfd *, nfds_t, int);
    while (count > 0 && __real_poll(ends, count, -1) == -1 && errno == EINTR)
        ;
    for (nfds_t i = 0; i < count; i++)
        if (ends[i].revents)
            return jobs[i];
    return NULL;
}

static void s_run_all(sim_t *self)
{
    for (uint64_t seed = self->from; seed < self->from + self->seeds; seed++) {
        if (self->until_failure && self->failed)
            break;
        job_t *free_job = NULL;
        for (unsigned i = 0; i < self->jobs && !free_job; i++)
            if (!self->job[i].child)
                free_job = &self->job[i];
        if (!free_job)
            s_finish(self, free_job = s_wait_for_one(self));
        s_start(self, free_job, seed);
    }
    for (job_t *job; (job = s_wait_for_one(self));)
        s_finish(self, job);
}

static void s_print_table(const sim_t *self)
{
    puts("\nfault                                      times");
    for (size_t i = 0; i < FAULT_KINDS; i++)
        printf("%-40s %7" PRIu64 "\n", world_fault_names[i], self->faults[i]);
    printf("\n%" PRIu64 " seeds, %" PRIu64 " failing\n", self->run, self->failed);
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        { "seed", required_argument, NULL, 's' },    { "seeds", required_argument, NULL, 'n' },
        { "from", required_argument, NULL, 'f' },    { "trace", no_argument, NULL, 't' },
        { "until-failure", no_argument, NULL, 'u' }, { "calm", no_argument, NULL, 'c' },
        { "jobs", required_argument, NULL, 'j' },    { NULL, 0, NULL, 0 },
    };
    static sim_t self = { .seeds = 100, .from = 1 };
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    self.jobs = cores > JOBS_MAX ? JOBS_MAX : cores > 0 ? (unsigned) cores : 1;
    for (int word; (word = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (word) {
        case 's':
            self.from = strtoull(optarg, NULL, 10);
            self.seeds = 1;
            break;
        case 'n':
            self.seeds = strtoull(optarg, NULL, 10);
            break;
        case 'f':
            self.from = strtoull(optarg, NULL, 10);
            break;
        case 't':
            self.trace = true;
            break;
        case 'u':
            self.until_failure = true;
            break;
        case 'c':
            self.calm = true;
            break;
        case 'j':
            self.jobs = (unsigned) strtoul(optarg, NULL, 10);
            break;
        default:
            fputs("usage: sim --seed N [--trace] | --seeds N [--from SEED] [--until-failure]\n"
                  "           [--calm] [--jobs N]\n",
                  stderr);
            return 2;
        }
    }
    if (self.jobs < 1 || self.jobs > JOBS_MAX)
        self.jobs = 1;
    s_run_all(&self);
    if (self.seeds > 1)
        s_print_table(&self);
    return self.failed ? 1 : 0;
}
