/*  last_words -- see last_words.h. */
#include "actors/cli/last_words.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { TAIL_BYTES = 4096 };

// A value of logfmt: bare, or quoted like JSON.
static void s_copy_value(const char *value, const char *end, char *text, size_t size)
{
    size_t used = 0;
    bool quoted = value < end && *value == '"';
    for (const char *c = value + quoted; c < end && used + 1 < size; c++) {
        if (*c == (quoted ? '"' : ' '))
            break;
        if (quoted && *c == '\\' && c + 1 < end)
            c++;
        text[used++] = *c;
    }
    text[used] = '\0';
}

// Of the pair with this key, NULL: there is none.
static const char *s_find(const char *line, const char *end, const char *key)
{
    size_t size = strlen(key);
    for (const char *c = line; c + size < end; c++)
        if (memcmp(c, key, size) == 0)
            return c + size;
    return NULL;
}

void last_words(const char *log, char *text, size_t size)
{
    const char *end = log + strlen(log);
    while (end > log && end[-1] == '\n')
        end--;
    const char *line = end;
    while (line > log && line[-1] != '\n')
        line--;
    const char *value = NULL;
    if (strncmp(line, "ts=", 3) == 0) {
        static const char *const keys[] = { " reason=", " error=", " msg=" };
        for (size_t i = 0; !value && i < sizeof keys / sizeof *keys; i++)
            value = s_find(line, end, keys[i]);
    }
    if (value)
        s_copy_value(value, end, text, size);
    else
        snprintf(text, size, "%.*s", (int) (end - line), line);
}

void last_words_of_file(const char *path, char *text, size_t size)
{
    char tail[TAIL_BYTES] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd != -1) {
        off_t end = lseek(fd, 0, SEEK_END);
        off_t start = end > TAIL_BYTES - 1 ? end - TAIL_BYTES + 1 : 0;
        ssize_t got = pread(fd, tail, sizeof tail - 1, start);
        tail[got > 0 ? got : 0] = '\0';
        close(fd);
    }
    last_words(tail, text, size);
}
