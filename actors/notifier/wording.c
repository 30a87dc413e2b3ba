/*  wording -- see wording.h. */
#include "actors/notifier/wording.h"

#include <inttypes.h>

#include "actors/notifier/escape.h"

static void put(buffer_t *out, slice_t text)
{
    buffer_append(out, text.data, text.size);
}

void wording_title(buffer_t *out, const notice_t *notice)
{
    static const struct {
        const char *kind, *says;
    } kinds[] = {
        { "alert", " on " },
        { "firing", " is firing on " },
        { "still", " is still firing on " },
        { "resolved", " has resolved on " },
        { "nodata", ": no data from " },
        { "correction", " is taken back on " },
    };
    const char *says = NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_is(notice->kind, kinds[i].kind))
            says = kinds[i].says;
    size_t from = out->size;
    if (notice->severity.size > 0) {
        buffer_text(out, "[");
        put(out, notice->severity);
        buffer_text(out, "] ");
    }
    put(out, notice->rule);
    if (says) {
        buffer_text(out, says);
    } else {
        buffer_text(out, " ("); // a kind that is newer than this table
        put(out, notice->kind);
        buffer_text(out, ") on ");
    }
    put(out, notice->series);
    escape_cut(out, from, WORDING_TITLE_MAX);
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

bool wording_facts(const notice_t *notice, wording_visit_t *visit, void *context)
{
    facts_t self = { .visit = visit, .context = context };
    tell_text(&self, "note", notice->note);
    tell_columns(&self, notice);
    tell_threshold(&self, notice);
    tell_evidence(&self, notice);
    tell_text(&self, "condition", notice->when);
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
