/*  cut -- see cut.h. */
#include "actors/collector/cut.h"

static size_t s_find_line(slice_t text)
{
    size_t near = text.size < CUT_BYTES ? text.size : CUT_BYTES;
    const uint8_t *end = memrchr(text.data, '\n', near);
    if (!end && text.size > near)
        end = memchr(text.data + near, '\n', text.size - near);
    return end ? (size_t) (end - text.data) + 1 : 0;
}

typedef enum { FIELD_BEGINS, FIELD_PLAIN, FIELD_QUOTED, FIELD_CLOSED } in_field_t;

// RFC 4180, as prep reads it (actors/prep/csv.c): a quote opens a field only where it begins,
// blanks before it left out, and "" inside one does not close it.
static in_field_t s_step(in_field_t state, char c, char delimiter)
{
    if (state == FIELD_QUOTED)
        return c == '"' ? FIELD_CLOSED : FIELD_QUOTED;
    if (c == delimiter || c == '\n')
        return FIELD_BEGINS;
    if (c == '"' && state != FIELD_PLAIN)
        return FIELD_QUOTED; // behind a closing quote it is the second of ""
    return state == FIELD_BEGINS && (c == ' ' || c == '\t') ? FIELD_BEGINS : FIELD_PLAIN;
}

static size_t s_find_csv(char delimiter, slice_t text)
{
    size_t cut = 0;
    in_field_t state = FIELD_BEGINS;
    for (size_t i = 0; i < text.size; i++) {
        if (i == CUT_BYTES && cut)
            return cut;
        char c = (char) text.data[i];
        state = s_step(state, c, delimiter);
        if (c == '\n' && state != FIELD_QUOTED) {
            cut = i + 1;
            if (i >= CUT_BYTES)
                return cut;
        }
    }
    return cut;
}

size_t cut_find(cut_rule_t rule, slice_t text)
{
    if (text.size == 0)
        return 0;
    return rule.csv ? s_find_csv(rule.delimiter, text) : s_find_line(text);
}
