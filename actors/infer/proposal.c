/*  proposal -- see proposal.h. Whatever comes from a payload stands in double quotes, escaped. */
#include "actors/infer/proposal.h"

#include <stdio.h>
#include <string.h>

#include "actors/infer/names.h"
#include "proto/utf8.h"

enum { TAKEN_MAX = GUESS_COLUMNS_MAX + GUESS_KEYS_MAX + 2, LINE_COLUMNS = 90 };

typedef struct {
    unsigned count;
    char names[TAKEN_MAX][NAMES_MAX];
} taken_t;

// A character beyond ASCII: as it is if it is a letter anywhere, else as YAML escapes it. How many
// bytes it has.
static unsigned s_quote_character(buffer_t *out, slice_t text)
{
    enum { LETTERS_FROM = 0xa0, SIGNS_FROM = 0x2000, SIGNS_TO = 0x20ff, LETTERS_TO = 0xd7ff };
    unsigned size = utf8_character(text);
    if (size == 0) {
        buffer_text(out, "?");
        return 1;
    }
    uint32_t point = text.data[0] & (0xffu >> (size + 1));
    for (unsigned i = 1; i < size; i++)
        point = point << 6 | (text.data[i] & 0x3fu);
    bool sign = point >= SIGNS_FROM && point <= SIGNS_TO;
    if (point >= LETTERS_FROM && point <= LETTERS_TO && !sign)
        buffer_append(out, text.data, size);
    else
        buffer_printf(out, "\\U%08x", point);
    return size;
}

// A text as YAML: quotes and backslashes escaped, and `${` so that it is not expanded.
static void s_quote(buffer_t *out, const char *text)
{
    slice_t rest = slice_text(text);
    buffer_text(out, "\"");
    while (rest.size > 0) {
        uint8_t byte = rest.data[0];
        unsigned size = 1;
        if (byte == '"' || byte == '\\')
            buffer_printf(out, "\\%c", byte);
        else if (byte == '$' && rest.size > 1 && rest.data[1] == '{')
            buffer_text(out, "$$");
        else if (byte < ' ' || byte == 0x7f)
            buffer_printf(out, "\\x%02x", byte);
        else if (byte < 0x80)
            buffer_append(out, &byte, 1);
        else
            size = s_quote_character(out, rest);
        rest = slice_of(rest.data + size, rest.size - size);
    }
    buffer_text(out, "\"");
}

// A name that nothing else here has.
static const char *s_take(taken_t *taken, const char *text, const char *fallback)
{
    char *name = taken->names[taken->count];
    char made[NAMES_MAX];
    names_make(text, fallback, made);
    snprintf(name, NAMES_MAX, "%s", made);
    for (unsigned number = 2, i = 0; i < taken->count; i++) {
        if (strcmp(taken->names[i], name) != 0)
            continue;
        snprintf(name, NAMES_MAX, "%.54s_%u", made, number++);
        i = (unsigned) -1; // from the beginning
    }
    taken->count++;
    return name;
}

static const char *s_last_token(const char *place)
{
    const char *slash = strrchr(place, '/');
    return slash ? slash + 1 : place;
}

// A name for a leaf: its own, with its place behind if it is an element of something named.
static const char *s_leaf_name(taken_t *taken, const survey_leaf_t *leaf, const char *fallback)
{
    char text[NAMES_MAX];
    bool dull = strcmp(leaf->name, "value") == 0 || strcmp(leaf->name, "v") == 0;
    if (!leaf->positional || leaf->kind == LEAF_MATCH)
        return s_take(taken, dull && *leaf->above ? leaf->above : leaf->name, fallback);
    snprintf(text, sizeof text, "%.40s_%.8s", *leaf->name ? leaf->name : "v",
             s_last_token(leaf->place));
    return s_take(taken, text, fallback);
}

// `name: place` inside braces, on a new line where the line that began at *line would be too long.
static void s_pair(buffer_t *out, size_t *line, bool first, const char *name, const char *place)
{
    buffer_text(out, first ? "" : ",");
    if (out->size - *line + strlen(name) + strlen(place) > LINE_COLUMNS) {
        *line = out->size + 1;
        buffer_text(out, "\n       ");
    }
    buffer_printf(out, " %s: ", name);
    s_quote(out, place);
}

// The table: what the rows are called, or the last name above them.
static void s_table_name(const proposal_t *self, char name[NAMES_MAX])
{
    char text[NAMES_MAX] = "";
    for (const char *at = self->rows; at && (at = strchr(at, '/'));) {
        size_t size = strcspn(++at, "/"); // of a token
        if (size > 0 && *at != '*' && (*at < '0' || *at > '9'))
            snprintf(text, sizeof text, "%.*s", (int) (size < 40 ? size : 40), at);
    }
    static const char *const dull[] = { "data", "result", "results", "list", "items", NULL };
    for (int i = 0; dull[i]; i++)
        if (strcmp(text, dull[i]) == 0)
            *text = '\0';
    names_make(text, "reading", name);
}

static void s_head(const proposal_t *self, const infer_origin_t *origin, buffer_t *out)
{
    buffer_printf(out, "sources:\n  - name: ");
    s_quote(out, origin->name);
    buffer_text(out, "\n    url: ");
    s_quote(out, origin->url);
    buffer_text(out, origin->poll ? "\n    every: 10s\n" : "\n");
    if (strcmp(self->format, "json") != 0)
        buffer_printf(out, "    format: %s\n", self->format);
    if (self->csv && !self->csv->header)
        buffer_text(out, "    header: false\n");
    if (self->csv && self->csv->delimiter != ',')
        buffer_printf(out,
                      self->csv->delimiter == '\t' ? "    delimiter: \"\\t\"\n"
                                                   : "    delimiter: \"%c\"\n",
                      self->csv->delimiter);
    if (self->rows && *self->rows) {
        buffer_text(out, "    rows: ");
        s_quote(out, self->rows);
        buffer_text(out, "\n");
    }
    if (self->guess->newest_first)
        buffer_text(out, "    order: newest_first\n");
}

static void s_key(const proposal_t *self, const infer_origin_t *origin, taken_t *taken,
                  buffer_t *out)
{
    const guess_t *guess = self->guess;
    char literal[160];
    size_t line = out->size;
    snprintf(literal, sizeof literal, "=%.150s", origin->name);
    buffer_text(out, "    key: {");
    s_pair(out, &line, true, s_take(taken, "source", "source"), literal);
    for (unsigned i = 0; i < guess->key_count; i++) {
        const survey_leaf_t *leaf = &self->survey->leaves[guess->keys[i]];
        s_pair(out, &line, false, s_leaf_name(taken, leaf, "entry"), leaf->place);
    }
    buffer_text(out, " }\n");
}

static void s_time(const proposal_t *self, buffer_t *out)
{
    const guess_t *guess = self->guess;
    if (guess->time == GUESS_NONE) {
        buffer_text(out, "    time: fetch   # no time was found: that of receipt\n");
        return;
    }
    buffer_text(out, "    time: { at: ");
    s_quote(out, self->survey->leaves[guess->time].place);
    buffer_text(out, ", unit: ");
    s_quote(out, guess->unit);
    buffer_text(out, " }\n");
}

static const char *s_columns(const proposal_t *self, taken_t *taken, buffer_t *out)
{
    const guess_t *guess = self->guess;
    const char *value = NULL;
    size_t line = out->size;
    buffer_text(out, "    columns: {");
    for (unsigned i = 0; i < guess->column_count; i++) {
        const survey_leaf_t *leaf = &self->survey->leaves[guess->columns[i]];
        const char *name = s_leaf_name(taken, leaf, "value");
        s_pair(out, &line, i == 0, name, leaf->place);
        if ((int) i == guess->value)
            value = name;
    }
    buffer_text(out, " }\n");
    return value;
}

// Columns that say that they sum up a day.
static void s_rolling(const proposal_t *self, const taken_t *taken, buffer_t *out)
{
    const guess_t *guess = self->guess;
    bool any = false;
    for (unsigned i = 0; i < guess->column_count; i++) {
        const char *name = taken->names[taken->count - guess->column_count + i];
        if (!names_rolling(self->survey->leaves[guess->columns[i]].name))
            continue;
        buffer_printf(out, "%s%s: 24h", any ? ", " : "    rolling: { ", name);
        any = true;
    }
    buffer_text(out, any ? " }\n" : "");
}

void proposal_write(const proposal_t *self, const infer_origin_t *origin, buffer_t *yaml)
{
    const guess_t *guess = self->guess;
    taken_t taken = { 0 };
    char table[NAMES_MAX];
    s_table_name(self, table);
    s_head(self, origin, yaml);
    buffer_printf(yaml, "    table: %s\n", table);
    s_key(self, origin, &taken, yaml);
    s_time(self, yaml);
    const char *value = s_columns(self, &taken, yaml);
    if (guess->present)
        buffer_printf(yaml, "    required: [%s]\n", value);
    if (guess->identity != GUESS_NONE) {
        buffer_text(yaml, "    identity: [time, ");
        s_quote(yaml, self->survey->leaves[guess->identity].place);
        buffer_text(yaml, "]\n");
    }
    if (guess->same)
        buffer_text(yaml, "    # Rows of one key and time are there: the last of them counts.\n");
    s_rolling(self, &taken, yaml);
    buffer_printf(yaml,
                  "rules:\n"
                  "  %s-move:\n"
                  "    on: %s\n"
                  "    when: \"abs(%s - avg(%s) OVER last_1h) > 0.1 * avg(%s) OVER last_1h\"\n",
                  table, table, value, value, value);
}
