/*  retell -- see retell.h. */
#include "actors/cli/retell.h"

#include <inttypes.h>

#include "actors/collector/amendments.h"
#include "actors/collector/log_cursor.h"
#include "actors/prep/mappings.h"
#include "proto/edition.h"
#include "proto/owned.h"
#include "proto/tick.h"

enum { PROGRESS_RECORDS = 1000 }; // between two calls of `progress`

typedef struct {
    const retell_t *asked;
    char stream[EDITION_NAME_MAX + 1]; // of the log
    uint64_t edition;
    log_cursor_t *cursor;
    amendments_t *amendments;
    mappings_t *mappings;
    rows_t *rows;
    fold_t *fold;
    ruleset_t *rules; // in force
    uint64_t plan_seq;
    buffer_t block;
    partitions_t partitions;
} telling_t;

static void s_clear(telling_t *self)
{
    buffer_destroy(&self->block);
    ruleset_destroy(&self->rules);
    fold_destroy(&self->fold);
    rows_destroy(&self->rows);
    mappings_destroy(&self->mappings);
    amendments_destroy(&self->amendments);
    log_cursor_destroy(&self->cursor);
}

// ---- what the fold says -------------------------------------------------------------------------

static void s_tell_alert(void *context, unsigned partition, const alert_t *alert)
{
    (void) partition; // it is asked for one alone
    const telling_t *self = context;
    const retell_alert_t said = { .alert = alert,
                                  .table = ruleset_table_of(self->rules, alert->series),
                                  .plan = ruleset_hash(self->rules),
                                  .plan_seq = self->plan_seq };
    self->asked->alert(self->asked->context, &said);
}

static bool s_show_row(void *context, const fold_taken_t *taken)
{
    const telling_t *self = context;
    return self->asked->row(self->asked->context, taken);
}

// ---- how the log is to be read ------------------------------------------------------------------

// All orders up to the one that began the edition. They may stand anywhere behind what they amend.
static bool s_find_edition(telling_t *self, fault_t *fault)
{
    if (self->edition == 0)
        return true;
    owned(stage_reader_destroy) stage_reader_t *reader =
        stage_reader_open(self->asked->root, self->asked->namespace, self->stream, fault);
    if (!reader)
        return false;
    record_t record;
    while (amendments_edition(self->amendments) < self->edition) {
        stage_read_t got = stage_reader_next(reader, UINT64_MAX, &record);
        if (got == STAGE_END)
            break;
        if (got == STAGE_RECORD && record.kind == RECORD_RESET &&
            !amendments_note(self->amendments, &record))
            return fault_set(fault, "out of memory");
    }
    const char *error = stage_reader_error(reader);
    if (error)
        return fault_set(fault, "%s", error);
    return amendments_edition(self->amendments) == self->edition ||
           fault_set(fault, "the log has no order of edition %" PRIu64, self->edition);
}

// A window that reaches back before what is left of the log cannot be told again.
static bool s_is_whole(const telling_t *self, uint64_t begin, fault_t *fault)
{
    owned(stage_reader_destroy) stage_reader_t *reader =
        stage_reader_open(self->asked->root, self->asked->namespace, self->stream, fault);
    if (!reader)
        return false;
    record_t record;
    if (!stage_reader_seek(reader, begin))
        return fault_set(fault, "%s", stage_reader_error(reader));
    stage_read_t got = stage_reader_next(reader, UINT64_MAX, &record);
    if (got == STAGE_TRIMMED || (got == STAGE_RECORD && record.seq > begin))
        return fault_set(fault,
                         "the records of stream %s before %" PRIu64
                         " were removed (stage_keep), and what was judged depends on them",
                         self->stream, record.seq);
    const char *error = stage_reader_error(reader);
    return !error || fault_set(fault, "%s", error);
}

// Segments begin with the plan, said once more.
static bool s_is_in_force(const telling_t *self, plan_hash_t hash)
{
    plan_hash_t known = ruleset_hash(self->rules);
    return memcmp(&known, &hash, sizeof hash) == 0;
}

// What ends with a plan is said by the one before it.
static bool s_new_plan(telling_t *self, uint64_t seq)
{
    if (self->rules && s_is_in_force(self, plan_hash(log_cursor_plan(self->cursor))))
        return true;
    ruleset_t *rules = ruleset_new(log_cursor_plan(self->cursor), NULL, NULL);
    if (!rules)
        return false;
    if (!fold_plan(self->fold, self->asked->stream, &self->partitions, rules, seq, 0)) {
        ruleset_destroy(&rules);
        return false;
    }
    ruleset_destroy(&self->rules);
    self->rules = rules;
    self->plan_seq = seq;
    return true;
}

static bool s_open(telling_t *self, fault_t *fault)
{
    const retell_t *asked = self->asked;
    slice_t stream;
    edition_split(asked->stream, &stream, &self->edition);
    if (stream.size > EDITION_NAME_MAX)
        return fault_set(fault, "no stream has such a name");
    memcpy(self->stream, stream.data, stream.size);
    partitions_add(&self->partitions, asked->partition);
    fault_set(fault, "out of memory");
    self->amendments = amendments_new();
    self->mappings = mappings_new();
    self->rows = rows_new();
    self->fold = fold_new(s_tell_alert, self);
    if (!self->amendments || !self->mappings || !self->rows || !self->fold ||
        !s_find_edition(self, fault))
        return false;
    fold_watch(self->fold, s_show_row);
    fold_own(self->fold, asked->partition);
    uint64_t begin = amendments_begin(self->amendments);
    if (!s_is_whole(self, begin, fault))
        return false;
    self->cursor = log_cursor_new(asked->root, asked->namespace, self->stream, fault);
    return self->cursor && log_cursor_seek(self->cursor, begin, NULL, fault);
}

// ---- records ------------------------------------------------------------------------------------

static void s_pass_over(void *context, const quarantine_t *quarantine)
{
    (void) context; // told when it was refused, in tw:quarantine
    (void) quarantine;
}

// False: no memory.
static bool s_tell_payload(telling_t *self, const record_t *record)
{
    slice_t definition = amendments_definition(self->amendments, record,
                                               log_cursor_definition(self->cursor, record->source));
    fault_t fault;
    mapping_t *mapping = mappings_get(self->mappings, definition, &fault);
    if (!mapping || !self->rules)
        return true; // refused as a whole then, too
    const rows_head_t head = { .seq = record->seq,
                               .recv_us = record->recv_us,
                               .source = record->source };
    mapping_count_t count = { 0 };
    if (!mapping_apply(mapping, &head, record->payload, self->rows, s_pass_over, NULL, &count))
        return false;
    buffer_clear(&self->block);
    if (!rows_encode(self->rows, &self->partitions, &self->block))
        return !self->block.failed;
    rows_view_t view;
    return rows_decode(&view, buffer_slice(&self->block), &fault) &&
           fold_rows(self->fold, self->asked->stream, &view, &self->partitions, 0);
}

static bool s_tell_tick(telling_t *self, const record_t *record)
{
    tick_t tick;
    if (!tick_decode(&tick, record->payload) || tick.since_us <= 0)
        return true; // as prep
    const fold_tick_t told = { record->seq, record->recv_us, tick.since_us };
    return fold_tick(self->fold, self->asked->stream, &self->partitions, &told, 0);
}

static bool s_tell(telling_t *self, const record_t *record)
{
    switch (record->kind) {
    case RECORD_PAYLOAD:
        return s_tell_payload(self, record);
    case RECORD_TICK:
        return s_tell_tick(self, record);
    case RECORD_PLAN:
    case RECORD_SKIP:
    case RECORD_RESET:
    case RECORD_TORN:
    case RECORD_KNOWN:
    case RECORD_KNOWN_END:
    case RECORD_GAP:
        break;
    }
    return true;
}

static bool s_tell_all(telling_t *self, retell_count_t *count, fault_t *fault)
{
    record_t record;
    for (uint64_t next = log_cursor_next(self->cursor); next <= self->asked->last;) {
        stage_read_t got = log_cursor_peek(self->cursor, self->asked->last, &record);
        uint64_t at = log_cursor_next(self->cursor);
        count->damaged += count->records > 0 && at > next ? at - next : 0;
        next = at > next ? at : next;
        if (got == STAGE_DAMAGED)
            continue;
        if (got != STAGE_RECORD)
            return fault_set(fault, "cannot read record %" PRIu64 " of stream %s: %s", next,
                             self->stream, log_cursor_error(self->cursor));
        if (count->records++ == 0)
            count->first = record.seq;
        bool told = s_tell(self, &record);
        bool plan = record.kind == RECORD_PLAN;
        log_cursor_pass(self->cursor);
        if (!told || (plan && !s_new_plan(self, record.seq)))
            return fault_set(fault, "out of memory");
        next = record.seq + 1;
        if (self->asked->progress && count->records % PROGRESS_RECORDS == 0)
            self->asked->progress(self->asked->context, record.seq);
    }
    return true;
}

bool retell(const retell_t *asked, retell_count_t *count, fault_t *fault)
{
    owned(s_clear) telling_t telling = { .asked = asked };
    *count = (retell_count_t){ 0 };
    return s_open(&telling, fault) && s_tell_all(&telling, count, fault);
}
