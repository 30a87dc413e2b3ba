/*  refusal -- quoting what was refused. Pure. */
#include "actors/prep/refusal.h"

#include <assert.h>
#include <string.h>

#include "proto/utf8.h"

slice_t refusal_cut(slice_t text, size_t most)
{
    if (text.size <= most)
        return text;
    while (most > 0 && (text.data[most] & 0xc0) == 0x80)
        most--;
    return slice_of(text.data, most);
}

static const char *s_quote(slice_t text, bool quotes, char out[REFUSAL_QUOTE_MAX])
{
    static const char MORE[] = "...";
    slice_t shown = refusal_cut(text, REFUSAL_QUOTE_MAX - sizeof MORE - 2);
    size_t size = 0;
    if (quotes)
        out[size++] = '"';
    for (size_t i = 0; i < shown.size;) {
        unsigned bytes = utf8_character(slice_of(shown.data + i, shown.size - i));
        bool printable = bytes > 1 || (bytes == 1 && shown.data[i] >= ' ' && shown.data[i] != 127);
        memcpy(out + size, printable ? (const char *) shown.data + i : "?", printable ? bytes : 1);
        size += printable ? bytes : 1;
        i += bytes ? bytes : 1;
    }
    if (shown.size < text.size) {
        memcpy(out + size, MORE, sizeof MORE - 1);
        size += sizeof MORE - 1;
    }
    if (quotes)
        out[size++] = '"';
    out[size] = '\0';
    return out;
}

const char *refusal_quote_text(slice_t text, char out[REFUSAL_QUOTE_MAX])
{
    return s_quote(text, true, out);
}

const char *refusal_quote(const field_t *field, char out[REFUSAL_QUOTE_MAX])
{
    switch (field->kind) {
    case FIELD_MISSING:
        return "missing";
    case FIELD_NULL:
        return "null";
    case FIELD_FALSE:
        return "false";
    case FIELD_TRUE:
        return "true";
    case FIELD_NUMBER:
        return s_quote(field->text, false, out);
    case FIELD_TEXT:
        return s_quote(field->text, true, out);
    case FIELD_CONTAINER:
        return field->text.size && field->text.data[0] == '[' ? "an array" : "an object";
    case FIELD_TWICE:
        return "given twice";
    }
    assert(false);
    return "";
}

slice_t refusal_snippet(slice_t text)
{
    slice_t shown = refusal_cut(text, MAPPING_SNIPPET_MAX);
    int depth = 0;
    bool inside = false; // a string
    for (size_t i = 0; i < shown.size; i++) {
        uint8_t byte = shown.data[i];
        if (byte == '"')
            inside = !inside;
        else if (inside)
            i += byte == '\\';
        else if (byte == '{' || byte == '[')
            depth++;
        else if (byte == '}' || byte == ']')
            depth--;
        if (i == 0 && depth == 0)
            return shown;
        if (depth == 0)
            return slice_of(shown.data, i + 1 < shown.size ? i + 1 : shown.size);
    }
    return shown;
}
