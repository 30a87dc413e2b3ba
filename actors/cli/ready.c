/*  ready -- see ready.h. The first character of a line is its kind. */
#include "actors/cli/ready.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES_MAX = 1024, NOTE = '~', DONE = '+', FAILED = '-' };

static void s_tell(int fd, char kind, const char *text)
{
    char line[LINE_BYTES_MAX];
    snprintf(line, sizeof line, "%c%.*s", kind, LINE_BYTES_MAX - 3, text);
    for (char *c = line; (c = strchr(c, '\n'));)
        *c = ' ';
    size_t size = strlen(line);
    line[size++] = '\n';
    ssize_t written = write(fd, line, size);
    (void) written; // whoever waited is gone: nothing to tell it
}

void ready_note(const int *fd, const char *text)
{
    if (*fd != -1)
        s_tell(*fd, NOTE, text);
}

static void s_tell_last(int *fd, char kind, const char *text)
{
    if (*fd == -1)
        return;
    s_tell(*fd, kind, text);
    close(*fd);
    *fd = -1;
}

void ready_done(int *fd)
{
    s_tell_last(fd, DONE, "");
}

void ready_failed(int *fd, const char *text)
{
    s_tell_last(fd, FAILED, text);
}

// True: line was the last word.
static bool s_hear(const char *line, const char *word, ready_t *ready, fault_t *fault)
{
    if (line[0] == NOTE) {
        fprintf(stderr, "tidewire %s: %s\n", word, line + 1);
        return false;
    }
    *ready = line[0] == DONE ? READY : READY_FAILED;
    if (*ready == READY_FAILED)
        fault_set(fault, "%s", line + 1);
    return true;
}

ready_t ready_wait(int fd, int signals, const char *word, fault_t *fault)
{
    FILE *lines = fdopen(fd, "r");
    char line[LINE_BYTES_MAX];
    ready_t ready = READY_FAILED;
    fault_set(fault, "the supervisor ended; its log says why");
    if (lines)
        setvbuf(lines, NULL, _IONBF, 0); // or poll would not know of lines already read
    for (bool last = !lines; !last;) {
        struct pollfd wait[] = { { .fd = fd, .events = POLLIN },
                                 { .fd = signals, .events = POLLIN } };
        if (poll(wait, 2, -1) == -1 && errno == EINTR)
            continue;
        last = wait[0].revents == 0;
        if (last)
            ready = READY_STOPPED;
        else if (!fgets(line, sizeof line, lines))
            last = true;
        else
            last = (line[strcspn(line, "\n")] = '\0', s_hear(line, word, &ready, fault));
    }
    if (lines)
        fclose(lines);
    return ready;
}
