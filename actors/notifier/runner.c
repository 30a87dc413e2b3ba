/*  runner -- see runner.h. */
#include "actors/notifier/runner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/notifier/child.h"
#include "actors/notifier/mailer.h"
#include "proto/owned.h"

enum { ENVIRONMENT_TEXT_MAX = 1024 };

typedef struct {
    child_t child; // id 0: the place is free
    int answer;    // file that the mailer writes to; -1: of a command
    bool told;     // its answer is out: killed, and to be buried
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
    child_expect();
    return self;
}

// The place of one that has ended. False: nobody can say how it ended.
static bool clear_place(run_t *run, int *status)
{
    child_kill(&run->child);
    bool known = child_bury(&run->child, status);
    if (run->answer >= 0)
        close(run->answer);
    *run = (run_t){ .answer = -1 };
    return known;
}

void runner_destroy(runner_t **self_p)
{
    runner_t *self = *self_p;
    int status;
    if (!self)
        return;
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++)
        if (self->runs[i].child.id)
            clear_place(&self->runs[i], &status);
    free(self);
    *self_p = NULL;
}

static run_t *find_room(const runner_t *self)
{
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++)
        if (!self->runs[i].child.id)
            return (run_t *) &self->runs[i];
    return NULL;
}

bool runner_has_room(const runner_t *self)
{
    return find_room(self) != NULL;
}

// ---- start ----------------------------------------------------------------------------------

// Bytes as a file that nobody else sees: who does not read it holds up nobody. -1: errno.
static int make_file(const buffer_t *body)
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

static bool start_command(run_t *run, const letter_t *letter, int body, fault_t *fault)
{
    char id[ENVIRONMENT_TEXT_MAX], subscriber[ENVIRONMENT_TEXT_MAX];
    char path[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    snprintf(id, sizeof id, "TIDEWIRE_ID=%s", letter->id);
    snprintf(subscriber, sizeof subscriber, "TIDEWIRE_SUBSCRIBER=%s", letter->subscriber);
    char *const environment[] = { path, id, subscriber, NULL };
    char *const words[] = { (char *) letter->command->run, NULL };
    const child_program_t program = { letter->command->run, words, environment, body, -1 };
    return child_start(&run->child, &program, fault);
}

// Ourselves again, even if another version was put in the place of this one.
static bool start_mailer(run_t *run, int given, fault_t *fault)
{
    char name[] = "tidewire", word[] = MAILER_WORD;
    char *const words[] = { name, word, NULL };
    const child_program_t program = { "/proc/self/exe", words, environ, given, run->answer };
    return child_start(&run->child, &program, fault);
}

static bool start(run_t *run, const letter_t *letter, fault_t *fault)
{
    bool is_mail = letter->kind == LETTER_MAIL;
    owned(buffer_destroy) buffer_t mail = { 0 };
    if (is_mail && !mailer_write(letter, &mail))
        return fault_set(fault, "out of memory");
    static const buffer_t nothing = { 0 };
    int in = make_file(is_mail ? &mail : &letter->body);
    run->answer = is_mail && in >= 0 ? make_file(&nothing) : -1;
    bool started = in >= 0 && (!is_mail || run->answer >= 0);
    if (!started)
        fault_set(fault, "cannot open what a process is to read: %s", strerror(errno));
    started =
        started && (is_mail ? start_mailer(run, in, fault) : start_command(run, letter, in, fault));
    if (in >= 0)
        close(in);
    return started;
}

deliver_status_t runner_start(runner_t *self, const letter_t *letter, size_t tag, int64_t now_us,
                              fault_t *fault)
{
    bool is_mail = letter->kind == LETTER_MAIL;
    run_t *run = find_room(self);
    if (!run)
        return DELIVER_BUSY;
    if (!is_mail && access(letter->command->run, X_OK) != 0) {
        fault_set(fault, "cannot run '%.100s': %s", letter->command->run, strerror(errno));
        return DELIVER_REFUSED;
    }
    *run = (run_t){ .answer = -1, .tag = tag };
    run->due_us = now_us + (is_mail ? MAILER_MS * INT64_C(1000) : letter->command->timeout_us);
    if (start(run, letter, fault))
        return DELIVER_STARTED;
    run->told = true; // if there is anything to bury
    if (!run->child.id && run->answer >= 0)
        close(run->answer);
    return DELIVER_REFUSED;
}

// ---- end ------------------------------------------------------------------------------------

static void say_end(const char *what, int status, answer_t *answer)
{
    if (WIFEXITED(status))
        snprintf(answer->error, sizeof answer->error, "%s ended with %d", what,
                 WEXITSTATUS(status));
    else
        snprintf(answer->error, sizeof answer->error, "%s was killed by signal %d", what,
                 WTERMSIG(status));
}

// What the mail server said, if it did, is the answer, however the mailer ended.
static bool read_answer(const run_t *run, answer_t *answer)
{
    bool answered = run->answer >= 0 && mailer_answer(run->answer, answer);
    answer->tag = run->tag;
    return answered;
}

static void take_end(run_t *run, answer_t *answer)
{
    const char *what = run->answer < 0 ? "the command" : "the mailer";
    bool is_mail = run->answer >= 0;
    int status = 0;
    *answer = (answer_t){ .verdict = VERDICT_RETRY };
    bool answered = read_answer(run, answer), known = clear_place(run, &status);
    if (answered)
        return;
    if (!known)
        snprintf(answer->error, sizeof answer->error, "%s ended, nobody knows how", what);
    else if (!is_mail && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        answer->verdict = VERDICT_DELIVERED;
    else
        say_end(what, status, answer);
}

static void take_late(run_t *run, answer_t *answer)
{
    *answer = (answer_t){ .verdict = VERDICT_RETRY };
    if (!read_answer(run, answer))
        snprintf(answer->error, sizeof answer->error, "the %s took too long and was killed",
                 run->answer < 0 ? "command" : "mailer");
    child_kill(&run->child);
    run->told = true;
}

bool runner_next(runner_t *self, int64_t now_us, answer_t *answer)
{
    int status;
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++) {
        run_t *run = &self->runs[i];
        bool ended = run->child.id && child_has_ended(&run->child);
        if (!run->child.id || (!ended && (run->told || now_us < run->due_us)))
            continue;
        if (ended && run->told) {
            clear_place(run, &status);
            continue;
        }
        if (ended)
            take_end(run, answer);
        else
            take_late(run, answer);
        return true;
    }
    return false;
}

void runner_descriptors(const runner_t *self, int descriptors[RUNNER_AT_ONCE_MAX])
{
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++)
        descriptors[i] = self->runs[i].child.id ? self->runs[i].child.ended : -1;
}

int64_t runner_due_us(const runner_t *self)
{
    int64_t due_us = INT64_MAX;
    for (size_t i = 0; i < RUNNER_AT_ONCE_MAX; i++)
        if (self->runs[i].child.id && !self->runs[i].told && self->runs[i].due_us < due_us)
            due_us = self->runs[i].due_us;
    return due_us;
}
