/*  supervise -- see supervise.h.
 *
 *  One process is one unit of failure; this one only starts, waits and starts again. A lock on
 *  DIR/supervisor.pid makes it the only one in its DIR; children get SIGTERM when it dies, so
 *  nothing is left behind, and SIGKILL with it when it is told twice to stop. It never touches
 *  data.
 */
#include "actors/cli/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/cli/last_words.h"
#include "actors/cli/ready.h"
#include "actors/cli/roles.h"
#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/site.h"
#include "proto/owned.h"

enum {
    BACKOFF_FIRST_US = 200 * 1000,
    BACKOFF_MOST_US = 10 * 1000 * 1000,
    STEADY_US = 3 * 1000 * 1000, // lived so long: it works, and the next restart is quick again
    TURN_MS = 50,                // how often the children are looked at
    ASK_FIRST_US = 200 * 1000,   // after a Redis that did not answer; twice as long each time
    ASK_MOST_US = 5 * 1000 * 1000,
    TELL_FIRST_US = 10 * 1000 * 1000,
    READY_US = 60 * 1000 * 1000,
    STOP_US = 15 * 1000 * 1000, // then SIGKILL
};

typedef struct {
    const char *role;
    char name[ROLES_NAME_MAX];
    pid_t pid; // 0 = not running
    int64_t started_us, start_at_us, backoff_us;
    bool seen; // lives in the registry
} child_t;

typedef struct {
    const supervise_t *plan;
    const settings_t *settings;
    int signals;
    store_t *store;
    pid_t redis;
    int64_t redis_start_at_us;
    const child_t *refused; // the first that ended by itself with an error
    bool redis_away;        // one that is not ours
    int64_t ask_us, ask_pause_us, tell_us, tell_pause_us; // while it is
    size_t count;
    child_t children[SUPERVISE_CHILDREN_MAX];
} supervisor_t;

bool supervise_check(const supervise_t *self, fault_t *fault)
{
    for (int r = 0; r < ROLES; r++)
        if (roles_count(self->roles, roles_order[r], fault) == -1)
            return false;
    return true;
}

// ---- children ---------------------------------------------------------------------------------

static void child_exec(const supervisor_t *self, const child_t *child, pid_t parent)
{
    char log[SITE_PATH_MAX];
    snprintf(log, sizeof log, "%s/log/%s.log", self->plan->dir, child->name);
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (fd != -1) {
        dup2(fd, STDERR_FILENO);
        dup2(fd, STDOUT_FILENO);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(0); // it died before we asked to be told
    execl("/proc/self/exe", "tidewire", child->role, "-c", self->plan->config, "--name",
          child->name, "--dir", self->plan->dir, (char *) NULL);
    _exit(127);
}

static void child_start(supervisor_t *self, child_t *child, int64_t now_us)
{
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        child_exec(self, child, parent);
    if (pid == -1) {
        child->start_at_us = now_us + BACKOFF_MOST_US;
        return;
    }
    child->pid = pid;
    child->started_us = now_us;
}

static void child_died(child_t *child, int status, int64_t now_us)
{
    bool steady = now_us - child->started_us > STEADY_US;
    child->backoff_us = steady || !child->backoff_us ? BACKOFF_FIRST_US : child->backoff_us * 2;
    if (child->backoff_us > BACKOFF_MOST_US)
        child->backoff_us = BACKOFF_MOST_US;
    child->start_at_us = now_us + child->backoff_us;
    child->pid = 0;
    log_event(LOG_WARNING, "actor ended; starting it again",
              "child=%s exit=%d signal=%d wait_ms=%d", child->name,
              WIFEXITED(status) ? WEXITSTATUS(status) : -1,
              WIFSIGNALED(status) ? WTERMSIG(status) : 0, (int) (child->backoff_us / 1000));
}

static void reap(supervisor_t *self, int64_t now_us)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid == self->redis) {
            log_event(LOG_WARNING, "redis-server ended; starting it again", NULL);
            self->redis = 0;
            self->redis_start_at_us = now_us + BACKOFF_FIRST_US;
        }
        for (size_t i = 0; i < self->count; i++) {
            if (self->children[i].pid != pid)
                continue;
            child_died(&self->children[i], status, now_us);
            if (!self->refused && WIFEXITED(status) && WEXITSTATUS(status) != EXIT_OK)
                self->refused = &self->children[i];
        }
    }
}

static bool is_embedded(const supervisor_t *self)
{
    return strcmp(self->settings->redis, "embedded") == 0;
}

static void start_due(supervisor_t *self, int64_t now_us)
{
    if (is_embedded(self) && self->redis == 0 && now_us >= self->redis_start_at_us) {
        fault_t fault;
        pid_t pid = redis_server_spawn(self->plan->dir, &fault);
        if (pid > 0) {
            self->redis = pid;
        } else {
            // Perhaps that of an earlier life is still saving; it has been told to end.
            self->redis_start_at_us = now_us + BACKOFF_FIRST_US;
            log_event(LOG_WARNING, "cannot start redis-server yet", "reason=%s",
                      log_quote(fault.text));
        }
    }
    for (size_t i = 0; i < self->count; i++)
        if (self->children[i].pid == 0 && now_us >= self->children[i].start_at_us)
            child_start(self, &self->children[i], now_us);
}

static void stop_one(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    int64_t until_us = life_mono_us() + STOP_US;
    int status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        if (life_mono_us() > until_us) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            return;
        }
        poll(NULL, 0, 5);
    }
}

// Upstream first: each stage drains into a living one.
static void stop_all(supervisor_t *self)
{
    log_event(LOG_INFO, "stopping", NULL);
    for (size_t i = self->count; i-- > 0;)
        stop_one(self->children[i].pid);
    if (self->redis > 0)
        redis_server_stop(self->redis);
}

// ---- readiness --------------------------------------------------------------------------------

// An actor is known by its name; a collector whose sources name streams, as "<name>.<stream>".
static bool is_known_as(const child_t *child, const store_actor_t *actor)
{
    size_t size = strlen(child->name);
    if (strcmp(child->role, actor->role) != 0 || strncmp(child->name, actor->name, size) != 0)
        return false;
    return actor->name[size] == '\0' ||
           (actor->name[size] == '.' && strcmp(child->role, "collector") == 0);
}

static void see_actor(void *context, const store_actor_t *actor)
{
    supervisor_t *self = context;
    for (size_t i = 0; i < self->count; i++)
        if (is_known_as(&self->children[i], actor))
            self->children[i].seen = true;
}

static const char *unready_name(supervisor_t *self)
{
    if (self->redis > 0 && !redis_server_ready(self->plan->dir))
        return "redis";
    for (size_t i = 0; i < self->count; i++)
        self->children[i].seen = false;
    if (store_actors(self->store, NULL, see_actor, self) != STORE_OK) {
        self->redis_away = !is_embedded(self);
        return "redis";
    }
    self->redis_away = false;
    for (size_t i = 0; i < self->count; i++)
        if (!self->children[i].seen)
            return self->children[i].name;
    return NULL;
}

// Redis of somebody else is away: the actors wait for it by themselves, and so do we. Said at once,
// then ever more rarely.
static void tell_redis_away(supervisor_t *self, const int *ready_fd, int64_t now_us)
{
    if (now_us < self->tell_us)
        return;
    self->tell_pause_us = self->tell_pause_us ? 2 * self->tell_pause_us : TELL_FIRST_US;
    self->tell_us = now_us + self->tell_pause_us;
    char text[FAULT_TEXT_MAX + 64];
    snprintf(text, sizeof text, "%s; waiting for it", store_error(self->store));
    log_event(LOG_WARNING, "redis does not answer; waiting for it", "reason=%s",
              log_quote(store_error(self->store)));
    ready_note(ready_fd, text);
}

// ---- the supervisor ---------------------------------------------------------------------------

static int take_lock(const char *dir, fault_t *fault)
{
    char path[SITE_PATH_MAX], pid[16];
    mkdir(dir, 0750);
    snprintf(path, sizeof path, "%s/log", dir);
    mkdir(path, 0750);
    snprintf(path, sizeof path, "%s/supervisor.pid", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd == -1) {
        fault_set(fault, "cannot write '%s': %s", path, strerror(errno));
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == -1) {
        fault_set(fault, "already running in '%s' (`down --dir %s` stops it)", dir, dir);
        close(fd);
        return -1;
    }
    int size = snprintf(pid, sizeof pid, "%d\n", (int) getpid());
    if (ftruncate(fd, 0) == -1 || write(fd, pid, (size_t) size) != size) {
        fault_set(fault, "cannot write '%s': %s", path, strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

int supervise_pid(const char *dir)
{
    char path[SITE_PATH_MAX], text[16] = "";
    snprintf(path, sizeof path, "%s/supervisor.pid", dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd == -1)
        return -1;
    bool running = flock(fd, LOCK_SH | LOCK_NB) == -1 && errno == EWOULDBLOCK;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    return running && size > 0 ? atoi(text) : -1;
}

// `status` and `down` find it there.
static void remember_config(const supervise_t *plan)
{
    char path[SITE_PATH_MAX];
    snprintf(path, sizeof path, "%s/configuration", plan->dir);
    char *whole = realpath(plan->config, NULL);
    unlink(path);
    if (whole && symlink(whole, path) == -1)
        log_event(LOG_WARNING, "cannot remember the configuration", "path=%s", log_quote(path));
    free(whole);
}

bool supervise_config(const char *dir, char *path, size_t size)
{
    int length = snprintf(path, size, "%s/configuration", dir);
    return length > 0 && (size_t) length < size && access(path, R_OK) == 0;
}

// How many of it run here.
static int wanted(const supervisor_t *self, const char *role)
{
    fault_t fault;
    bool asked = self->plan->roles != NULL;
    if (!asked && strcmp(role, ROLES_API) == 0 && !self->settings->listen_http)
        return 0;
    return roles_count(self->plan->roles, role, &fault);
}

static void add_children(supervisor_t *self)
{
    for (int r = 0; r < ROLES; r++) {
        int count = wanted(self, roles_order[r]);
        for (int i = 1; i <= count; i++) {
            child_t *child = &self->children[self->count++];
            child->role = roles_order[r];
            roles_name(child->role, i, child->name);
        }
    }
}

// What we are waiting for, NULL: nothing any more. Asks less often while Redis is away.
static const char *look(supervisor_t *self, const int *ready_fd, int64_t now_us)
{
    if (self->redis_away && now_us < self->ask_us)
        return "redis";
    const char *missing = unready_name(self);
    if (!self->redis_away) {
        self->ask_pause_us = self->tell_us = self->tell_pause_us = 0;
        return missing;
    }
    self->ask_pause_us = self->ask_pause_us ? 2 * self->ask_pause_us : ASK_FIRST_US;
    if (self->ask_pause_us > ASK_MOST_US)
        self->ask_pause_us = ASK_MOST_US;
    self->ask_us = life_mono_us() + self->ask_pause_us;
    tell_redis_away(self, ready_fd, now_us);
    return missing;
}

typedef enum { WAIT_ON, WAIT_OVER, WAIT_VAIN } waiting_t;

// One look at whether everything is ready. WAIT_VAIN with fault: it will not be, stop all.
static waiting_t await_ready(supervisor_t *self, int *ready_fd, int64_t until_us, fault_t *fault)
{
    int64_t now_us = life_mono_us();
    const char *missing = look(self, ready_fd, now_us);
    if (!missing) {
        log_event(LOG_INFO, "ready", "actors=%zu", self->count);
        ready_done(ready_fd);
        return WAIT_OVER;
    }
    if (self->refused) { // trying again would not help whoever waits
        char path[SITE_PATH_MAX], words[FAULT_TEXT_MAX];
        snprintf(path, sizeof path, "%s/log/%s.log", self->plan->dir, self->refused->name);
        last_words_of_file(path, words, sizeof words);
        fault_set(fault, "%s ended: %s", self->refused->name, words);
        return WAIT_VAIN;
    }
    if (now_us <= until_us)
        return WAIT_ON;
    if (!self->redis_away) {
        fault_set(fault, "%s did not start; see %s/log", missing, self->plan->dir);
        return WAIT_VAIN;
    }
    char text[FAULT_TEXT_MAX + 128];
    snprintf(text, sizeof text,
             "%s; the actors go on waiting for it: `status` tells when they run, `down` stops them",
             store_error(self->store));
    ready_failed(ready_fd, text);
    return WAIT_OVER;
}

static int supervisor_loop(supervisor_t *self, int *ready_fd, fault_t *fault)
{
    int64_t until_us = life_mono_us() + READY_US;
    for (;;) {
        int64_t now_us = life_mono_us();
        reap(self, now_us);
        start_due(self, now_us);
        if (*ready_fd != -1 && await_ready(self, ready_fd, until_us, fault) == WAIT_VAIN)
            return EXIT_FAILED;
        struct pollfd wait = { .fd = self->signals, .events = POLLIN };
        if (poll(&wait, 1, TURN_MS) <= 0)
            continue;
        switch (life_take_signal(self->signals)) {
        case LIFE_DRAIN:
            fault_set(fault, "told to stop");
            return EXIT_OK;
        case LIFE_RELOAD:
            for (size_t i = 0; i < self->count; i++)
                if (self->children[i].pid > 0)
                    kill(self->children[i].pid, SIGHUP);
            break;
        case LIFE_GO_ON:
            break;
        }
    }
}

// Told twice to stop: nobody of us waits for anybody. All children are in our process group.
static void kill_all(void)
{
    if (getpgrp() == getpid())
        kill(0, SIGKILL);
}

int supervise_run(const supervise_t *plan, const settings_t *settings, int ready_fd)
{
    fault_t fault = { 0 };
    setsid(); // of its own: Ctrl-C reaches whoever started us first
    life_before_leaving(kill_all);
    supervisor_t self = { .plan = plan, .settings = settings };
    int lock = take_lock(plan->dir, &fault);
    self.signals = lock == -1 ? -1 : life_open_signals();
    if (self.signals != -1)
        self.store = site_store(settings, plan->dir, REDIS_OBSERVER, &fault);
    if (!self.store) {
        ready_failed(&ready_fd, fault.text);
        log_event(LOG_ERROR, "cannot supervise", "reason=%s", log_quote(fault.text));
        if (lock != -1)
            close(lock);
        return EXIT_FAILED;
    }
    remember_config(plan);
    add_children(&self);
    int status = supervisor_loop(&self, &ready_fd, &fault);
    stop_all(&self);
    log_event(LOG_INFO, "stopped", NULL);
    store_destroy(&self.store);
    close(self.signals);
    close(lock);
    ready_failed(&ready_fd, fault.text); // unless it was ready; now that another `up` may follow
    return status;
}
