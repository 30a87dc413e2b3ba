/*  jq_words -- see jq_words.h. Knows as much of jq's syntax as strings and comments. */
#include "actors/prep/jq_words.h"

#include <ctype.h>

enum { NESTED_MAX = 16 }; // \( ) inside strings inside \( ) ...

static const char *const REFUSED[] = {
    "now",
    "localtime",
    "strflocaltime",
    "input",
    "inputs",
    "input_filename",
    "import",
    "include",
    "module",
    "modulemeta",
    "env",
    "$ENV",
    "halt",
    "halt_error",
    "debug",
    "stderr",
    "input_line_number",
    "get_search_list",
};

static bool s_in_word(uint8_t byte)
{
    return isalnum(byte) || byte == '_';
}

// The word at `at`, with the $ of a variable; empty: there is none.
static slice_t s_word(slice_t filter, size_t at)
{
    size_t end = at + (filter.data[at] == '$');
    if (end < filter.size && isdigit(filter.data[end]))
        return (slice_t){ 0 };
    while (end < filter.size && s_in_word(filter.data[end]))
        end++;
    return slice_of(filter.data + at, end - at);
}

static bool s_is_refused(slice_t word)
{
    for (size_t i = 0; i < sizeof REFUSED / sizeof REFUSED[0]; i++)
        if (slice_is(word, REFUSED[i]))
            return true;
    return false;
}

// Strings, and the code inside them: which brackets are open in each \( ).
typedef struct {
    bool inside; // a string
    unsigned nested;
    unsigned brackets[NESTED_MAX + 1];
} quotes_t;

// A character inside a string. How many were taken; 0: code is nested too deeply.
static size_t s_quoted(quotes_t *self, slice_t filter, size_t at)
{
    if (filter.data[at] == '"')
        self->inside = false;
    if (filter.data[at] != '\\' || at + 1 == filter.size)
        return 1;
    if (filter.data[at + 1] == '(') {
        if (self->nested == NESTED_MAX)
            return 0;
        self->inside = false;
        self->brackets[++self->nested] = 0;
    }
    return 2;
}

// A character of code that is part of no word.
static void s_code(quotes_t *self, uint8_t byte)
{
    if (byte == '"')
        self->inside = true;
    if (byte == '(')
        self->brackets[self->nested]++;
    if (byte != ')')
        return;
    if (self->brackets[self->nested] > 0) {
        self->brackets[self->nested]--;
    } else if (self->nested > 0) { // back into the string
        self->nested--;
        self->inside = true;
    }
}

bool jq_words_good(slice_t filter, fault_t *fault)
{
    quotes_t quotes = { 0 };
    uint8_t before = 0;
    for (size_t at = 0; at < filter.size;) {
        uint8_t byte = filter.data[at];
        if (quotes.inside) {
            size_t taken = s_quoted(&quotes, filter, at);
            if (taken == 0) // from there on, nobody would know code from strings
                return fault_set_at(fault, 1, 1,
                                    "jq: more than %d \\( ) inside each other: put the inner ones "
                                    "into variables, with as $name",
                                    NESTED_MAX);
            at += taken;
            continue;
        }
        if (byte == '#') {
            while (at < filter.size && filter.data[at] != '\n')
                at++;
            continue;
        }
        slice_t word = s_word(filter, at);
        if (word.size == 0) {
            s_code(&quotes, byte);
            before = byte;
            at++;
            continue;
        }
        if (before != '.' && s_is_refused(word))
            return fault_set_at(
                fault, 1, 1,
                "jq: '%.*s' is refused: a filter sees its document and nothing else; a "
                "member of that name is written .%.*s",
                (int) word.size, (const char *) word.data, (int) word.size,
                (const char *) word.data);
        before = word.data[word.size - 1];
        at += word.size;
    }
    return true;
}
