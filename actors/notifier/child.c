/*  child -- see child.h. */
#include "actors/notifier/child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void child_expect(void)
{
    signal(SIGCHLD, SIG_DFL);
}

// In the child, between fork and exec: async-signal-safe calls alone.
static __attribute__((noreturn)) void become(const child_program_t *program, int nowhere,
                                             pid_t parent)
{
    static const int known[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD };
    int out = program->out < 0 ? nowhere : program->out;
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        signal(known[i], SIG_DFL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        dup2(program->in, 0) != 0 || dup2(out, 1) != 1 || dup2(nowhere, 2) != 2 ||
        close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0)
        _exit(126);
    execve(program->path, program->words, program->environment);
    _exit(127);
}

bool child_start(child_t *self, const child_program_t *program, fault_t *fault)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (nowhere < 0)
        return fault_set(fault, "cannot open /dev/null: %s", strerror(errno));
    pid_t parent = getpid(), id = fork();
    if (id == 0)
        become(program, nowhere, parent);
    int failed = errno;
    close(nowhere);
    if (id < 0)
        return fault_set(fault, "cannot start a process: %s", strerror(failed));
    setpgid(id, id); // whoever of the two comes first
    *self = (child_t){ .id = id, .ended = pidfd_open(id, 0) };
    if (self->ended >= 0)
        return true;
    fault_set(fault, "cannot watch a process: %s", strerror(errno));
    child_kill(self);
    return false;
}

bool child_has_ended(const child_t *self)
{
    siginfo_t info = { 0 };
    // Whose end was reaped by somebody else has ended too.
    return waitid(P_PID, (id_t) self->id, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid != 0;
}

void child_kill(const child_t *self)
{
    kill(-self->id, SIGKILL);
}

bool child_bury(child_t *self, int *status)
{
    bool known = waitpid(self->id, status, WNOHANG) == self->id;
    if (self->ended >= 0)
        close(self->ended);
    *self = (child_t){ 0 };
    return known;
}
