/*  silence -- see silence.h. */
#include "actors/notifier/silence.h"

#include <stdlib.h>
#include <string.h>

#include "actors/notifier/bulletin.h"
#include "proto/calendar.h"
#include "proto/glob.h"

typedef struct {
    char name[BULLETIN_NAME_MAX + 1];
    char *texts; // its own: the rule's pattern, then those of series, each with its NUL
    size_t size; // of the texts
    size_t series_count;
    int64_t end_us;
} silence_t;

struct silences {
    size_t count, patterns;
    silence_t items[SILENCES_MAX];
};

silences_t *silences_new(void)
{
    return calloc(1, sizeof(silences_t));
}

void silences_destroy(silences_t **self_p)
{
    if (!*self_p)
        return;
    silences_clear(*self_p);
    free(*self_p);
    *self_p = NULL;
}

void silences_clear(silences_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->items[i].texts);
    self->count = self->patterns = 0;
}

size_t silences_count(const silences_t *self)
{
    return self->count;
}

// ---- what people wrote ----------------------------------------------------------------------

bool silence_time(const char *text, int64_t *us)
{
    enum { DIGITS_MAX = 11, SECOND = 1000000 };
    calendar_t date;
    size_t digits = strspn(text, "0123456789");
    if (digits > 0 && digits <= DIGITS_MAX && text[digits] == '\0') {
        *us = strtoll(text, NULL, 10) * SECOND;
        return true;
    }
    return calendar_rfc3339(slice_text(text), &date) && calendar_us(&date, us);
}

static const char *field_of(const store_rule_t *written, const char *name)
{
    for (size_t i = 0; i < written->count; i++)
        if (strcmp(written->fields[i].name, name) == 0)
            return written->fields[i].value[0] ? written->fields[i].value : NULL;
    return NULL;
}

// The next word of a list: its size, 0 at the end. *at is where it begins.
static size_t next_word(const char **at)
{
    *at += strspn(*at, " \t");
    return strcspn(*at, " \t");
}

static bool is_blank(const char *text)
{
    return next_word(&text) == 0;
}

// Take the patterns in: `rule`, then each of `series`. False with fault.
static bool take_patterns(silence_t *self, const char *rule, const char *series, fault_t *fault)
{
    self->texts = calloc(1, strlen(rule) + strlen(series) + 2);
    if (!self->texts)
        return fault_set(fault, "out of memory");
    char *end = stpcpy(self->texts, rule) + 1;
    size_t size, most = strlen(rule);
    for (const char *at = series; (size = next_word(&at)) > 0; at += size) {
        memcpy(end, at, size); // the NUL behind it is there
        end += size + 1;
        self->series_count++;
        most = size > most ? size : most;
    }
    if (most > SILENCE_PATTERN_MAX)
        return fault_set(fault, "a pattern is longer than %d bytes", SILENCE_PATTERN_MAX);
    if (self->series_count > SILENCE_SERIES_MAX)
        return fault_set(fault, "`series` has more than %d patterns", SILENCE_SERIES_MAX);
    self->size = (size_t) (end - self->texts);
    return true;
}

static bool read_silence(silence_t *self, const store_rule_t *written, fault_t *fault)
{
    const char *rule = field_of(written, "rule"), *series = field_of(written, "series");
    const char *until = field_of(written, "until");
    int64_t until_us = INT64_MAX;
    if (!bulletin_name_is_good(slice_text(written->name)))
        return fault_set(fault, "its name is not 1 to %d letters, digits, '.', '_' and '-'",
                         BULLETIN_NAME_MAX);
    strcpy(self->name, written->name);
    if (!rule && !series)
        return fault_set(fault, "it has neither `rule` nor `series`, or is no hash; `rule *` is "
                                "over everything");
    if (rule && strpbrk(rule, " \t"))
        return fault_set(fault, "`rule` is one pattern, and has a blank, which no rule's name has");
    if (series && is_blank(series))
        return fault_set(fault, "`series` holds nothing but blanks; `*` is all");
    if (until && !silence_time(until, &until_us))
        return fault_set(fault, "`until` is neither a time such as 2026-11-29T18:00:00Z nor "
                                "seconds since 1970");
    self->end_us = until_us < self->end_us ? until_us : self->end_us;
    return take_patterns(self, rule ? rule : "*", series ? series : "*", fault);
}

bool silences_add(silences_t *self, const store_rule_t *written, int64_t expires_us, fault_t *fault)
{
    silence_t read = { .end_us = expires_us };
    bool good = read_silence(&read, written, fault);
    if (good &&
        (self->count == SILENCES_MAX || self->patterns + read.series_count > SILENCES_PATTERNS_MAX))
        good = fault_set(fault, "there are too many silences: more than %d, or %d patterns",
                         SILENCES_MAX, SILENCES_PATTERNS_MAX);
    if (!good) {
        free(read.texts);
        return false;
    }
    self->patterns += read.series_count;
    self->items[self->count++] = read;
    return true;
}

// ---- in force -------------------------------------------------------------------------------

static bool says_the_same(const silence_t *self, const silence_t *other)
{
    return strcmp(self->name, other->name) == 0 && self->size == other->size &&
           memcmp(self->texts, other->texts, self->size) == 0;
}

bool silences_take(silences_t *self, silences_t *from)
{
    size_t at = 0, kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        while (at < from->count && strcmp(from->items[at].name, self->items[i].name) < 0)
            at++;
        kept += at < from->count && says_the_same(&self->items[i], &from->items[at]);
    }
    bool ended = kept < self->count;
    silences_clear(self);
    *self = *from;
    from->count = from->patterns = 0;
    return ended;
}

bool silences_tick(silences_t *self, int64_t now_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->count; i++) {
        if (now_us < self->items[i].end_us) {
            self->items[kept++] = self->items[i];
            continue;
        }
        self->patterns -= self->items[i].series_count;
        free(self->items[i].texts);
    }
    bool ended = kept < self->count;
    self->count = kept;
    return ended;
}

int64_t silences_end_us(const silences_t *self)
{
    int64_t end_us = INT64_MAX;
    for (size_t i = 0; i < self->count; i++)
        end_us = self->items[i].end_us < end_us ? self->items[i].end_us : end_us;
    return end_us;
}

static bool is_over(const silence_t *self, slice_t rule, slice_t series)
{
    slice_t pattern = slice_text(self->texts);
    if (!glob_fits(pattern, rule))
        return false;
    const char *at = self->texts;
    for (size_t i = 0; i < self->series_count; i++) {
        at += pattern.size + 1;
        pattern = slice_text(at);
        if (glob_fits(pattern, series))
            return true;
    }
    return false;
}

const char *silences_find(const silences_t *self, slice_t rule, slice_t series)
{
    for (size_t i = 0; i < self->count; i++)
        if (is_over(&self->items[i], rule, series))
            return self->items[i].name;
    return NULL;
}

bool silences_concern(const silences_t *self, slice_t rule)
{
    for (size_t i = 0; i < self->count; i++)
        if (glob_fits(slice_text(self->items[i].texts), rule))
            return true;
    return false;
}
