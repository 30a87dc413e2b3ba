/*  degraded -- see degraded.h. */
#include "actors/notifier/degraded.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "actors/notifier/escape.h"
#include "proto/digest.h"
#include "proto/owned.h"
#include "proto/wire.h"

enum { VERSION = 1, FIELDS = 11, HEALTH_FIELDS = 8, ID_BYTES = 16 };

static const char *kind_of(const vigil_state_t *state)
{
    assert(state->phase == VIGIL_TELLING || state->phase == VIGIL_RESTORING);
    return state->phase == VIGIL_TELLING ? "degraded" : "restored";
}

void degraded_id(const vigil_state_t *state, const char *subscriber, char id[DEGRADED_ID_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    uint8_t since[8], bytes[DIGEST_BYTES];
    for (unsigned i = 0; i < sizeof since; i++)
        since[i] = (uint8_t) ((uint64_t) state->since_us >> (8 * i));
    digest_t digest;
    digest_begin(&digest);
    digest_add_sized(&digest, slice_text("tw1"));
    digest_add_sized(&digest, slice_text(kind_of(state)));
    digest_add_sized(&digest, slice_text(state->cause));
    digest_add_sized(&digest, slice_of(since, sizeof since));
    digest_add_sized(&digest, slice_text(subscriber));
    digest_end(&digest, bytes);
    for (unsigned i = 0; i < ID_BYTES; i++) {
        id[2 * i] = hex[bytes[i] >> 4];
        id[2 * i + 1] = hex[bytes[i] & 15];
    }
    id[2 * (size_t) ID_BYTES] = '\0';
}

static void put_pair(buffer_t *out, const char *name, const char *text)
{
    wire_string(out, name);
    wire_string(out, text);
}

// What came from outside is in it: made valid, and cut between characters.
static void put_note(buffer_t *out, const vigil_state_t *state)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    escape_text(&text, slice_text(state->text));
    wire_string(out, "note");
    wire_text(out, buffer_slice(&text));
    out->failed |= text.failed;
}

static void put_rules(buffer_t *out, const char *rules)
{
    const char *names = strchr(rules, ' ');
    uint32_t count = 0;
    for (const char *at = names; at; at = strchr(at + 1, ','))
        count++;
    wire_string(out, "rules");
    wire_array(out, count);
    for (const char *at = names; at;) {
        size_t size = strcspn(at + 1, ",");
        wire_text(out, slice_of(at + 1, size));
        at = at[1 + size] == ',' ? at + 1 + size : NULL;
    }
    wire_string(out, "rules_total");
    wire_u64(out, strtoull(rules, NULL, 10));
}

bool degraded_write(const vigil_state_t *state, const char *id, const char *rules, buffer_t *out)
{
    wire_map(out, FIELDS);
    wire_string(out, "v");
    wire_u64(out, VERSION);
    put_pair(out, "id", id);
    put_pair(out, "kind", kind_of(state));
    put_pair(out, "rule", DEGRADED_RULE);
    put_pair(out, "severity", "warning");
    put_pair(out, "series", state->cause);
    wire_string(out, "ts");
    wire_i64(out, state->at_us);
    wire_string(out, "since");
    wire_i64(out, state->since_us);
    put_note(out, state);
    put_rules(out, rules);
    return !out->failed;
}

static void put_tables(buffer_t *out, const char *const *tables, size_t count)
{
    wire_string(out, "tables");
    if (!tables) {
        wire_nil(out);
        return;
    }
    wire_array(out, (uint32_t) count);
    for (size_t i = 0; i < count; i++)
        wire_string(out, tables[i]);
}

bool degraded_health(const vigil_state_t *state, const char *const *tables, size_t count,
                     buffer_t *out)
{
    char id[DEGRADED_ID_TEXT];
    degraded_id(state, "", id); // no subscriber has this name
    wire_map(out, HEALTH_FIELDS);
    wire_string(out, "v");
    wire_u64(out, VERSION);
    put_pair(out, "id", id);
    put_pair(out, "kind", kind_of(state));
    put_pair(out, "cause", state->cause);
    put_tables(out, tables, count);
    put_note(out, state);
    wire_string(out, "since");
    wire_i64(out, state->since_us);
    wire_string(out, "ts");
    wire_i64(out, state->at_us);
    return !out->failed;
}
