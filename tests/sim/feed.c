/*  feed -- see feed.h. */
#include "tests/sim/feed.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/buffer.h"
#include "tests/sim/reference.h"
#include "tests/sim/world.h"

enum { SERIES_MAX = 4, LINE_BYTES_MAX = 160, ROWS_MAX = 4 };

// Files were there for long, also after a small step back of the clock: a collector passes over one
// that may still be written, and takes the next one first.
static const int64_t SETTLED_US = INT64_C(24) * 3600 * WORLD_SECOND_US;

int __real_close(int fd);

typedef struct {
    int64_t ts_us;
    unsigned value;            // in tenths
    char line[LINE_BYTES_MAX]; // the last row
} series_t;

static struct {
    const char *directory;
    size_t sources;
    unsigned files[FEED_SOURCES_MAX];
    buffer_t written[FEED_SOURCES_MAX];
    series_t series[FEED_SOURCES_MAX][SERIES_MAX];
} self;

static const char *const names[FEED_SOURCES_MAX] = { "ticks", "trades", "other" };

void feed_begin(const char *directory, size_t sources)
{
    self.directory = directory;
    self.sources = sources;
    for (size_t i = 0; i < sources; i++)
        for (size_t s = 0; s < SERIES_MAX; s++)
            self.series[i][s] = (series_t){ .ts_us = world_wall_us(), .value = 500 };
}

const char *feed_name(size_t source)
{
    return names[source];
}

size_t feed_sources(void)
{
    return self.sources;
}

static unsigned s_next_value(unsigned value)
{
    if (world_chance(120)) // a spike, or back from it
        return (unsigned) world_between(100, 3000);
    int64_t next = (int64_t) value + world_between(-40, 40);
    return next < 100 || next > 2000 ? 500 : (unsigned) next;
}

static void s_line(char line[LINE_BYTES_MAX], size_t number, int64_t ts_us, unsigned value)
{
    snprintf(line, LINE_BYTES_MAX, "{\"k\":\"s%zu\",\"t\":%" PRId64 ",\"v\":%u.%u,\"w\":%u}\n",
             number, ts_us, value / 10, value % 10, value % 7);
}

static void s_row(size_t source, buffer_t *out)
{
    size_t number = world_below(SERIES_MAX);
    series_t *series = &self.series[source][number];
    char line[LINE_BYTES_MAX];
    unsigned kind = (unsigned) world_below(100);
    if (kind < 8 && series->line[0]) { // the same again
        buffer_text(out, series->line);
        return;
    }
    if (kind < 16) { // late
        s_line(line, number, series->ts_us - world_between(1, 6000000), s_next_value(500));
    } else if (kind < 24) { // revised
        series->value = s_next_value(series->value);
        s_line(line, number, series->ts_us, series->value);
        memcpy(series->line, line, sizeof line);
    } else if (kind < 29) { // bad
        snprintf(line, sizeof line, "{\"k\":\"s%zu\",\"t\":%" PRId64 ",\"v\":\"?\"}\n", number,
                 series->ts_us);
    } else {
        series->ts_us += world_between(200000, 3000000);
        series->value = s_next_value(series->value);
        s_line(line, number, series->ts_us, series->value);
        memcpy(series->line, line, sizeof line);
    }
    buffer_text(out, line);
}

void feed_write(size_t source)
{
    char path[256];
    buffer_t text = { 0 };
    for (int64_t rows = world_between(1, ROWS_MAX); rows > 0; rows--)
        s_row(source, &text);
    snprintf(path, sizeof path, "%s/%s-%06u.jsonl", self.directory, names[source],
             self.files[source]++);
    int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    int64_t us = world_wall_us() - SETTLED_US;
    struct timespec when = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000 };
    const struct timespec times[] = { when, when };
    if (file < 0 || write(file, text.data, text.size) != (ssize_t) text.size ||
        futimens(file, times) != 0)
        abort();
    (void) __real_close(file);
    buffer_append(&self.written[source], text.data, text.size);
    buffer_destroy(&text);
}

bool feed_is_staged(void)
{
    bool all = true;
    for (size_t i = 0; i < self.sources; i++) {
        slice_t staged = reference_payloads(names[i]);
        if (staged.size > self.written[i].size ||
            (staged.size && memcmp(staged.data, self.written[i].data, staged.size) != 0))
            world_fail("source %s: what is staged is not what was said, once and in order",
                       names[i]);
        all &= staged.size == self.written[i].size;
    }
    return all;
}
