/*  Any text as a template, at every place: written within its bound, and no value breaks out; or
 *  refused with a place within the text.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "actors/notifier/template.h"
#include "proto/owned.h"
#include "tests/unit/notifier/noticed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count(slice_t text, char c)
{
    size_t found = 0;
    for (size_t i = 0; i < text.size; i++)
        found += text.data[i] == (uint8_t) c;
    return found;
}

// Ends of strings are the author's: as many quotes without a backslash as in the text itself.
static size_t quotes(slice_t text)
{
    size_t found = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        if (quoted && text.data[i] == '\\')
            i++;
        else if (text.data[i] == '"') {
            quoted = !quoted;
            found++;
        }
    }
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const addresses[] = { "\"\\\r\n<&>{{rule}}", "+49 1" };
    const template_reader_t reader = { "id", "alice", addresses[size % 2] };
    owned(buffer_destroy) buffer_t text = { 0 }, body = { 0 };
    noticed_hostile(&body);
    notice_t notice;
    assert(notice_read(&notice, buffer_slice(&body)));
    buffer_append(&text, data, size);
    const char *string = buffer_string(&text);
    slice_t written = slice_text(string);
    for (int place = TEMPLATE_JSON; place <= TEMPLATE_HEADER; place++) {
        fault_t fault = { 0 };
        owned(buffer_destroy) buffer_t out = { 0 };
        owned(template_destroy) template_t *template =
            template_new(string, (template_place_t) place, &fault);
        if (!template) {
            assert(fault.text[0] && fault.line >= 0 && fault.column >= 0);
            assert((size_t) fault.line <= count(written, '\n') + 1);
            continue;
        }
        if (!template_write(template, &notice, &reader, &out))
            continue;
        slice_t made = buffer_slice(&out);
        assert(made.size <= TEMPLATE_OUTPUT_MAX);
        if (place == TEMPLATE_JSON)
            assert(quotes(made) == quotes(written));
        if (place == TEMPLATE_HEADER)
            assert(count(made, '\n') == count(written, '\n') &&
                   count(made, '\r') == count(written, '\r'));
        if (place == TEMPLATE_HTML)
            assert(count(made, '<') == count(written, '<') &&
                   count(made, '"') == count(written, '"'));
        if (place == TEMPLATE_URL)
            assert(count(made, '/') == count(written, '/') &&
                   count(made, '&') == count(written, '&'));
    }
    return 0;
}
