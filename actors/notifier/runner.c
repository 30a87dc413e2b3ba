/*  runner -- see runner.h. */
#include "actors/notifier/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENVIRONMENT_TEXT_MAX = 1024 };

typedef struct {
    pid_t child; // and its group; 0 = free
    int ended;   // pidfd
    size_t tag;
    int64_t due_us; // when its time is over
} run_t;

struct runner {
    run_t runs[RUNNER_AT_ONCE_MAX];
};

runner_t *runner_new(fault_t *fault)
{
    runner_t *self = calloc(1, sizeof *self);
    if (!self)
        fault_set(fault, "out of memory");
    return self;
}

// Everything of its group, also what it left behind. While it is not buried nobody else has its id.
static int bury(run_t *run)
{
    int status = 0;
    kill(-run->child, SIGKILL);
    while (waitpid(run->child, &status, 0) < 0 && errno == EINTR)
        ;
    close(run->ended);
    *run = (run_t){ 0 };
    return status;
}

void runner_destroy(runner_t **self_p)
{
    runner_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++)
        if (self->runs[i].child)
            bury(&self->runs[i]);
    free(self);
    *self_p = NULL;
}

static run_t *find_room(const runner_t *self)
{
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++)
        if (!self->runs[i].child)
            return (run_t *) &self->runs[i];
    return NULL;
}

bool runner_has_room(const runner_t *self)
{
    return find_room(self) != NULL;
}

// ---- start ----------------------------------------------------------------------------------

// The body as a file that nobody else sees: a command that does not read it holds up nobody.
static int write_body(const buffer_t *body)
{
    int file = memfd_create("tidewire alert", MFD_CLOEXEC);
    size_t written = 0;
    while (file >= 0 && written < body->size) {
        ssize_t some = write(file, body->data + written, body->size - written);
        if (some < 0 && errno != EINTR) {
            close(file);
            return -1;
        }
        written += some > 0 ? (size_t) some : 0;
    }
    if (file >= 0)
        lseek(file, 0, SEEK_SET);
    return file;
}

// In the child, between fork and exec: async-signal-safe calls alone.
static __attribute__((noreturn)) void become(const char *program, char *const environment[],
                                             int body, int nowhere, pid_t parent)
{
    static const int known[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD };
    char *const words[] = { (char *) program, NULL };
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        signal(known[i], SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || dup2(body, 0) != 0 || dup2(nowhere, 1) != 1 ||
        dup2(nowhere, 2) != 2 || close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        _exit(126);
    execve(program, words, environment);
    _exit(127);
}

static bool spawn(run_t *run, const letter_t *letter, int body, int nowhere, fault_t *fault)
{
    char id[ENVIRONMENT_TEXT_MAX], subscriber[ENVIRONMENT_TEXT_MAX];
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    snprintf(id, sizeof id, "TIDEWIRE_ID=%s", letter->id);
    snprintf(subscriber, sizeof subscriber, "TIDEWIRE_SUBSCRIBER=%s", letter->subscriber);
    char *const environment[] = { path, id, subscriber, NULL };
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        become(letter->command->run, environment, body, nowhere, parent);
    if (child < 0)
        return fault_set(fault, "cannot start a process: %s", strerror(errno));
    setpgid(child, child); // whoever of the two comes first
    run->child = child;
    run->ended = pidfd_open(child, 0);
    if (run->ended >= 0)
        return true;
    fault_set(fault, "cannot watch a process: %s", strerror(errno));
    bury(run);
    return false;
}

deliver_status_t runner_start(runner_t *self, const letter_t *letter, size_t tag, int64_t now_us,
                              fault_t *fault)
{
    const char *program = letter->command->run;
    run_t *run = find_room(self);
    if (!run)
        return DELIVER_BUSY;
    if (access(program, X_OK) != 0) {
        fault_set(fault, "cannot run '%.100s': %s", program, strerror(errno));
        return DELIVER_REFUSED;
    }
    int body = write_body(&letter->body), nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    bool started = body >= 0 && nowhere >= 0;
    if (!started)
        fault_set(fault, "cannot open what the command reads: %s", strerror(errno));
    started = started && spawn(run, letter, body, nowhere, fault);
    if (body >= 0)
        close(body);
    if (nowhere >= 0)
        close(nowhere);
    if (!started)
        return DELIVER_REFUSED;
    run->tag = tag;
    run->due_us = now_us + letter->command->timeout_us;
    return DELIVER_STARTED;
}

// ---- end ------------------------------------------------------------------------------------

static bool has_ended(const run_t *run)
{
    siginfo_t info = { 0 };
    return waitid(P_PIDFD, (id_t) run->ended, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
}

static void judge(int status, bool late, answer_t *answer)
{
    bool good = !late && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    answer->verdict = good ? VERDICT_DELIVERED : VERDICT_RETRY;
    if (late)
        snprintf(answer->error, sizeof answer->error, "the command took too long and was killed");
    else if (WIFEXITED(status))
        snprintf(answer->error, sizeof answer->error, "the command ended with %d",
                 WEXITSTATUS(status));
    else
        snprintf(answer->error, sizeof answer->error, "the command was killed by signal %d",
                 WTERMSIG(status));
}

bool runner_next(runner_t *self, int64_t now_us, answer_t *answer)
{
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++) {
        run_t *run = &self->runs[i];
        bool ended = run->child && has_ended(run);
        if (!run->child || (!ended && now_us < run->due_us))
            continue;
        *answer = (answer_t){ .tag = run->tag };
        judge(bury(run), !ended, answer);
        return true;
    }
    return false;
}

void runner_descriptors(const runner_t *self, int descriptors[RUNNER_AT_ONCE_MAX])
{
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++)
        descriptors[i] = self->runs[i].child ? self->runs[i].ended : -1;
}

int64_t runner_due_us(const runner_t *self)
{
    int64_t due_us = INT64_MAX;
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++)
        if (self->runs[i].child && self->runs[i].due_us < due_us)
            due_us = self->runs[i].due_us;
    return due_us;
}
