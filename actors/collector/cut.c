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

// RFC 4180: a quote opens a field only at its begin, and "" inside one does not close it (it
// closes and opens again, which comes to the same here).
static size_t s_find_csv(char delimiter, slice_t text)
{
    size_t cut = 0;
    bool quoted = false, begin = true;
    for (size_t i = 0; i < text.size; i++) {
        if (i == CUT_BYTES && cut)
            return cut;
        char c = (char) text.data[i];
        if (c == '"' && (quoted || begin)) {
            quoted = !quoted;
            begin = !quoted; // so that the second of "" opens again
            continue;
        }
        begin = !quoted && (c == delimiter || c == '\n' || (begin && (c == ' ' || c == '\t')));
        if (!quoted && c == '\n') {
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
