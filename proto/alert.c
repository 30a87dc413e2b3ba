/*  alert -- see alert.h. */
#include "proto/alert.h"

#include <inttypes.h>

#include "proto/digest.h"
#include "proto/json.h"
#include "proto/number.h"
#include "proto/wire.h"

enum {
    ALERT_VERSION = 1,
    ALERT_KEYS = 18,      // of every entry
    ALERT_KEYS_MOST = 22, // resolved: since, opened, corrects or reason, and frozen
    AT_BYTES = 9,
};

// ---- ids ----------------------------------------------------------------------------------

alert_id_t alert_id_of(slice_t rule, const uint8_t rule_hash[32], slice_t series, int64_t ts_us,
                       slice_t discriminator)
{
    uint8_t ts[8];
    for (unsigned i = 0; i < sizeof ts; i++)
        ts[i] = (uint8_t) ((uint64_t) ts_us >> (8 * i));
    digest_t digest;
    digest_begin(&digest);
    digest_add_sized(&digest, slice_text("tw1"));
    digest_add_sized(&digest, rule);
    digest_add_sized(&digest, slice_of(rule_hash, DIGEST_BYTES));
    digest_add_sized(&digest, series);
    digest_add_sized(&digest, slice_of(ts, sizeof ts));
    digest_add_sized(&digest, discriminator);
    uint8_t bytes[DIGEST_BYTES];
    digest_end(&digest, bytes);
    alert_id_t id;
    memcpy(id.bytes, bytes, sizeof id.bytes);
    return id;
}

alert_id_t alert_id_about(alert_id_t alert, const char *kind)
{
    digest_t digest;
    digest_begin(&digest);
    digest_add_sized(&digest, slice_text("tw1"));
    digest_add_sized(&digest, slice_of(alert.bytes, sizeof alert.bytes));
    digest_add_sized(&digest, slice_text(kind));
    uint8_t bytes[DIGEST_BYTES];
    digest_end(&digest, bytes);
    alert_id_t id;
    memcpy(id.bytes, bytes, sizeof id.bytes);
    return id;
}

void alert_id_print(alert_id_t id, char text[ALERT_ID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    for (unsigned i = 0; i < ALERT_ID_BYTES; i++) {
        text[2 * i] = hex[id.bytes[i] >> 4];
        text[2 * i + 1] = hex[id.bytes[i] & 15];
    }
    text[2 * ALERT_ID_BYTES] = '\0';
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool alert_id_parse(alert_id_t *id, slice_t text)
{
    if (text.size != 2 * ALERT_ID_BYTES)
        return false;
    alert_id_t parsed;
    for (unsigned i = 0; i < ALERT_ID_BYTES; i++) {
        int high = hex_value(text.data[2 * i]), low = hex_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        parsed.bytes[i] = (uint8_t) (high * 16 + low);
    }
    *id = parsed;
    return true;
}

static bool id_is_zero(alert_id_t id)
{
    static const alert_id_t zero;
    return memcmp(&id, &zero, sizeof id) == 0;
}

// ---- msgpack ------------------------------------------------------------------------------

static void put_id(buffer_t *out, const char *key, alert_id_t id)
{
    wire_string(out, key);
    if (id_is_zero(id)) {
        wire_nil(out);
        return;
    }
    char text[ALERT_ID_TEXT];
    alert_id_print(id, text);
    wire_string(out, text);
}

static void put_text(buffer_t *out, const char *key, slice_t text)
{
    wire_string(out, key);
    wire_text(out, text);
}

static void put_string(buffer_t *out, const char *key, const char *text)
{
    put_text(out, key, slice_text(text));
}

static void put_number(buffer_t *out, const char *key, const char *text)
{
    wire_string(out, key);
    number_wire(out, text);
}

static void put_int(buffer_t *out, const char *key, int64_t value)
{
    wire_string(out, key);
    wire_i64(out, value);
}

static void put_key_values(buffer_t *out, const alert_t *self)
{
    wire_string(out, "key");
    wire_map(out, self->key_count);
    for (unsigned i = 0; i < self->key_count; i++)
        put_text(out, self->key_names[i], self->key_values[i]);
}

static void put_columns(buffer_t *out, const alert_t *self)
{
    wire_string(out, "columns");
    wire_map(out, self->column_count);
    for (unsigned i = 0; i < self->column_count; i++)
        put_number(out, self->columns[i].name, self->columns[i].text);
}

static void put_evidence(buffer_t *out, const alert_t *self)
{
    wire_string(out, "evidence");
    wire_array(out, self->evidence_count);
    for (unsigned i = 0; i < self->evidence_count; i++) {
        const alert_evidence_t *evidence = &self->evidence[i];
        wire_map(out, 7);
        put_string(out, "expr", evidence->expr);
        put_string(out, "window", evidence->window);
        put_int(out, "rows", (int64_t) evidence->rows);
        put_number(out, "sum", evidence->sum);
        put_number(out, "avg", evidence->avg);
        put_number(out, "value", evidence->value);
        wire_string(out, "exact");
        wire_bool(out, evidence->exact);
    }
}

static void put_origin(buffer_t *out, const alert_t *self)
{
    wire_string(out, "record");
    wire_map(out, 3);
    put_text(out, "stream", self->stream);
    put_int(out, "seq", (int64_t) self->record_seq);
    put_int(out, "row", self->row);
    wire_string(out, "stamps");
    wire_map(out, 4);
    put_int(out, "recv", self->recv_us);
    put_int(out, "staged", self->staged_us);
    put_int(out, "prep", self->prep_us);
    put_int(out, "fired", self->fired_us);
}

void alert_encode(const alert_t *self, buffer_t *out)
{
    bool corrects = !id_is_zero(self->corrects), opened = !id_is_zero(self->opened);
    wire_map(out, (uint32_t) (ALERT_KEYS + corrects + self->late + (self->suppressed > 0) +
                              self->incident + opened + (self->changes > 0) +
                              (self->reason != NULL) + self->frozen));
    put_int(out, "v", ALERT_VERSION);
    put_id(out, "id", self->id);
    put_string(out, "kind", self->kind);
    put_int(out, "seq", (int64_t) self->seq);
    put_id(out, "prev", self->prev);
    if (corrects)
        put_id(out, "corrects", self->corrects);
    if (self->late) {
        wire_string(out, "late");
        wire_bool(out, true);
    }
    if (self->suppressed > 0)
        put_int(out, "suppressed", (int64_t) self->suppressed);
    if (self->incident)
        put_int(out, "since", self->since_us);
    if (opened)
        put_id(out, "opened", self->opened);
    if (self->changes > 0)
        put_int(out, "changes", (int64_t) self->changes);
    if (self->reason)
        put_string(out, "reason", self->reason);
    if (self->frozen)
        put_int(out, "frozen", self->frozen_us);
    put_text(out, "rule", self->rule);
    put_text(out, "severity", self->severity);
    put_text(out, "series", self->series);
    put_key_values(out, self);
    put_int(out, "ts", self->ts_us);
    put_columns(out, self);
    put_evidence(out, self);
    put_number(out, "threshold", self->threshold);
    put_number(out, "ratio", self->ratio);
    put_text(out, "when", self->when);
    put_origin(out, self);
    wire_string(out, "at");
    wire_i64_full(out, 0);
}

bool alert_stamp(uint8_t *body, size_t size, int64_t at_us)
{
    static const uint8_t head[] = { 0xde, 0 }, at[] = { 0xa2, 'a', 't', 0xd3 };
    const size_t number_bytes = AT_BYTES - 1;
    if (size < sizeof head + 1 + sizeof at + number_bytes || memcmp(body, head, sizeof head) != 0 ||
        body[2] < ALERT_KEYS || body[2] > ALERT_KEYS_MOST ||
        memcmp(body + size - number_bytes - sizeof at, at, sizeof at) != 0)
        return false;
    for (size_t i = 0; i < number_bytes; i++) // big-endian, as msgpack
        body[size - 1 - i] = (uint8_t) ((uint64_t) at_us >> (8 * i));
    return true;
}

bool alert_is_of_silence(const alert_t *self)
{
    return strcmp(self->kind, "nodata") == 0 || strcmp(self->kind, "data") == 0;
}

void alert_topic(const alert_t *self, buffer_t *out)
{
    buffer_text(out, "alert/");
    buffer_append(out, self->rule.data, self->rule.size);
    buffer_text(out, "/");
    buffer_append(out, self->series.data, self->series.size);
    buffer_text(out, "/");
}

// ---- JSON ---------------------------------------------------------------------------------

static void json_pair(buffer_t *out, const char *key, slice_t text)
{
    json_text(out, slice_text(key));
    buffer_text(out, ":");
    json_text(out, text);
    buffer_text(out, ",");
}

// Nothing if there is none.
static void json_id(buffer_t *out, const char *name, alert_id_t id)
{
    char text[ALERT_ID_TEXT];
    alert_id_print(id, text);
    if (!id_is_zero(id))
        json_pair(out, name, slice_text(text));
}

void alert_backtest_json(const alert_t *self, buffer_t *out)
{
    char id[ALERT_ID_TEXT];
    alert_id_print(self->id, id);
    buffer_text(out, "{");
    json_pair(out, "id", slice_text(id));
    if (strcmp(self->kind, "alert") != 0)
        json_pair(out, "kind", slice_text(self->kind));
    json_id(out, "corrects", self->corrects);
    json_id(out, "opened", self->opened);
    if (self->incident)
        buffer_printf(out, "\"since\":%" PRId64 ",", self->since_us);
    if (self->late)
        buffer_text(out, "\"late\":true,");
    if (self->suppressed > 0)
        buffer_printf(out, "\"suppressed\":%" PRIu64 ",", self->suppressed);
    if (self->frozen)
        buffer_printf(out, "\"frozen\":%" PRId64 ",", self->frozen_us);
    json_pair(out, "rule", self->rule);
    json_pair(out, "series", self->series);
    buffer_printf(out, "\"ts\":%" PRId64 ",", self->ts_us);
    json_pair(out, "severity", self->severity);
    buffer_text(out, "\"columns\":{");
    for (unsigned i = 0; i < self->column_count; i++) {
        buffer_text(out, i > 0 ? "," : "");
        json_text(out, slice_text(self->columns[i].name));
        buffer_text(out, ":");
        number_json(out, self->columns[i].text);
    }
    buffer_text(out, "},\"evidence\":[");
    for (unsigned i = 0; i < self->evidence_count; i++) {
        const alert_evidence_t *evidence = &self->evidence[i];
        buffer_text(out, i > 0 ? ",{" : "{");
        json_pair(out, "expr", slice_text(evidence->expr));
        json_pair(out, "window", slice_text(evidence->window));
        buffer_printf(out, "\"rows\":%" PRIu64 ",\"sum\":", evidence->rows);
        number_json(out, evidence->sum);
        buffer_text(out, ",\"avg\":");
        number_json(out, evidence->avg);
        buffer_text(out, ",\"value\":");
        number_json(out, evidence->value);
        buffer_printf(out, ",\"exact\":%s}", evidence->exact ? "true" : "false");
    }
    buffer_text(out, "]}");
}
