/*  template -- see template.h. */
#include "actors/notifier/template.h"

#include <stdlib.h>
#include <strings.h>

#include "actors/notifier/escape.h"
#include "actors/notifier/wording.h"
#include "proto/owned.h"

enum { NAME_BYTES_MAX = 64, PARTS_BYTES_MAX = 80 };

typedef enum {
    VALUE_LITERAL, // the piece itself
    VALUE_RULE,
    VALUE_SERIES,
    VALUE_SEVERITY,
    VALUE_KIND,
    VALUE_TIME,
    VALUE_WHEN,
    VALUE_NOTE,
    VALUE_ID,
    VALUE_DELIVERY,
    VALUE_TITLE,
    VALUE_TEXT,
    VALUE_SUBSCRIBER,
    VALUE_ADDRESS,
    VALUE_KEY,       // .name
    VALUE_COLUMN,    // .name; a number
    VALUE_THRESHOLD, // a number
    VALUE_RATIO,     // a number
} value_t;

static const struct {
    const char *name; // one that ends in a dot is followed by a name
    value_t value;
} names[] = {
    { "rule", VALUE_RULE },         { "series", VALUE_SERIES },
    { "severity", VALUE_SEVERITY }, { "kind", VALUE_KIND },
    { "ts", VALUE_TIME },           { "when", VALUE_WHEN },
    { "note", VALUE_NOTE },         { "id", VALUE_ID },
    { "delivery", VALUE_DELIVERY }, { "title", VALUE_TITLE },
    { "text", VALUE_TEXT },         { "subscriber", VALUE_SUBSCRIBER },
    { "address", VALUE_ADDRESS },   { "key.", VALUE_KEY },
    { "columns.", VALUE_COLUMN },   { "threshold", VALUE_THRESHOLD },
    { "ratio", VALUE_RATIO },
};

typedef struct {
    value_t value;
    bool bare;    // in JSON, outside a string
    slice_t text; // of a literal, or the name behind the dot
} part_t;

struct template
{
    template_place_t place;
    size_t count;
    part_t parts[TEMPLATE_PIECES_MAX];
    char text[]; // the pieces point into it
};

bool template_place(const char *content_type, template_place_t *place, fault_t *fault)
{
    static const struct {
        const char *type;
        template_place_t place;
    } types[] = {
        { "application/json", TEMPLATE_JSON },
        { "application/x-www-form-urlencoded", TEMPLATE_URL },
        { "text/html", TEMPLATE_HTML },
        { "text/xml", TEMPLATE_HTML },
        { "application/xml", TEMPLATE_HTML },
        { "text/plain", TEMPLATE_TEXT },
        { "text/markdown", TEMPLATE_TEXT },
    };
    size_t size = strcspn(content_type, "; ");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strlen(types[i].type) == size && strncasecmp(types[i].type, content_type, size) == 0) {
            *place = types[i].place;
            return true;
        }
    }
    if (size > 5 && strncasecmp(content_type + size - 5, "+json", 5) == 0) {
        *place = TEMPLATE_JSON;
        return true;
    }
    return fault_set(
        fault,
        "'%.80s' is no type that values can be escaped for: application/json, ...+json, "
        "application/x-www-form-urlencoded, text/plain, text/markdown, text/html or "
        "application/xml",
        content_type);
}

// ---- compiling ------------------------------------------------------------------------------

typedef struct {
    template_t *made;
    const char *at;
    int line, column;
    bool quoted, escaped; // in JSON: within a string, behind a backslash
    fault_t *fault;
} compiler_t;

static bool refuse(const compiler_t *self, const char *why, const char *what, size_t size)
{
    return fault_set_at(self->fault, self->line, self->column, "%s%.*s%s", why, (int) size, what,
                        size ? "'" : "");
}

// Move on by so many bytes of literal text.
static void pass(compiler_t *self, size_t size)
{
    for (; size > 0; size--, self->at++) {
        char c = *self->at;
        self->column++;
        if (c == '\n') {
            self->line++;
            self->column = 1;
        }
        if (self->escaped)
            self->escaped = false;
        else if (self->quoted && c == '\\')
            self->escaped = true;
        else if (c == '"')
            self->quoted = !self->quoted;
    }
}

static bool add(compiler_t *self, part_t part)
{
    if (self->made->count == TEMPLATE_PIECES_MAX)
        return refuse(self, "too many values", "", 0);
    self->made->parts[self->made->count++] = part;
    return true;
}

static bool is_identifier(slice_t name)
{
    if (name.size == 0 || name.size > NAME_BYTES_MAX || name.data[0] < 'a' || name.data[0] > 'z')
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return true;
}

static bool find_value(slice_t name, part_t *part)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t size = strlen(names[i].name);
        bool dotted = names[i].name[size - 1] == '.';
        part->value = names[i].value;
        if (!dotted && slice_is(name, names[i].name))
            return true;
        if (!dotted || name.size <= size || memcmp(name.data, names[i].name, size) != 0)
            continue;
        part->text = slice_of(name.data + size, name.size - size);
        return is_identifier(part->text);
    }
    return false;
}

static bool is_number(value_t value)
{
    return value >= VALUE_COLUMN;
}

// At "{{".
static bool add_value(compiler_t *self)
{
    const char *end = strstr(self->at, "}}");
    if (!end)
        return refuse(self, "'{{' without '}}'", "", 0);
    const char *from = self->at + 2, *to = end;
    while (from < to && *from == ' ')
        from++;
    while (to > from && to[-1] == ' ')
        to--;
    slice_t name = slice_of(from, (size_t) (to - from));
    part_t part = { .bare = self->made->place == TEMPLATE_JSON && !self->quoted };
    if (name.size > PARTS_BYTES_MAX || !find_value(name, &part))
        return refuse(self, "there is no value '", from,
                      name.size < PARTS_BYTES_MAX ? name.size : PARTS_BYTES_MAX);
    if (self->escaped)
        return refuse(self, "a value stands behind a backslash: '", from, name.size);
    if (part.bare && !is_number(part.value))
        return refuse(self, "a text outside quotes of JSON: '", from, name.size);
    if (!add(self, part))
        return false;
    self->column += (int) (end + 2 - self->at);
    self->at = end + 2;
    return true;
}

static bool compile(compiler_t *self)
{
    while (*self->at) {
        const char *open = strstr(self->at, "{{");
        size_t size = open ? (size_t) (open - self->at) : strlen(self->at);
        if (size > 0 &&
            !add(self, (part_t){ .value = VALUE_LITERAL, .text = slice_of(self->at, size) }))
            return false;
        pass(self, size);
        if (open && !add_value(self))
            return false;
    }
    return self->made->place != TEMPLATE_JSON || !self->quoted ||
           refuse(self, "a string of JSON has no end", "", 0);
}

template_t *template_new(const char *text, template_place_t place, fault_t *fault)
{
    size_t size = strlen(text);
    if (size > TEMPLATE_BYTES_MAX) {
        fault_set(fault, "longer than %d bytes", TEMPLATE_BYTES_MAX);
        return NULL;
    }
    owned(template_destroy) template_t *made = calloc(1, sizeof *made + size + 1);
    if (!made) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    made->place = place;
    memcpy(made->text, text, size + 1);
    compiler_t self = { .made = made, .at = made->text, .line = 1, .column = 1, .fault = fault };
    if (!compile(&self))
        return NULL;
    template_t *given = made;
    made = NULL;
    return given;
}

void template_destroy(template_t **self_p)
{
    free(*self_p);
    *self_p = NULL;
}

// ---- writing --------------------------------------------------------------------------------

static void escape(buffer_t *out, template_place_t place, slice_t text)
{
    switch (place) {
    case TEMPLATE_JSON:
        escape_json(out, text);
        return;
    case TEMPLATE_URL:
        escape_url(out, text);
        return;
    case TEMPLATE_HTML:
        escape_html(out, text);
        return;
    case TEMPLATE_TEXT:
        escape_text(out, text);
        return;
    case TEMPLATE_HEADER:
        escape_header(out, text);
        return;
    }
}

// The value, not yet escaped: a part of the notice, or written into `scratch`.
static slice_t look_up(const part_t *part, const notice_t *notice, const template_reader_t *reader,
                       buffer_t *scratch)
{
    char time[NOTICE_TIME_TEXT];
    switch (part->value) {
    case VALUE_LITERAL:
        return part->text;
    case VALUE_RULE:
        return notice->rule;
    case VALUE_SERIES:
        return notice->series;
    case VALUE_SEVERITY:
        return notice->severity;
    case VALUE_KIND:
        return notice->kind;
    case VALUE_WHEN:
        return notice->when;
    case VALUE_NOTE:
        return notice->note;
    case VALUE_ID:
        return notice->id;
    case VALUE_DELIVERY:
        return slice_text(reader->delivery);
    case VALUE_SUBSCRIBER:
        return slice_text(reader->subscriber);
    case VALUE_ADDRESS:
        return slice_text(reader->address);
    case VALUE_KEY:
        return notice_key(notice, part->text);
    case VALUE_TIME:
        notice_time(notice->ts_us, time);
        buffer_text(scratch, time);
        break;
    case VALUE_TITLE:
        wording_title(scratch, notice);
        break;
    case VALUE_TEXT:
        wording_text(scratch, notice);
        break;
    case VALUE_COLUMN:
        notice_number(scratch, notice_column(notice, part->text));
        break;
    case VALUE_THRESHOLD:
        notice_number(scratch, notice->threshold);
        break;
    case VALUE_RATIO:
        notice_number(scratch, notice->ratio);
        break;
    }
    if (part->bare && scratch->size == 0)
        buffer_text(scratch, "null");
    return buffer_slice(scratch);
}

bool template_write(const template_t *self, const notice_t *notice, const template_reader_t *reader,
                    buffer_t *out)
{
    owned(buffer_destroy) buffer_t scratch = { 0 };
    size_t from = out->size;
    for (size_t i = 0; i < self->count && !out->failed; i++) {
        const part_t *part = &self->parts[i];
        buffer_clear(&scratch);
        slice_t value = look_up(part, notice, reader, &scratch);
        out->failed |= scratch.failed;
        if (part->value == VALUE_LITERAL)
            buffer_append(out, value.data, value.size);
        else
            escape(out, self->place, value);
        if (out->size - from > TEMPLATE_OUTPUT_MAX)
            return false;
    }
    return !out->failed;
}
