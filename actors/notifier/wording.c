/*  wording -- see wording.h. */
#include "actors/notifier/wording.h"

#include <inttypes.h>
#include <stdio.h>

#include "actors/notifier/escape.h"

static void put(buffer_t *out, slice_t text)
{
    buffer_append(out, text.data, text.size);
}

// Nobody has written the rule that it says it is about.
static void put_own_title(buffer_t *out, const notice_t *notice)
{
    buffer_text(out, notice_is_over(notice) ? "the watch is back: " : "the watch is degraded: ");
    put(out, notice->note.size > 0 ? notice->note : notice->series);
}

static void put_title(buffer_t *out, const notice_t *notice)
{
    static const struct {
        const char *kind, *says;
    } kinds[] = {
        { "alert", " on " },
        { "firing", " is firing on " },
        { "still", " is still firing on " },
        { "resolved", " has resolved on " },
        { "flapping", " is flapping on " },
        { "nodata", ": no data from " },
        { "data", ": data again from " },
        { "correction", " is taken back on " },
    };
    const char *says = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_is(notice->kind, kinds[i].kind))
            says = kinds[i].says;
    put(out, notice->rule);
    if (says) {
        buffer_text(out, says);
    } else {
        buffer_text(out, " ("); // a kind that is newer than this table
        put(out, notice->kind);
        buffer_text(out, ") on ");
    }
    put(out, notice->series);
}

void wording_title(buffer_t *out, const notice_t *notice)
{
    size_t from = out->size;
    if (notice->severity.size > 0) {
        buffer_text(out, "[");
        put(out, notice->severity);
        buffer_text(out, "] ");
    }
    if (notice_is_own(notice))
        put_own_title(out, notice);
    else
        put_title(out, notice);
    if (!notice->group) {
        escape_cut(out, from, WORDING_TITLE_MAX);
        return;
    }
    char others[WORDING_OTHERS_MAX];
    int size = snprintf(others, sizeof others, " and %" PRIu64 " more", notice->group->count - 1);
    escape_cut(out, from, WORDING_TITLE_MAX - (size_t) size);
    buffer_text(out, others); // however long the series is
}

// ---- facts ----------------------------------------------------------------------------------

typedef struct {
    wording_visit_t *visit;
    void *context;
    buffer_t label, text; // at hand
    bool failed;
} facts_t;

static void tell(facts_t *self)
{
    self->failed |= self->label.failed || self->text.failed;
    if (!self->failed && self->text.size > 0)
        self->visit(self->context, buffer_slice(&self->label), buffer_slice(&self->text));
    buffer_clear(&self->label);
    buffer_clear(&self->text);
}

static void tell_text(facts_t *self, const char *label, slice_t text)
{
    buffer_text(&self->label, label);
    put(&self->text, text);
    tell(self);
}

static void tell_threshold(facts_t *self, const notice_t *notice)
{
    if (notice->threshold.size == 0)
        return;
    buffer_text(&self->label, "threshold");
    notice_number(&self->text, notice->threshold);
    if (notice->ratio.size > 0) {
        buffer_text(&self->text, "; what was seen is ");
        notice_number(&self->text, notice->ratio);
        buffer_text(&self->text, " times that");
    }
    tell(self);
}

static void tell_columns(facts_t *self, const notice_t *notice)
{
    wire_reader_t reader = wire_reader(notice->columns);
    uint32_t count = 0;
    wire_read_map(&reader, &count);
    slice_t name, value;
    unsigned told = 0;
    for (uint32_t i = 0; i < count && notice_next(&reader, &name, &value); i++) {
        if (told++ == WORDING_COLUMNS_MAX)
            break;
        put(&self->label, name);
        notice_number(&self->text, value);
        tell(self);
    }
}

typedef struct {
    slice_t expr, window, rows, sum, value;
} evidence_t;

static bool read_evidence(wire_reader_t *reader, evidence_t *evidence)
{
    uint32_t count = 0;
    slice_t name, raw, average = { 0 };
    *evidence = (evidence_t){ 0 };
    if (!wire_read_map(reader, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        if (!notice_next(reader, &name, &raw))
            return false;
        wire_reader_t text = wire_reader(raw);
        if (slice_is(name, "expr"))
            (void) wire_read_text(&text, &evidence->expr, NOTICE_TEXT_MAX);
        else if (slice_is(name, "window"))
            (void) wire_read_text(&text, &evidence->window, NOTICE_TEXT_MAX);
        else if (slice_is(name, "rows"))
            evidence->rows = raw;
        else if (slice_is(name, "sum"))
            evidence->sum = raw;
        else if (slice_is(name, "avg"))
            average = raw;
        else if (slice_is(name, "value"))
            evidence->value = raw;
    }
    wire_reader_t value = wire_reader(evidence->value);
    if (wire_peek(&value) != WIRE_INT && wire_peek(&value) != WIRE_DOUBLE)
        evidence->value = average;
    return true;
}

// "avg(volume) over last_1h": "2 (60 rows)"
static void tell_evidence(facts_t *self, const notice_t *notice)
{
    wire_reader_t reader = wire_reader(notice->evidence);
    uint32_t count = 0;
    wire_read_array(&reader, &count);
    for (uint32_t i = 0; i < count && i < WORDING_EVIDENCE_MAX; i++) {
        evidence_t evidence;
        if (!read_evidence(&reader, &evidence))
            return;
        put(&self->label, evidence.expr);
        if (evidence.window.size > 0) {
            buffer_text(&self->label, " over ");
            put(&self->label, evidence.window);
        }
        notice_number(&self->text, evidence.value);
        if (self->text.size > 0 && evidence.rows.size > 0) {
            buffer_text(&self->text, " (");
            notice_number(&self->text, evidence.rows);
            buffer_text(&self->text, " rows)");
        }
        tell(self);
    }
}

// "volume-spike, gap and 3 more"
static void tell_rules(facts_t *self, const notice_t *notice)
{
    wire_reader_t reader = wire_reader(notice->rules);
    uint32_t count = 0;
    slice_t name;
    if (notice->rules.size == 0)
        return;
    wire_read_array(&reader, &count);
    buffer_text(&self->label, "rules of yours");
    for (uint32_t i = 0; i < count && wire_read_text(&reader, &name, NOTICE_TEXT_MAX); i++) {
        buffer_text(&self->text, i > 0 ? ", " : "");
        put(&self->text, name);
    }
    if (notice->rules_total > count)
        buffer_printf(&self->text, " and %" PRIu64 " more", notice->rules_total - count);
    tell(self);
}

static void tell_times(facts_t *self, const notice_t *notice)
{
    char text[NOTICE_TIME_TEXT];
    notice_time(notice->ts_us, text);
    tell_text(self, "time", slice_text(text));
    if (notice->since_us < 0)
        return;
    notice_time(notice->since_us, text);
    buffer_text(&self->label, "since");
    buffer_text(&self->text, text);
    int64_t seconds = (notice->ts_us - notice->since_us) / 1000000;
    if (seconds >= 3600)
        buffer_printf(&self->text, " (%" PRId64 " h %" PRId64 " min)", seconds / 3600,
                      seconds % 3600 / 60);
    else if (seconds >= 60)
        buffer_printf(&self->text, " (%" PRId64 " min)", seconds / 60);
    else if (seconds > 0)
        buffer_printf(&self->text, " (%" PRId64 " s)", seconds);
    tell(self);
}

// What follows is of the first.
static void tell_group(facts_t *self, const notice_group_t *group)
{
    buffer_printf(&self->label, "%" PRIu64 " in all", group->count);
    for (size_t i = 0; i < group->shown; i++) {
        buffer_text(&self->text, i ? ", " : "");
        put(&self->text, group->items[i].series);
        escape_cut(&self->text, 0, WORDING_SERIES_MAX);
    }
    if (group->count > group->shown)
        buffer_printf(&self->text, " and %" PRIu64 " more", group->count - group->shown);
    tell(self);
    tell_text(self, "the first", group->items[0].series);
}

bool wording_facts(const notice_t *notice, wording_visit_t *visit, void *context)
{
    facts_t self = { .visit = visit, .context = context };
    if (notice->group)
        tell_group(&self, notice->group);
    tell_text(&self, "note", notice->note);
    tell_rules(&self, notice);
    tell_columns(&self, notice);
    tell_threshold(&self, notice);
    tell_evidence(&self, notice);
    tell_text(&self, "condition", notice->when);
    if (notice->changes > 0) {
        buffer_text(&self.label, "changes");
        buffer_printf(&self.text, "%" PRIu64 "; no more is told until it stays as it is",
                      notice->changes);
        tell(&self);
    }
    tell_times(&self, notice);
    tell_text(&self, "id", notice->id);
    buffer_destroy(&self.label);
    buffer_destroy(&self.text);
    return !self.failed;
}

static void put_fact(void *context, slice_t label, slice_t text)
{
    buffer_t *out = context;
    buffer_text(out, "\n");
    put(out, label);
    buffer_text(out, ": ");
    put(out, text);
}

void wording_text(buffer_t *out, const notice_t *notice)
{
    size_t from = out->size;
    wording_title(out, notice);
    out->failed |= !wording_facts(notice, put_fact, out);
    escape_cut(out, from, WORDING_TEXT_MAX);
}
