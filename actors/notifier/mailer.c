/*  mailer -- see mailer.h. The PROGRAM. */
#include "actors/notifier/mailer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "broker/runtime/life.h"
#include "proto/owned.h"

enum {
    QUIT_S = 1,               // longest wait for the answer to a good-bye
    GIVEN_BYTES_MAX = 4 << 20 // of what is read
};

// Texts, each ended by NUL, then the mail. Reader and writer are one program, of one version.
enum { URL, CA_FILE, FROM, TO, USER, PASSWORD, PLAINTEXT, TEXTS };

bool mailer_write(const letter_t *mail, buffer_t *out)
{
    const smtp_settings_t *settings = mail->mail->settings;
    const char *texts[TEXTS] = { [URL] = mail->url,
                                 [CA_FILE] = mail->ca_file,
                                 [FROM] = settings->from.text,
                                 [TO] = mail->to,
                                 [USER] = mail->mail->password ? settings->user : NULL,
                                 [PASSWORD] = mail->mail->password,
                                 [PLAINTEXT] = settings->plaintext };
    for (size_t i = 0; i < TEXTS; i++) {
        const char *text = texts[i] ? texts[i] : "";
        buffer_append(out, text, strlen(text) + 1);
    }
    buffer_append(out, mail->body.data, mail->body.size);
    return !out->failed;
}

bool mailer_answer(int file, answer_t *answer)
{
    answer_t given;
    if (pread(file, &given, sizeof given, 0) != (ssize_t) sizeof given)
        return false;
    *answer = given;
    return true;
}

// ---- the program ----------------------------------------------------------------------------

static bool read_given(buffer_t *given, fault_t *fault)
{
    enum { PIECE = 64 << 10 };
    for (;;) {
        uint8_t *room = buffer_extend(given, PIECE);
        if (!room)
            return fault_set(fault, "out of memory, or more is to be sent than %d bytes",
                             GIVEN_BYTES_MAX);
        ssize_t size = read(STDIN_FILENO, room, PIECE);
        given->size -= PIECE - (size > 0 ? (size_t) size : 0);
        if (size == 0)
            return true;
        if (size < 0 && errno != EINTR)
            return fault_set(fault, "cannot read what is to be sent: %s", strerror(errno));
    }
}

// The texts, and in *rest what follows them.
static bool split_given(const buffer_t *given, const char *texts[TEXTS], slice_t *rest)
{
    *rest = buffer_slice(given);
    for (size_t i = 0; i < TEXTS; i++) {
        const uint8_t *end = rest->size ? memchr(rest->data, '\0', rest->size) : NULL;
        if (!end)
            return false;
        texts[i] = (const char *) rest->data;
        rest->size -= (size_t) (end + 1 - rest->data);
        rest->data = end + 1;
    }
    return true;
}

static bool send_mail(deliver_t *deliver, const letter_t *letter, answer_t *answer, fault_t *fault)
{
    if (deliver_start(deliver, letter, 0, fault) != DELIVER_STARTED)
        return false;
    while (!deliver_next(deliver, answer))
        deliver_wait(deliver, NULL, 0, DELIVER_TOTAL_MS);
    return true;
}

static bool send_given(deliver_t *deliver, const buffer_t *given, answer_t *answer, fault_t *fault)
{
    const char *texts[TEXTS];
    slice_t mail;
    if (!split_given(given, texts, &mail))
        return fault_set(fault, "this word is for the notifier alone");
    const smtp_settings_t settings = { .from = { .text = texts[FROM] },
                                       .user = texts[USER],
                                       .plaintext = texts[PLAINTEXT][0] ? "accept" : NULL };
    const mail_server_t server = { &settings, texts[USER][0] ? texts[PASSWORD] : NULL };
    // It is only read.
    const letter_t letter = { .kind = LETTER_MAIL,
                              .url = texts[URL],
                              .ca_file = texts[CA_FILE][0] ? texts[CA_FILE] : NULL,
                              .to = texts[TO],
                              .mail = &server,
                              .body = { .data = (uint8_t *) mail.data, .size = mail.size } };
    return send_mail(deliver, &letter, answer, fault);
}

int mailer_main(int argc, char **argv)
{
    (void) argc;
    (void) argv;
    fault_t fault = { 0 };
    answer_t answer = { 0 };
    owned(buffer_destroy) buffer_t given = { .limit = GIVEN_BYTES_MAX };
    signal(SIGPIPE, SIG_IGN);
    // No core file, and no debugger of another user: the password is in our memory.
    const struct rlimit none = { 0, 0 };
    if (setrlimit(RLIMIT_CORE, &none) == -1 || prctl(PR_SET_DUMPABLE, 0) == -1) {
        fprintf(stderr, "tidewire: %s: cannot forbid core files\n", MAILER_WORD);
        return EXIT_FAILED;
    }
    // The operator's own server: it may be at a private address.
    owned(deliver_destroy) deliver_t *deliver = deliver_new(true, &fault);
    if (!deliver || !read_given(&given, &fault) || !send_given(deliver, &given, &answer, &fault)) {
        fprintf(stderr, "tidewire: %s: %s\n", MAILER_WORD, fault.text);
        return EXIT_FAILED;
    }
    if (write(STDOUT_FILENO, &answer, sizeof answer) != (ssize_t) sizeof answer)
        return EXIT_FAILED;
    alarm(QUIT_S); // which ends us where the server does not
    deliver_destroy(&deliver);
    return EXIT_OK;
}
