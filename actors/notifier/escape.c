/*  escape -- see escape.h. */
#include "actors/notifier/escape.h"

#include "proto/json.h"
#include "proto/utf8.h"

// The next character of `rest`, which shrinks. A bad byte is U+FFFD, and so is said to be.
static slice_t next_character(slice_t *rest)
{
    unsigned size = utf8_character(*rest);
    slice_t character = size ? slice_of(rest->data, size) : slice_text("\xef\xbf\xbd");
    size += size == 0;
    *rest = slice_of(rest->data + size, rest->size - size);
    return character;
}

static bool is_control(slice_t character)
{
    uint8_t c = character.data[0];
    return c < 0x20 || c == 0x7f || (c == 0xc2 && character.data[1] < 0xa0);
}

static void put(buffer_t *out, slice_t character)
{
    buffer_append(out, character.data, character.size);
}

// For people: lines and tabs stay, other controls are shown, CR is nothing beside LF.
static void put_readable(buffer_t *out, slice_t character)
{
    uint8_t c = character.data[0];
    if (c == '\r')
        return;
    bool kept = c == '\n' || c == '\t' || !is_control(character);
    put(out, kept ? character : slice_text("?"));
}

void escape_json(buffer_t *out, slice_t text)
{
    buffer_t quoted = { 0 };
    json_text(&quoted, text);
    out->failed |= quoted.failed;
    if (!quoted.failed)
        buffer_append(out, quoted.data + 1, quoted.size - 2);
    buffer_destroy(&quoted);
}

void escape_url(buffer_t *out, slice_t text)
{
    static const char hex[] = "0123456789ABCDEF";
    while (text.size > 0) {
        slice_t character = next_character(&text);
        for (size_t i = 0; i < character.size; i++) {
            uint8_t c = character.data[i];
            bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
            const char escaped[] = { '%', hex[c >> 4], hex[c & 15] };
            if (plain)
                buffer_append(out, &c, 1);
            else
                buffer_append(out, escaped, sizeof escaped);
        }
    }
}

void escape_html(buffer_t *out, slice_t text)
{
    while (text.size > 0) {
        slice_t character = next_character(&text);
        switch (character.data[0]) {
        case '&':
            buffer_text(out, "&amp;");
            break;
        case '<':
            buffer_text(out, "&lt;");
            break;
        case '>':
            buffer_text(out, "&gt;");
            break;
        case '"':
            buffer_text(out, "&quot;");
            break;
        case '\'':
            buffer_text(out, "&#39;");
            break;
        default:
            put_readable(out, character);
        }
    }
}

void escape_text(buffer_t *out, slice_t text)
{
    while (text.size > 0)
        put_readable(out, next_character(&text));
}

void escape_header(buffer_t *out, slice_t text)
{
    while (text.size > 0) {
        slice_t character = next_character(&text);
        put(out, is_control(character) ? slice_text(" ") : character);
    }
}

void escape_mrkdwn(buffer_t *out, slice_t text)
{
    while (text.size > 0) {
        slice_t character = next_character(&text);
        switch (character.data[0]) {
        case '&':
            buffer_text(out, "&amp;");
            break;
        case '<':
            buffer_text(out, "&lt;");
            break;
        case '>':
            buffer_text(out, "&gt;");
            break;
        case '@':
            buffer_text(out, "@\xe2\x80\x8b"); // a space of no width
            break;
        default:
            put_readable(out, character);
        }
    }
}

void escape_cut(buffer_t *out, size_t from, size_t most)
{
    static const char mark[] = "...";
    if (out->failed || out->size - from <= most)
        return;
    size_t size = from + most - (sizeof mark - 1);
    while (size > from && (out->data[size] & 0xc0) == 0x80)
        size--; // not within a character
    out->size = size;
    buffer_text(out, mark);
}
