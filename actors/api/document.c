/*  document -- see document.h. */
#include "actors/api/document.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "actors/api/strict.h"
#include "proto/json.h"

void document_begin(buffer_t *out, const char *name)
{
    buffer_printf(out, "{\"status\":\"success\",\"data\":{\"%s\":[", name);
}

void document_next(buffer_t *out)
{
    if (out->size > 0 && out->data[out->size - 1] != '[')
        buffer_text(out, ",");
    buffer_text(out, "\n");
}

void document_end(buffer_t *out)
{
    buffer_text(out, "]}}\n");
}

void document_error(buffer_t *out, const char *type, const char *text)
{
    buffer_text(out, "{\"status\":\"error\",\"errorType\":");
    json_text(out, slice_text(type));
    buffer_text(out, ",\"error\":");
    json_text(out, slice_text(text));
    buffer_text(out, "}\n");
}

static bool s_is_among(const char *name, const char *list)
{
    size_t size = strlen(name);
    for (const char *at = list; (at = strstr(at, name)); at += size)
        if ((at == list || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0'))
            return size > 0;
    return false;
}

static void s_value(buffer_t *out, const char *value, bool number)
{
    if (number && strict_number(slice_text(value)))
        buffer_text(out, value);
    else
        json_text(out, slice_text(value));
}

void document_fields(buffer_t *out, const store_field_t *fields, size_t count, const char *only)
{
    for (size_t i = 0; i < count; i++) {
        bool opened = out->size > 0 && out->data[out->size - 1] == '{';
        buffer_text(out, opened ? "" : ",");
        json_text(out, slice_text(fields[i].name));
        buffer_text(out, ":");
        s_value(out, fields[i].value, !only || s_is_among(fields[i].name, only));
    }
}

static const char *s_of(const store_rule_t *item, const char *name)
{
    for (size_t i = 0; i < item->count; i++)
        if (strcmp(item->fields[i].name, name) == 0)
            return item->fields[i].value;
    return NULL;
}

static void s_member(buffer_t *out, const char *name, const char *value, bool number)
{
    buffer_printf(out, ",\"%s\":", name);
    if (value)
        s_value(out, value, number);
    else
        buffer_text(out, "null");
}

// As the description of the api has it: an integer, of 64 bits.
static bool s_is_time(const char *value)
{
    slice_t text = slice_text(value);
    if (!strict_number(text) || strpbrk(value, ".eE"))
        return false;
    errno = 0;
    (void) strtoll(value, NULL, 10);
    return errno == 0;
}

// NULL: it is none, or not there.
static const char *s_time(const store_rule_t *item, const char *name)
{
    const char *value = s_of(item, name);
    return value && s_is_time(value) ? value : NULL;
}

// Not there, or a time.
static bool s_may_be(const store_rule_t *item, const char *name)
{
    return !s_of(item, name) || s_time(item, name);
}

void document_latest(buffer_t *out, const store_rule_t *series)
{
    buffer_text(out, "{\"series\":");
    json_text(out, slice_text(series->name));
    s_member(out, "ts", s_time(series, "ts"), true);
    buffer_text(out, ",\"values\":{");
    for (size_t i = 0; i < series->count; i++)
        if (strcmp(series->fields[i].name, "ts") != 0)
            document_fields(out, &series->fields[i], 1, NULL);
    buffer_text(out, "}}");
}

bool document_incident(buffer_t *out, const store_rule_t *incident)
{
    const char *state = s_of(incident, "state"), *body = s_of(incident, "body");
    const char *series = strchr(incident->name, ':');
    if (!state || !body || !series || !strict_object(slice_text(body)) ||
        !s_may_be(incident, "since") || !s_may_be(incident, "ts"))
        return false;
    buffer_text(out, "{\"rule\":");
    json_text(out, slice_of(incident->name, (size_t) (series - incident->name)));
    s_member(out, "series", series + 1, false);
    s_member(out, "state", state, false);
    s_member(out, "since", s_of(incident, "since"), true);
    s_member(out, "ts", s_of(incident, "ts"), true);
    s_member(out, "severity", s_of(incident, "severity"), false);
    s_member(out, "id", s_of(incident, "id"), false);
    buffer_text(out, ",\"entry\":");
    buffer_text(out, body);
    buffer_text(out, "}");
    return true;
}

void document_actor(buffer_t *out, const store_actor_t *actor)
{
    buffer_text(out, "{\"role\":");
    json_text(out, slice_text(actor->role));
    s_member(out, "name", actor->name, false);
    document_fields(out, actor->fields, actor->count, NULL);
    buffer_text(out, "}");
}
