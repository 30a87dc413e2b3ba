/*  payload -- see payload.h. */
#include "actors/notifier/payload.h"

#include <inttypes.h>
#include <string.h>

#include "actors/notifier/escape.h"
#include "actors/notifier/wording.h"
#include "proto/json.h"
#include "proto/owned.h"

enum { CHAT_BYTES_MAX = 3500 };

static const struct {
    const char *format, *type;
} shapes[] = {
    [PAYLOAD_JSON] = { "json", "application/json" },
    [PAYLOAD_ALERTMANAGER] = { "alertmanager", "application/json" },
    [PAYLOAD_ALERTMANAGER_API] = { "alertmanager-api", "application/json" },
    [PAYLOAD_CLOUDEVENTS] = { "cloudevents", "application/cloudevents+json" },
    [PAYLOAD_CHAT] = { NULL, "application/json" }, // a channel of its own
};

bool payload_parse(payload_t *payload, const char *format)
{
    *payload = PAYLOAD_JSON;
    if (!format)
        return true;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (shapes[i].format && strcmp(shapes[i].format, format) == 0) {
            *payload = (payload_t) i;
            return true;
        }
    }
    return false;
}

const char *payload_type(payload_t payload)
{
    return shapes[payload].type;
}

// ---- JSON -----------------------------------------------------------------------------------

// Several in one letter: what they have in common, and each that is known.
static bool write_group(const notice_t *notice, buffer_t *out)
{
    const notice_group_t *group = notice->group;
    buffer_text(out, "{\"v\":1,\"group\":{\"rule\":");
    json_text(out, notice->rule);
    buffer_text(out, ",\"kind\":");
    json_text(out, notice->kind);
    buffer_printf(out, ",\"count\":%" PRIu64 ",\"shown\":%zu},\"alerts\":[", group->count,
                  group->shown);
    bool whole = true;
    for (size_t i = 0; i < group->shown && whole; i++) {
        buffer_text(out, i ? "," : "");
        whole = json_from_wire(out, group->items[i].body);
    }
    buffer_text(out, "]}");
    return whole;
}

static bool write_json(const notice_t *notice, buffer_t *out)
{
    return notice->group ? write_group(notice, out) : json_from_wire(out, notice->body);
}

// ---- CloudEvents ----------------------------------------------------------------------------

static void put_member(buffer_t *out, const char *before, slice_t text)
{
    buffer_text(out, before);
    json_text(out, text);
}

// The source is the rule: its name needs no escape in a URI reference, nor does a kind in a type.
static bool write_event(const notice_t *notice, buffer_t *out)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    char time[NOTICE_TIME_TEXT];
    notice_time(notice->ts_us, time);
    put_member(out, "{\"specversion\":\"1.0\",\"id\":", notice->id);
    buffer_text(&text, "tidewire/rules/");
    escape_url(&text, notice->rule);
    put_member(out, ",\"source\":", buffer_slice(&text));
    buffer_clear(&text);
    buffer_text(&text, "tidewire.");
    buffer_append(&text, notice->kind.data, notice->kind.size);
    buffer_text(&text, notice->group ? ".group" : "");
    put_member(out, ",\"type\":", buffer_slice(&text));
    put_member(out, ",\"subject\":", notice->series);
    put_member(out, ",\"time\":", slice_text(time));
    buffer_text(out, ",\"datacontenttype\":\"application/json\",\"data\":");
    bool whole = write_json(notice, out);
    buffer_text(out, "}");
    return whole && !text.failed;
}

// ---- chat -----------------------------------------------------------------------------------

static void put_fact(void *context, slice_t label, slice_t text)
{
    buffer_t *out = context;
    buffer_text(out, "\n");
    escape_mrkdwn(out, label);
    buffer_text(out, ": ");
    escape_mrkdwn(out, text);
}

// One text: every service that takes Slack's webhooks knows it.
static bool write_chat(const notice_t *notice, buffer_t *out)
{
    owned(buffer_destroy) buffer_t title = { 0 }, text = { 0 };
    wording_title(&title, notice);
    buffer_text(&text, "*");
    escape_mrkdwn(&text, buffer_slice(&title));
    buffer_text(&text, "*");
    bool whole = wording_facts(notice, put_fact, &text);
    escape_cut(&text, 0, CHAT_BYTES_MAX);
    put_member(out, "{\"text\":", buffer_slice(&text));
    buffer_text(out, "}");
    return whole && !title.failed && !text.failed;
}

bool payload_write(payload_t payload, const notice_t *notice, const char *receiver, buffer_t *out)
{
    bool whole = false;
    switch (payload) {
    case PAYLOAD_JSON:
        whole = write_json(notice, out);
        break;
    case PAYLOAD_ALERTMANAGER:
        whole = payload_alertmanager(notice, receiver, out);
        break;
    case PAYLOAD_ALERTMANAGER_API:
        whole = payload_alertmanager_api(notice, out);
        break;
    case PAYLOAD_CLOUDEVENTS:
        whole = write_event(notice, out);
        break;
    case PAYLOAD_CHAT:
        whole = write_chat(notice, out);
        break;
    }
    return whole && !out->failed;
}
