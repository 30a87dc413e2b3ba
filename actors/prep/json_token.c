/*  json_token -- scalars of JSON and the places of flaws. Pure. */
#include "actors/prep/json_token.h"

#include "proto/utf8.h"

static bool s_is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static const uint8_t *s_digits(const uint8_t *at, const uint8_t *end)
{
    while (at < end && s_is_digit(*at))
        at++;
    return at;
}

static bool s_is_number(slice_t token)
{
    const uint8_t *at = token.data, *end = at + token.size;
    if (at < end && *at == '-')
        at++;
    const uint8_t *digits = at;
    at = s_digits(at, end);
    if (at == digits || (*digits == '0' && at - digits > 1))
        return false;
    if (at < end && *at == '.') {
        digits = ++at;
        at = s_digits(at, end);
        if (at == digits)
            return false;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        digits = at;
        at = s_digits(at, end);
        if (at == digits)
            return false;
    }
    return at == end;
}

field_kind_t json_scalar(slice_t token)
{
    if (slice_is(token, "true"))
        return FIELD_TRUE;
    if (slice_is(token, "false"))
        return FIELD_FALSE;
    if (slice_is(token, "null"))
        return FIELD_NULL;
    return s_is_number(token) ? FIELD_NUMBER : FIELD_MISSING;
}

size_t json_locate(json_flaw_t flaw, slice_t text)
{
    size_t at = 0, quote = 0;
    bool inside = false;
    while (at < text.size) {
        uint8_t byte = text.data[at];
        unsigned size = utf8_character(slice_of(text.data + at, text.size - at));
        if (flaw == JSON_FLAW_UTF8 && size == 0)
            return at;
        if (flaw == JSON_FLAW_CONTROL && inside && byte < 0x20)
            return at;
        if (byte == '"') {
            inside = !inside;
            quote = at;
        }
        at += inside && byte == '\\' ? 2 : size ? size : 1;
    }
    return flaw == JSON_FLAW_UNCLOSED && inside ? quote : text.size;
}

// Past the string that begins at `at`.
static size_t s_string_end(slice_t text, size_t at)
{
    for (at++; at < text.size && text.data[at] != '"'; at++)
        at += text.data[at] == '\\';
    return at < text.size ? at + 1 : text.size;
}

static size_t s_bracket_end(slice_t text, size_t at)
{
    for (size_t depth = 0; at < text.size;) {
        uint8_t byte = text.data[at];
        if (byte == '"') {
            at = s_string_end(text, at);
            continue;
        }
        at++;
        depth += byte == '{' || byte == '[';
        if ((byte == '}' || byte == ']') && --depth == 0)
            break;
    }
    return at;
}

size_t json_document_end(slice_t text)
{
    size_t at = 0;
    while (at < text.size && json_is_space(text.data[at]))
        at++;
    if (at < text.size && text.data[at] == '"')
        at = s_string_end(text, at);
    else if (at < text.size && (text.data[at] == '{' || text.data[at] == '['))
        at = s_bracket_end(text, at);
    else
        while (at < text.size && !json_is_space(text.data[at]) && !memchr("{[\"", text.data[at], 3))
            at++;
    while (at < text.size && json_is_space(text.data[at]))
        at++;
    return at;
}
