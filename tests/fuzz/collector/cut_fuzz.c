/*  Any bytes as a text to be cut: pieces end at line ends outside quotes and nothing is lost. */
#include <stdlib.h>

#include "actors/collector/cut.h"

// Is the end of `text` outside quotes? Field by field, as RFC 4180 has it, with blanks before them.
static bool is_outside(const uint8_t *text, size_t size, uint8_t delimiter)
{
    size_t i = 0;
    while (i < size) {
        while (i < size && text[i] != delimiter && (text[i] == ' ' || text[i] == '\t'))
            i++;
        if (i < size && text[i] == '"') {
            for (i++; i < size && (text[i] != '"' || (i + 1 < size && text[i + 1] == '"')); i++)
                i += text[i] == '"';
            if (i >= size)
                return false;
        }
        while (i < size && text[i] != delimiter && text[i] != '\n')
            i++;
        i++;
    }
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || data[1] == '"' || data[1] == '\n')
        return 0;
    cut_rule_t rule = { .csv = data[0] & 1, .delimiter = (char) data[1] };
    slice_t text = slice_of(data + 2, size - 2);
    size_t cut = cut_find(rule, text);
    if (cut > text.size || (cut > 0 && text.data[cut - 1] != '\n'))
        abort();
    if (rule.csv && !is_outside(text.data, cut, data[1]))
        abort();
    // Behind the cut nothing more can be cut: it was the last place.
    slice_t rest = slice_of(text.data + cut, text.size - cut);
    if (text.size <= CUT_BYTES && cut_find(rule, rest) != 0)
        abort();
    return 0;
}
