/*  Any bytes around jq: what is good JSON stays so when its long numbers become texts, and ends
 *  where the scanner of documents says; words and samples of numbers are judged, whatever they
 *  are.
 */
#include <stdlib.h>

#include "actors/prep/jq.h"
#include "actors/prep/jq_words.h"
#include "actors/prep/json.h"
#include "actors/prep/json_token.h"
#include "actors/prep/numbers.h"

static bool is_good(json_t *json, slice_t text, size_t *end)
{
    pointer_tree_t nothing;
    field_t fields[1];
    json_fault_t fault;
    pointer_tree_begin(&nothing);
    if (!json_open(json, text))
        abort();
    return json_read(json, 0, text.size, &nothing, fields, end, &fault) == JSON_GOOD;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *json, *guarded;
    static buffer_t out;
    if (!json && (!(json = json_new()) || !(guarded = json_new())))
        abort();
    slice_t text = slice_of(data, size);
    fault_t fault;
    (void) jq_words_good(text, &fault);
    numbers_t numbers;
    char plain[NUMBERS_TEXT_MAX];
    slice_t found;
    if (size > 7 && numbers_compile(&numbers, slice_of(data, 7), &fault) &&
        numbers_plain(&numbers, slice_of(data + 7, size - 7), plain, &found) &&
        found.size >= NUMBERS_TEXT_MAX)
        abort();
    size_t end, other, scanned = json_document_end(text);
    if (scanned > size || (size && scanned == 0))
        abort();
    if (!is_good(json, text, &end))
        return 0;
    if (end != scanned && data[0] != 0 && memchr("{[", data[0], 2))
        abort();
    buffer_clear(&out);
    jq_guard_numbers(slice_of(data, end), &out);
    if (!is_good(guarded, buffer_slice(&out), &other) || other != out.size)
        abort();
    json_close(json);
    json_close(guarded);
    return 0;
}
