/*  push -- push rows into a Tidewire feed and wait until all of them are on disk.
 *
 *      cc push.c tidewire_*.c -o push $(pkg-config --cflags --libs libzmq msgpack zlib)
 *      ./push FEED ALERTS SOURCE CLIENT < rows.csv
 *      ./push tcp://127.0.0.1:5570 tcp://127.0.0.1:5560 trades me < rows.csv
 *
 *  Where Tidewire has keys, TIDEWIRE_KEY in the environment names the key file of this feed, and
 *  endpoints have the key of who listens behind them: tcp://HOST:PORT#KEY. ALERTS may be several
 *  brokers, separated by commas, of which one that lives is enough.
 *
 *  The first line of the input names the columns; fields are plain (no quotes). A frame carries up
 *  to 1,000 lines. Run it again after whatever broke it, with the same input: it goes on where it
 *  was. All that matters is done by tidewire_push.c beside it.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tidewire_push.h"

enum { COLUMNS = 64, ROWS = 1000, OPEN_MS = 30000, WORK_MS = 50, READ_BYTES = 65536 };

// The input, read so that the feed works while there is none.
typedef struct {
    tidewire_push_t *feed;
    char bytes[READ_BYTES];
    size_t at, size;
} input_t;

static int next_byte(input_t *self)
{
    while (self->at == self->size) {
        struct pollfd ready = { .fd = STDIN_FILENO, .events = POLLIN };
        if (poll(&ready, 1, 0) == 0) {
            tidewire_push_work(self->feed, WORK_MS);
            continue;
        }
        ssize_t got = read(STDIN_FILENO, self->bytes, sizeof self->bytes);
        if (got <= 0)
            return EOF;
        self->at = 0;
        self->size = (size_t) got;
    }
    return (unsigned char) self->bytes[self->at++];
}

// The next line, to be freed; NULL: there is none.
static char *next_line(input_t *self)
{
    char *line = NULL;
    size_t size = 0, room = 0;
    for (int c; (c = next_byte(self)) != EOF;) {
        if (size + 1 >= room) {
            room = room ? 2 * room : 128;
            char *longer = realloc(line, room);
            if (!longer)
                break;
            line = longer;
        }
        if (c == '\n')
            break;
        line[size++] = (char) c;
        line[size] = '\0';
    }
    if (line)
        line[size] = '\0';
    return line;
}

static size_t split(char *line, char *fields[COLUMNS])
{
    size_t count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *field; count < COLUMNS && (field = strsep(&line, ","));)
        fields[count++] = field;
    return count;
}

// Read up to ROWS lines into values[column][row]; returns how many.
static size_t read_rows(input_t *input, const char *values[COLUMNS][ROWS], char *lines[ROWS],
                        size_t columns)
{
    size_t count = 0;
    char *fields[COLUMNS];
    while (count < ROWS && (lines[count] = next_line(input))) {
        if (split(lines[count], fields) == columns) {
            for (size_t c = 0; c < columns; c++)
                values[c][count] = fields[c];
            count++;
        } else {
            free(lines[count]); // blank, or not a row
        }
    }
    return count;
}

// All of the input, from the frame behind `known` on. Returns the number of rows; -1: failed.
static long push_input(tidewire_push_t *feed, uint64_t known)
{
    static const char *values[COLUMNS][ROWS];
    static char *lines[ROWS];
    static input_t input;
    input.feed = feed;
    char *head = next_line(&input), *names[COLUMNS];
    size_t columns = head ? split(head, names) : 0;
    tidewire_column_t frame[COLUMNS];
    for (size_t c = 0; c < columns; c++)
        frame[c] = (tidewire_column_t){ .name = names[c],
                                        .type = TIDEWIRE_TEXT, // numbers may stand in texts
                                        .values = values[c] };
    long total = 0;
    size_t count;
    for (uint64_t n = 1; columns > 0 && (count = read_rows(&input, values, lines, columns)) > 0;
         n++) {
        if (n > known) {
            if (!tidewire_push_rows(feed, frame, (unsigned) columns, (uint32_t) count, -1))
                total = -1;
            else
                total += (long) count;
        }
        for (size_t r = 0; r < count; r++)
            free(lines[r]);
        if (total < 0)
            break;
    }
    free(head);
    return total;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: push FEED ALERTS SOURCE CLIENT < rows.csv\n");
        return 2;
    }
    tidewire_push_t *feed = tidewire_push_new(argv[1], argv[2], argv[3], argv[4]);
    if (!feed) {
        fprintf(stderr, "push: something is too long, or no memory\n");
        return 1;
    }
    uint64_t known;
    long rows = -1;
    if (tidewire_push_key(feed, getenv("TIDEWIRE_KEY")) &&
        tidewire_push_open(feed, OPEN_MS, &known))
        rows = push_input(feed, known);
    bool good = rows >= 0 && tidewire_push_settle(feed, -1);
    if (good)
        printf("rows=%ld known=%" PRIu64 " last=%" PRIu64 "\n", rows, known,
               tidewire_push_acknowledged(feed));
    else
        fprintf(stderr, "push: %s\n", tidewire_push_error(feed));
    tidewire_push_destroy(&feed);
    return good ? 0 : 1;
}
