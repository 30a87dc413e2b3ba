/*  log -- see log.h. One write(2) a line, so that lines of several processes do not mix. */
#include "broker/runtime/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "proto/buffer.h"
#include "proto/owned.h"
#include "proto/utf8.h"

enum {
    LINE_BYTES_MAX = 64 * 1024,
    PAIRS_BYTES_MAX = 4096,
    QUOTE_BYTES_MAX = 2048, // of one quoted value
    QUOTE_SLOTS = 8,
    NAME_BYTES_MAX = 64,
};

// The one global of a process that all its parts write to.
static struct {
    char actor[NAME_BYTES_MAX], name[NAME_BYTES_MAX];
    log_level_t least;
    bool json;
} setup = { .least = LOG_INFO };

static const char *const levels[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARNING] = "warning", [LOG_ERROR] = "error"
};

void log_setup(const char *actor, const char *name, log_level_t least, bool json)
{
    snprintf(setup.actor, sizeof setup.actor, "%s", actor ? actor : "");
    snprintf(setup.name, sizeof setup.name, "%s", name ? name : "");
    setup.least = least;
    setup.json = json;
}

bool log_level_parse(const char *text, log_level_t *level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        if (strcmp(text, levels[i]) == 0) {
            *level = (log_level_t) i;
            return true;
        }
    }
    return false;
}

// ---- quoting ------------------------------------------------------------------------------

static bool s_is_bare(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c <= ' ' || *c > '~' || *c == '"' || *c == '=' || *c == '\\')
            return false;
    }
    return *text != '\0';
}

// A quoted value is the same in logfmt and JSON. Nothing in it can move a terminal.
static void s_quote(buffer_t *out, const char *text)
{
    buffer_text(out, "\"");
    slice_t rest = slice_text(text);
    while (rest.size > 0) {
        unsigned taken = utf8_character(rest);
        uint8_t c = rest.data[0];
        if (taken == 0)
            buffer_text(out, "\\ufffd");
        else if (c == '"' || c == '\\')
            buffer_printf(out, "\\%c", c);
        else if (c == '\n')
            buffer_text(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            buffer_printf(out, "\\u%04x", c);
        else if (c == 0xc2 && rest.data[1] < 0xa0) // further control characters
            buffer_printf(out, "\\u%04x", rest.data[1]);
        else
            buffer_append(out, rest.data, taken);
        taken = taken ? taken : 1;
        rest = slice_of(rest.data + taken, rest.size - taken);
    }
    buffer_text(out, "\"");
}

const char *log_quote(const char *text)
{
    static _Thread_local char slots[QUOTE_SLOTS][QUOTE_BYTES_MAX];
    static _Thread_local unsigned turn;
    char *slot = slots[turn++ % QUOTE_SLOTS];
    if (!text)
        text = "";
    size_t size = strlen(text);
    if (size < QUOTE_BYTES_MAX && s_is_bare(text)) {
        memcpy(slot, text, size + 1);
        return slot;
    }
    // Cut before quoting, so that the quotes stay whole: a byte takes at most six.
    char cut[QUOTE_BYTES_MAX / 6 - 2];
    snprintf(cut, sizeof cut, "%s", text);
    owned(buffer_destroy) buffer_t quoted = { 0 };
    s_quote(&quoted, cut);
    snprintf(slot, QUOTE_BYTES_MAX, "%s", buffer_string(&quoted));
    return slot;
}

// ---- lines --------------------------------------------------------------------------------

static void s_time(char text[32])
{
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    char seconds[24];
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text, 32, "%s.%03uZ", seconds, (unsigned) (now.tv_nsec / 1000000) % 1000);
}

// Where a value of logfmt ends: at a blank, or behind its closing quote.
static const char *s_value_end(const char *at)
{
    if (*at != '"')
        return at + strcspn(at, " ");
    for (at++; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1])
            at++;
    }
    return *at ? at + 1 : at;
}

// A number as JSON has them, short enough to survive a double.
static bool s_is_number(slice_t value)
{
    enum { DIGITS_MAX = 15 };
    size_t at = 0, digits = 0;
    if (at < value.size && value.data[at] == '-')
        at++;
    size_t first = at;
    for (; at < value.size && value.data[at] >= '0' && value.data[at] <= '9'; at++)
        digits++;
    if (digits == 0 || (digits > 1 && value.data[first] == '0'))
        return false;
    if (at + 1 < value.size && value.data[at] == '.') {
        for (at++; at < value.size && value.data[at] >= '0' && value.data[at] <= '9'; at++)
            digits++;
    }
    return at == value.size && value.data[at - 1] != '.' && digits <= DIGITS_MAX;
}

static void s_json_value(buffer_t *out, slice_t value)
{
    bool quoted = value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"';
    if (quoted || s_is_number(value) || slice_is(value, "true") || slice_is(value, "false")) {
        buffer_append(out, value.data, value.size);
        return;
    }
    char text[QUOTE_BYTES_MAX];
    snprintf(text, sizeof text, "%.*s", (int) value.size, (const char *) value.data);
    s_quote(out, text);
}

// "key=value key=value" as further members of an object.
static void s_json_pairs(buffer_t *out, const char *pairs)
{
    for (const char *at = pairs + strspn(pairs, " "); *at; at += strspn(at, " ")) {
        size_t size = strcspn(at, "= ");
        char key[NAME_BYTES_MAX];
        snprintf(key, sizeof key, "%.*s", (int) size, at);
        at += size;
        buffer_text(out, ",");
        s_quote(out, key);
        buffer_text(out, ":");
        if (*at != '=') {
            buffer_text(out, "true");
            continue;
        }
        const char *end = s_value_end(++at);
        s_json_value(out, slice_of(at, (size_t) (end - at)));
        at = end;
    }
}

static void s_member(buffer_t *out, const char *key, const char *value)
{
    if (setup.json) {
        buffer_printf(out, "%s\"%s\":", out->size > 1 ? "," : "", key);
        s_quote(out, value);
    } else {
        buffer_printf(out, "%s%s=%s", out->size > 0 ? " " : "", key, log_quote(value));
    }
}

static void s_write(const char *line, size_t size)
{
    while (size > 0) {
        ssize_t put = write(STDERR_FILENO, line, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return; // there is nobody to tell
        line += put;
        size -= (size_t) put;
    }
}

void log_event(log_level_t level, const char *message, const char *pairs, ...)
{
    if (level < setup.least)
        return;
    char further[PAIRS_BYTES_MAX] = "";
    if (pairs) {
        va_list arguments;
        va_start(arguments, pairs);
        vsnprintf(further, sizeof further, pairs, arguments);
        va_end(arguments);
        for (char *c = further; *c; c++) {
            if ((unsigned char) *c < 0x20 || *c == 0x7f)
                *c = ' '; // a line stays a line
        }
    }
    char time[32];
    s_time(time);
    owned(buffer_destroy) buffer_t line = { .limit = LINE_BYTES_MAX };
    if (setup.json)
        buffer_text(&line, "{");
    s_member(&line, "ts", time);
    s_member(&line, "level", levels[level]);
    if (setup.actor[0])
        s_member(&line, "actor", setup.actor);
    if (setup.name[0])
        s_member(&line, "name", setup.name);
    s_member(&line, "msg", message);
    if (setup.json)
        s_json_pairs(&line, further);
    else if (further[0])
        buffer_printf(&line, " %s", further);
    buffer_text(&line, setup.json ? "}\n" : "\n");
    if (!line.failed)
        s_write((const char *) line.data, line.size);
}
