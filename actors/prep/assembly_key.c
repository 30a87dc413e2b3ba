/*  assembly_key -- what names a row: its series and its identity. Pure. */
#include <inttypes.h>
#include <stdio.h>

#include "actors/prep/assembly.h"
#include "actors/prep/refusal.h"
#include "proto/utf8.h"

// A number without exponent, as it was written if that is possible.
static bool s_plain_number(slice_t token, char out[DECIMAL_TEXT_MAX], slice_t *text)
{
    *text = token;
    if (!memchr(token.data, 'e', token.size) && !memchr(token.data, 'E', token.size))
        return true;
    decimal_t value;
    if (decimal_parse(&value, (const char *) token.data, token.size) != DECIMAL_EXACT)
        return false;
    *text = slice_of(out, (size_t) decimal_print(value, out));
    return true;
}

// The text of a field that names something (a key, an identity); false: it has none.
static bool s_name_text(const field_t *field, char out[DECIMAL_TEXT_MAX], slice_t *text)
{
    switch (field->kind) {
    case FIELD_TEXT:
        *text = field->text;
        return true;
    case FIELD_NUMBER:
        return s_plain_number(field->text, out, text);
    case FIELD_TRUE:
        *text = slice_text("true");
        return true;
    case FIELD_FALSE:
        *text = slice_text("false");
        return true;
    case FIELD_MISSING:
    case FIELD_NULL:
    case FIELD_CONTAINER:
    case FIELD_TWICE:
        break;
    }
    return false;
}

static bool s_match_text(assembly_t *self, const key_part_t *part, char out[DECIMAL_TEXT_MAX],
                         slice_t *text)
{
    const json_match_t *match = &self->matches[part->star];
    *text = match->key;
    if (!match->key.data) {
        int size = snprintf(out, DECIMAL_TEXT_MAX, "%" PRIu32, match->index);
        *text = slice_of(out, (size_t) size);
    }
    slice_t whole = *text;
    for (int i = 0; i <= part->part; i++) {
        const uint8_t *colon = memchr(text->data, ':', text->size);
        size_t size = colon ? (size_t) (colon - text->data) : text->size;
        if (i == part->part) {
            *text = slice_of(text->data, size);
            break;
        }
        if (!colon) {
            char quote[REFUSAL_QUOTE_MAX];
            return assembly_refuse(self, "key %s: %s has no part %d", part->name,
                                   refusal_quote_text(whole, quote), part->part);
        }
        *text = slice_of(colon + 1, text->size - size - 1);
    }
    return true;
}

static bool s_key_text(assembly_t *self, const key_part_t *part, const field_t *fields,
                       char out[DECIMAL_TEXT_MAX], slice_t *text)
{
    char quote[REFUSAL_QUOTE_MAX];
    switch (part->origin) {
    case KEY_LITERAL:
        *text = part->literal;
        return true;
    case KEY_MATCH:
        if (!s_match_text(self, part, out, text))
            return false;
        break;
    case KEY_PLACE:
        if (!s_name_text(&fields[part->place], out, text))
            return assembly_refuse(self, "key %s: %s", part->name,
                                   refusal_quote(&fields[part->place], quote));
        break;
    }
    return text->size > 0 || assembly_refuse(self, "key %s: empty", part->name);
}

// A feed in shards: its series has its rows in one of them, and nowhere else.
static bool s_right_shard(assembly_t *self, slice_t id)
{
    const definition_t *definition = self->definition;
    if (definition->shards == 0)
        return true;
    unsigned shard = series_shard(id, definition->shards);
    if (shard == definition->shard)
        return true;
    char quote[REFUSAL_QUOTE_MAX];
    return assembly_refuse(self, "wrong shard: %s belongs to shard %u of %u, not %u",
                           refusal_quote_text(id, quote), shard, definition->shards,
                           definition->shard);
}

// A key is text wherever it goes; JSON was checked as a whole, CSV and frames were not.
static bool s_is_text(assembly_t *self, const slice_t *values)
{
    const definition_t *definition = self->definition;
    if (definition->format != FORMAT_CSV && definition->kind != SOURCE_PUSH)
        return true;
    char quote[REFUSAL_QUOTE_MAX];
    for (unsigned i = 0; i < definition->key_count; i++)
        if (!utf8_valid(values[i]))
            return assembly_refuse(self, "key %s: %s is not UTF-8", definition->key[i].name,
                                   refusal_quote_text(values[i], quote));
    return true;
}

static int s_new_series(assembly_t *self, const slice_t *values)
{
    if (!s_is_text(self, values))
        return MEMO_NONE;
    bool too_long;
    int series = rows_series_of(self->rows, self->head->table, values, self->definition->key_count,
                                &too_long);
    if (too_long)
        assembly_refuse(self, "key: the series id has more than %d bytes", SERIES_ID_MAX);
    self->no_memory = series < 0 && !too_long;
    if (series < 0 || !s_right_shard(self, rows_series_id(self->rows, series)))
        return MEMO_NONE;
    return series;
}

enum { MEMO_KEY_MAX = 64, MEMO_KEY_TOO_LONG = MEMO_KEY_MAX + 1 };

// The texts that vary, each behind its length, which keeps a:bc and ab:c apart.
static size_t s_memo_key(const definition_t *definition, const slice_t *values,
                         uint8_t out[MEMO_KEY_MAX])
{
    size_t size = 0;
    for (unsigned i = 0; i < definition->key_count; i++) {
        slice_t text = values[i];
        if (definition->key[i].origin == KEY_LITERAL)
            continue;
        if (size + 1 + text.size > MEMO_KEY_MAX)
            return MEMO_KEY_TOO_LONG;
        out[size++] = (uint8_t) text.size;
        memcpy(out + size, text.data, text.size);
        size += text.size;
    }
    return size;
}

int assembly_series(assembly_t *self, const field_t *fields)
{
    const definition_t *definition = self->definition;
    slice_t values[SERIES_KEYS_MAX];
    char scratch[SERIES_KEYS_MAX][DECIMAL_TEXT_MAX];
    uint8_t memo_key[MEMO_KEY_MAX];
    for (unsigned i = 0; i < definition->key_count; i++)
        if (!s_key_text(self, &definition->key[i], fields, scratch[i], &values[i]))
            return MEMO_NONE;
    size_t size =
        memo_is_vain(self->memo) ? MEMO_KEY_TOO_LONG : s_memo_key(definition, values, memo_key);
    if (size == MEMO_KEY_TOO_LONG)
        return s_new_series(self, values);
    int series = memo_find(self->memo, slice_of(memo_key, size));
    if (series == MEMO_NONE) {
        series = s_new_series(self, values);
        if (series != MEMO_NONE)
            memo_put(self->memo, slice_of(memo_key, size), series);
    }
    return series;
}

int assembly_identity(assembly_t *self, const field_t *fields, uint8_t out[IDENTITY_BYTES_MAX])
{
    enum { NOTHING = 0xff }; // no length: null and missing are one
    const definition_t *definition = self->definition;
    size_t size = 0;
    for (unsigned i = 0; i < definition->identity_count; i++) {
        const field_t *field = &fields[definition->identity[i]];
        char scratch[DECIMAL_TEXT_MAX], quote[REFUSAL_QUOTE_MAX];
        slice_t text = { 0 };
        bool nothing = field->kind == FIELD_MISSING || field->kind == FIELD_NULL;
        if (!nothing && !s_name_text(field, scratch, &text)) {
            assembly_refuse(self, "identity: %s", refusal_quote(field, quote));
            return -1;
        }
        if (size + 1 + text.size > IDENTITY_BYTES_MAX) {
            assembly_refuse(self, "identity: more than %d bytes", IDENTITY_BYTES_MAX);
            return -1;
        }
        out[size++] = nothing ? NOTHING : (uint8_t) text.size;
        if (text.size)
            memcpy(out + size, text.data, text.size);
        size += text.size;
    }
    return (int) size;
}
