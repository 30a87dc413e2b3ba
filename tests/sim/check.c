/*  check -- see check.h. */
#include "tests/sim/check.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/stage/stage.h"
#include "broker/store_delivery.h"
#include "proto/json.h"
#include "proto/message.h"
#include "proto/owned.h"
#include "tests/sim/net.h"
#include "tests/sim/receivers.h"
#include "tests/sim/reference.h"
#include "tests/sim/world.h"
#include "tests/sim/world_redis.h"

enum {
    STAGES_MAX = 256,
    WAITING_BYTES_MAX = 64 << 20, // at one end of a link: far below would do for these loads
};

stage_t *__real_stage_open(const char *root, const char *namespace, const char *stream,
                           stage_visit_t *visit, void *context, fault_t *fault);
stage_t *__wrap_stage_open(const char *root, const char *namespace, const char *stream,
                           stage_visit_t *visit, void *context, fault_t *fault);
bool __real_stage_sync(stage_t *self, fault_t *fault);
bool __wrap_stage_sync(stage_t *self, fault_t *fault);
store_status_t __real_store_load(store_t *self, unsigned partition, const store_load_t *load,
                                 void *context, store_id_t *head, size_t *base_bytes,
                                 size_t *journal_bytes, uint64_t *journal_count);
store_status_t __wrap_store_load(store_t *self, unsigned partition, const store_load_t *load,
                                 void *context, store_id_t *head, size_t *base_bytes,
                                 size_t *journal_bytes, uint64_t *journal_count);

// ---- what is durable
// --------------------------------------------------------------------------------

static struct {
    const stage_t *stage;
    char stream[65];
} stages[STAGES_MAX];
static size_t stage_count;

static const char *s_stream_of(const stage_t *stage)
{
    for (size_t i = stage_count; i-- > 0;)
        if (stages[i].stage == stage)
            return stages[i].stream;
    abort();
}

stage_t *__wrap_stage_open(const char *root, const char *namespace, const char *stream,
                           stage_visit_t *visit, void *context, fault_t *fault)
{
    stage_t *stage = __real_stage_open(root, namespace, stream, visit, context, fault);
    if (!stage)
        return NULL;
    if (stage_count == STAGES_MAX)
        abort();
    stages[stage_count].stage = stage;
    snprintf(stages[stage_count++].stream, sizeof stages[0].stream, "%s", stream);
    reference_follow(stream, stage_last_seq(stage), true);
    return stage;
}

bool __wrap_stage_sync(stage_t *self, fault_t *fault)
{
    bool durable = __real_stage_sync(self, fault);
    if (durable)
        reference_follow(s_stream_of(self), stage_last_seq(self), false);
    return durable;
}

// Only what is durable is sent on.
static void s_on_raw(const void *frame, size_t size)
{
    message_raw_t raw;
    fault_t fault;
    slice_t bytes = slice_of(frame, size);
    if (message_kind(bytes) != MESSAGE_RAW)
        return;
    if (!message_raw_decode(&raw, bytes, &fault)) {
        world_fail("a message of raw records is malformed: %s", fault.text);
        return;
    }
    uint64_t durable = reference_durable(raw.stream);
    if (raw.to > durable)
        world_fail("records up to %" PRIu64 " of %.*s are sent, durable up to %" PRIu64, raw.to,
                   (int) raw.stream.size, (const char *) raw.stream.data, durable);
}

void check_begin(void)
{
    stage_count = 0;
    net_on_raw(s_on_raw);
}

// ---- what is loaded
// ---------------------------------------------------------------------------------

typedef struct {
    const store_load_t *load;
    void *context;
    fold_t *fold;
    unsigned partition;
    size_t count;
    store_offset_t offsets[REFERENCE_STREAMS_MAX];
    char names[REFERENCE_STREAMS_MAX][65];
    bool failed, any;
} tee_t;

static void s_tee_offset(void *context, const store_offset_t *offset)
{
    tee_t *tee = context;
    if (tee->count < REFERENCE_STREAMS_MAX) {
        char *name = tee->names[tee->count];
        snprintf(name, 65, "%.*s", (int) offset->stream.size, (const char *) offset->stream.data);
        tee->offsets[tee->count] = *offset;
        tee->offsets[tee->count++].stream = slice_text(name);
    }
    if (tee->load)
        tee->load->offset(tee->context, offset);
}

static bool s_tee_state(tee_t *tee, slice_t bytes)
{
    fault_t fault;
    tee->any = true;
    if (!tee->failed &&
        !fold_load(tee->fold, tee->partition, bytes, reference_plan, NULL, &fault)) {
        tee->failed = true;
        world_fail("load: partition %u cannot be read: %s", tee->partition, fault.text);
    }
    return true;
}

static bool s_tee_base(void *context, slice_t bytes)
{
    tee_t *tee = context;
    return s_tee_state(tee, bytes) && (!tee->load || tee->load->base(tee->context, bytes));
}

static bool s_tee_delta(void *context, slice_t bytes)
{
    tee_t *tee = context;
    return s_tee_state(tee, bytes) && (!tee->load || tee->load->delta(tee->context, bytes));
}

static void s_no_alert(void *context, unsigned partition, const alert_t *alert)
{
    (void) context;
    world_fail("load: partition %u: a delta is judged, rule %.*s", partition,
               (int) alert->rule.size, (const char *) alert->rule.data);
}

// Several may be loading at a time, and who is killed meanwhile never gives his fold back.
enum { IDLE_MAX = 4 };
static fold_t *idle[IDLE_MAX]; // without a partition
static size_t idle_count;

static fold_t *s_fold_take(void)
{
    fold_t *fold = idle_count > 0 ? idle[--idle_count] : fold_new(s_no_alert, NULL);
    if (!fold)
        abort();
    return fold;
}

static void s_fold_give(fold_t *fold)
{
    if (idle_count < IDLE_MAX)
        idle[idle_count++] = fold;
    else
        fold_destroy(&fold);
}

// Whoever reads a partition, reads what an undisturbed run would have there.
store_status_t __wrap_store_load(store_t *self, unsigned partition, const store_load_t *load,
                                 void *context, store_id_t *head, size_t *base_bytes,
                                 size_t *journal_bytes, uint64_t *journal_count)
{
    tee_t tee = { .load = load, .context = context, .fold = s_fold_take(), .partition = partition };
    fold_own(tee.fold, partition);
    const store_load_t heard = { s_tee_offset, s_tee_base, s_tee_delta };
    store_status_t status = __real_store_load(self, partition, &heard, &tee, head, base_bytes,
                                              journal_bytes, journal_count);
    if (status == STORE_OK && !tee.failed && (tee.count > 0 || tee.any)) {
        owned(buffer_destroy) buffer_t state = { 0 };
        if (!fold_base(tee.fold, partition, &state))
            abort();
        reference_check(partition, buffer_slice(&state), tee.offsets, tee.count, "load");
    }
    fold_drop(tee.fold, partition);
    s_fold_give(tee.fold);
    return status;
}

// ---- what is published
// ------------------------------------------------------------------------------

static void s_id_of(const char *json, char id[33])
{
    const char *at = strstr(json, "\"id\":\"");
    snprintf(id, 33, "%s", at ? at + 6 : "");
}

void check_published(slice_t topic, slice_t body)
{
    owned(buffer_destroy) buffer_t json = { 0 };
    char id[33];
    if (!json_from_wire(&json, body)) {
        world_fail("published: not one msgpack value");
        return;
    }
    s_id_of(buffer_string(&json), id);
    const reference_alert_t *alert = reference_alert(id);
    if (!alert)
        world_fail("published: %s is no alert of the log: %s", id, buffer_string(&json));
    else if (!slice_is(topic, alert->topic))
        world_fail("published: %s under %.*s, not %s", id, (int) topic.size,
                   (const char *) topic.data, alert->topic);
}

// ---- in the end
// -------------------------------------------------------------------------------------

static char unrest[160];

static bool s_waits(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(unrest, sizeof unrest, format, arguments);
    va_end(arguments);
    return false;
}

const char *check_unrest(void)
{
    return unrest;
}

// For whoever looks for the reason: what Redis has of each partition.
void check_show(void)
{
    for (unsigned p = 0; world_is_traced() && p < PARTITIONS; p++) {
        redisReply *meta = sim_redis_ask(redis_world(), "HGETALL tw:m:{%u}:%u", p % GROUPS, p);
        char line[512];
        size_t size = 0;
        for (size_t i = 0; i + 1 < meta->elements && size < sizeof line - 100; i += 2)
            size += (size_t) snprintf(line + size, 100, " %.20s=%.34s", meta->element[i]->str,
                                      meta->element[i + 1]->str);
        world_say("partition %u:%s", p, line);
        freeReplyObject(meta);
    }
}

static bool s_is_told(store_t *store)
{
    uint64_t waiting = 0;
    int64_t next_ms;
    if (store_outbox_length(store, &waiting) != STORE_OK || waiting > 0)
        return s_waits("%" PRIu64 " alerts wait in the outbox", waiting);
    if (store_delivery_waiting(store, &waiting, &next_ms) != STORE_OK || waiting > 0)
        return s_waits("%" PRIu64 " deliveries wait", waiting);
    return true;
}

// So many alerts the log implied when all was last found quiet. A tick may say more any time after,
// and that need not have arrived.
static size_t settled;

bool check_is_quiet(store_t *store)
{
    uint64_t lowest = 0;
    settled = reference_alerts();
    if (!s_is_told(store)) // first, because it costs less
        return false;
    for (size_t i = 0; i < reference_streams(); i++)
        if (store_committed(store, slice_text(reference_stream(i)), &lowest) != STORE_OK ||
            lowest < reference_last_of_interest(i))
            return s_waits("stream %s is committed up to %" PRIu64 " of %" PRIu64,
                           reference_stream(i), lowest, reference_last_of_interest(i));
    return s_is_told(store); // alerts come with commits
}

static const char *s_field(const redisReply *fields, const char *name)
{
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        if (strcmp(fields->element[i]->str, name) == 0)
            return fields->element[i + 1]->str;
    return "";
}

static void s_check_logged(const redisReply *fields)
{
    const char *id = s_field(fields, "id");
    reference_alert_t *alert = reference_alert(id);
    if (!alert) {
        world_fail("the alert log has %s, which the log does not imply: %s", id,
                   s_field(fields, "body"));
        return;
    }
    if (alert->seen)
        world_fail("the alert log has %s twice", id);
    alert->seen = true;
    char *body = strdup(s_field(fields, "body"));
    reference_strip(body);
    if (strcmp(body, alert->body) != 0)
        world_fail("%s has another body in the alert log\n  there: %s\n  wanted: %s", id, body,
                   alert->body);
    free(body);
}

static void s_check_alerts(void)
{
    redisReply *log = sim_redis_ask(redis_world(), "XRANGE tw:alerts - +");
    for (size_t i = 0; log->type == REDIS_REPLY_ARRAY && i < log->elements; i++)
        s_check_logged(log->element[i]->element[1]);
    freeReplyObject(log);
    size_t lost = 0;
    const reference_alert_t *first = NULL;
    for (size_t i = 0; i < reference_alerts(); i++) {
        reference_alert_t *alert = reference_alert_at(i);
        bool is_lost = !alert->seen && i < settled;
        if (is_lost && !first)
            first = alert;
        lost += is_lost;
        alert->seen = false;
    }
    if (first)
        world_fail("%zu of %zu alerts are lost; the first: %s %s", lost, reference_alerts(),
                   first->id, first->body);
}

static void s_check_states(store_t *store)
{
    for (unsigned p = 0; p < PARTITIONS; p++) {
        store_id_t head;
        size_t base_bytes, journal_bytes;
        uint64_t journal_count;
        if (__wrap_store_load(store, p, NULL, NULL, &head, &base_bytes, &journal_bytes,
                              &journal_count) != STORE_OK)
            world_fail("the end: partition %u cannot be read: %s", p, store_error(store));
    }
}

typedef struct {
    const char *source;
    uint64_t total;
} counted_t;

static void s_take_count(void *context, const char *source, uint64_t total,
                         const char *newest_reason)
{
    (void) newest_reason;
    counted_t *counted = context;
    if (strcmp(source, counted->source) == 0)
        counted->total = total;
}

static void s_check_refused(store_t *store)
{
    for (size_t i = 0; i < reference_sources(); i++) {
        counted_t counted = { .source = reference_source(i) };
        if (store_quarantine_summary(store, s_take_count, &counted) != STORE_OK)
            world_fail("the end: the quarantine cannot be read: %s", store_error(store));
        uint64_t refused = reference_refused(counted.source);
        if (counted.total != refused)
            world_fail("the quarantine has %" PRIu64 " rows of %s, and there are %" PRIu64,
                       counted.total, counted.source, refused);
    }
}

static bool s_follows(const check_subscriber_t *subscriber, const char *rule)
{
    for (size_t i = 0; subscriber->rules[i]; i++)
        if (strcmp(subscriber->rules[i], rule) == 0)
            return true;
    return false;
}

static void s_check_letters(const check_subscriber_t *subscriber)
{
    for (size_t i = 0; i < receivers_count(); i++) {
        const letter_taken_t *letter = receivers_at(i);
        char id[33];
        if (strcmp(letter->url, subscriber->url) != 0)
            continue;
        s_id_of(letter->body, id);
        reference_alert_t *alert = reference_alert(id);
        if (!alert)
            world_fail("%s was told of %s, which the log does not imply", subscriber->name, id);
        else if (!alert->news)
            world_fail("%s was told of %s, which is no news", subscriber->name, id);
        else
            alert->seen = true;
    }
    for (size_t i = 0; i < reference_alerts(); i++) {
        reference_alert_t *alert = reference_alert_at(i);
        if (!alert->seen && i < settled && alert->news && s_follows(subscriber, alert->rule))
            world_fail("%s was never told of %s: %s", subscriber->name, alert->id, alert->body);
        alert->seen = false;
    }
}

void check_end(store_t *store, const check_subscriber_t *subscribers, size_t count)
{
    s_check_alerts();
    s_check_states(store);
    s_check_refused(store);
    for (size_t i = 0; i < count; i++)
        s_check_letters(&subscribers[i]);
    if (net_most_waiting() > WAITING_BYTES_MAX)
        world_fail("%" PRIu64 " bytes waited on one link", net_most_waiting());
}
