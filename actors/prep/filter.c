/*  filter -- a child process that runs jq. See filter.h. */
#include "actors/prep/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/prep/jq.h"
#include "actors/prep/jq_words.h"
#include "proto/owned.h"

struct filter {
    char *text;
    pid_t child; // 0 = none
    int socket;
    int64_t used_us; // processor time of this child, as it was last told
    int64_t left_us; // for the record in hand
};

enum { SECOND_US = 1000000 };

// Before a document.
typedef struct {
    uint32_t size;
    int64_t left_us; // that it may take
} question_t;

// Before the outputs of a document, and once after compiling.
typedef struct {
    uint32_t rows_size;
    bool good;
    int64_t used_us; // by this child, ever
    fault_t fault;
} reply_t;

static int64_t s_us(const struct rusage *usage)
{
    return SECOND_US * ((int64_t) usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
           usage->ru_utime.tv_usec + usage->ru_stime.tv_usec;
}

// ---- both ends --------------------------------------------------------------------------------

static bool s_send(int to, const void *data, size_t size)
{
    for (const char *at = data; size > 0;) {
        ssize_t sent = send(to, at, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return false;
        if (sent > 0) {
            at += sent;
            size -= (size_t) sent;
        }
    }
    return true;
}

static bool s_receive(int from, void *data, size_t size)
{
    for (char *at = data; size > 0;) {
        ssize_t got = recv(from, at, size, 0);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        if (got > 0) {
            at += got;
            size -= (size_t) got;
        }
    }
    return true;
}

// ---- the child --------------------------------------------------------------------------------

static void s_limit(int resource, rlim_t most)
{
    struct rlimit limit = { most, most };
    if (setrlimit(resource, &limit) != 0)
        _exit(1);
}

// So much more than what we brought along. Sanitizers reserve more address space than any limit.
static void s_limit_memory(void)
{
#ifndef TIDEWIRE_SANITIZED
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu", &pages) != 1)
        _exit(1);
    fclose(file);
    s_limit(RLIMIT_AS, (rlim_t) pages * (rlim_t) sysconf(_SC_PAGESIZE) + FILTER_MEMORY_BYTES);
#endif
}

// Leave everything behind but the socket, which becomes descriptor 0.
static void s_retire(int socket)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "tidewire jq");
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    static const int CALM[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT }; // our parent ends us
    for (size_t i = 0; i < sizeof CALM / sizeof CALM[0]; i++)
        signal(CALM[i], SIG_IGN);
    static const int DEADLY[] = { SIGPROF, SIGABRT, SIGSEGV, SIGBUS };
    for (size_t i = 0; i < sizeof DEADLY / sizeof DEADLY[0]; i++)
        signal(DEADLY[i], SIG_DFL);
    int nowhere = open("/dev/null", O_RDWR);
    if (clearenv() != 0 || dup2(socket, 0) != 0 || nowhere < 0 || dup2(nowhere, 1) != 1 ||
        dup2(nowhere, 2) != 2)
        _exit(1);
    s_limit_memory();
    if (close_range(3, ~0U, 0) != 0)
        _exit(1);
    s_limit(RLIMIT_CORE, 0);
    s_limit(RLIMIT_FSIZE, 0);
    s_limit(RLIMIT_NOFILE, 0); // nothing can be opened any more
}

// End this process when it has computed for so long; 0: do not.
static void s_watch(int64_t left_us)
{
    struct itimerval timer = { .it_value = { .tv_sec = left_us / SECOND_US,
                                             .tv_usec = left_us % SECOND_US } };
    setitimer(ITIMER_PROF, &timer, NULL);
}

static int64_t s_used_us(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? s_us(&usage) : 0;
}

static __attribute__((noreturn)) void s_serve(int socket, const char *text)
{
    s_retire(socket);
    s_watch((int64_t) FILTER_CPU_S * SECOND_US);
    reply_t reply = { 0 };
    jq_program_t *program = jq_program_new(text, &reply.fault);
    reply.good = program != NULL;
    buffer_t document = { .limit = FILTER_DOCUMENT_MAX }, rows = { .limit = FILTER_ROWS_BYTES_MAX };
    for (;;) {
        s_watch(0);
        question_t question;
        reply.rows_size = (uint32_t) rows.size;
        reply.used_us = s_used_us();
        if (!s_send(0, &reply, sizeof reply) || !s_send(0, rows.data, rows.size) || !program ||
            !s_receive(0, &question, sizeof question))
            _exit(0);
        buffer_clear(&document);
        buffer_clear(&rows);
        uint8_t *place = buffer_extend(&document, question.size);
        if (!place || !s_receive(0, place, question.size))
            _exit(0);
        s_watch(question.left_us);
        reply = (reply_t){ 0 };
        reply.good = jq_program_run(program, buffer_slice(&document), &rows, &reply.fault);
    }
}

// ---- the parent -------------------------------------------------------------------------------

static bool s_start(filter_t *self)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return false;
    // No exec: what the child does needs this text and libjq, and of the libraries that keep
    // threads it touches none.
    self->used_us = 0;
    self->child = fork();
    if (self->child == 0)
        s_serve(ends[1], self->text);
    close(ends[1]);
    self->socket = ends[0];
    if (self->child > 0)
        return true;
    self->child = 0;
    close(self->socket);
    return false;
}

static void s_charge(filter_t *self, int64_t used_us)
{
    self->left_us -= used_us - self->used_us;
    self->used_us = used_us;
}

// How the child came to its end, and what it took until then.
static int s_bury(filter_t *self, struct rusage *usage)
{
    int status = 0;
    *usage = (struct rusage){ 0 };
    if (self->child == 0)
        return 0;
    close(self->socket);
    while (wait4(self->child, &status, 0, usage) < 0 && errno == EINTR)
        ;
    self->child = 0;
    return status;
}

static filter_result_t s_spent(filter_t *self, fault_t *fault)
{
    self->left_us = 0;
    fault_set(fault, "it did not end within %d s of computing", FILTER_CPU_S);
    return FILTER_SPENT;
}

// The child is gone instead of answering. Somebody from outside may have ended it: what it took is
// charged only if it is not to be asked again.
static filter_result_t s_autopsy(filter_t *self, fault_t *fault)
{
    struct rusage usage;
    int status = s_bury(self, &usage);
    int end = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    if (end == SIGPROF)
        return s_spent(self, fault);
    if (end != SIGABRT && end != SIGSEGV && end != SIGBUS)
        return FILTER_BROKEN;
    s_charge(self, s_us(&usage));
    fault_set(fault, "jq gave up: more than %d MB of memory, or a mistake of its own",
              FILTER_MEMORY_BYTES >> 20);
    return FILTER_FAILED;
}

// Start a child if there is none, and hear what it says of the filter.
static filter_result_t s_stand_up(filter_t *self, fault_t *fault)
{
    reply_t reply;
    if (self->child)
        return FILTER_GOOD;
    if (!s_start(self))
        return FILTER_BROKEN;
    if (!s_receive(self->socket, &reply, sizeof reply))
        return s_autopsy(self, fault);
    s_charge(self, reply.used_us);
    if (reply.good)
        return FILTER_GOOD;
    struct rusage usage;
    *fault = reply.fault;
    s_bury(self, &usage);
    return FILTER_FAILED;
}

static filter_result_t s_ask(filter_t *self, slice_t document, buffer_t *rows, fault_t *fault)
{
    reply_t reply;
    filter_result_t result = s_stand_up(self, fault);
    if (result != FILTER_GOOD)
        return result;
    if (self->left_us <= 0)
        return s_spent(self, fault);
    question_t question = { .size = (uint32_t) document.size, .left_us = self->left_us };
    if (!s_send(self->socket, &question, sizeof question) ||
        !s_send(self->socket, document.data, document.size) ||
        !s_receive(self->socket, &reply, sizeof reply))
        return s_autopsy(self, fault);
    s_charge(self, reply.used_us);
    uint8_t *place = buffer_extend(rows, reply.rows_size);
    if (!place) {
        struct rusage usage;
        (void) kill(self->child, SIGKILL); // it waits for us to read on
        s_bury(self, &usage);
        return FILTER_BROKEN;
    }
    if (!s_receive(self->socket, place, reply.rows_size))
        return s_autopsy(self, fault);
    if (!reply.good)
        *fault = reply.fault;
    return reply.good ? FILTER_GOOD : FILTER_FAILED;
}

void filter_renew(filter_t *self)
{
    self->left_us = (int64_t) FILTER_CPU_S * SECOND_US;
}

filter_result_t filter_run(filter_t *self, slice_t document, buffer_t *rows, fault_t *fault)
{
    buffer_clear(rows);
    if (document.size > FILTER_DOCUMENT_MAX) {
        fault_set(fault, "a document of more than %d MB", FILTER_DOCUMENT_MAX >> 20);
        return FILTER_FAILED;
    }
    if (self->left_us <= 0)
        return s_spent(self, fault); // without a new child
    filter_result_t result = s_ask(self, document, rows, fault);
    if (result != FILTER_BROKEN)
        return result;
    buffer_clear(rows);
    return s_ask(self, document, rows, fault); // once more, with a new child
}

filter_t *filter_new(slice_t text, fault_t *fault)
{
    if (text.size == 0 || text.size > FILTER_TEXT_MAX || memchr(text.data, '\0', text.size)) {
        fault_set_at(fault, 1, 1, "jq: a filter has 1 to %d bytes", FILTER_TEXT_MAX);
        return NULL;
    }
    if (!jq_words_good(text, fault))
        return NULL;
    owned(filter_destroy) filter_t *self = calloc(1, sizeof *self);
    if (self)
        self->text = strndup((const char *) text.data, text.size);
    if (!self || !self->text) {
        fault_set(fault, "no memory");
        return NULL;
    }
    filter_renew(self);
    fault_t cause = { 0 };
    switch (s_stand_up(self, &cause)) {
    case FILTER_GOOD:
        break;
    case FILTER_FAILED:
    case FILTER_SPENT:
        fault_set_at(fault, 1, 1, "jq: %s", cause.text); // a place in the filter
        return NULL;
    case FILTER_BROKEN:
        fault_set(fault, "jq: no process for it: %s", strerror(errno));
        return NULL;
    }
    filter_t *given = self;
    self = NULL;
    return given;
}

void filter_destroy(filter_t **self_p)
{
    filter_t *self = *self_p;
    if (!self)
        return;
    if (self->child) {
        struct rusage usage;
        (void) kill(self->child, SIGKILL);
        s_bury(self, &usage);
    }
    free(self->text);
    free(self);
    *self_p = NULL;
}
