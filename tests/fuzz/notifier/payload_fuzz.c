/*  Any bytes as the body of an entry: what is read is written in every shape, as whole JSON, and as
 *  mail whose headers are the ones that we wrote.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "actors/notifier/mail.h"
#include "actors/notifier/payload.h"
#include "proto/owned.h"
#include "proto/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// Brackets match and strings end: with valid text, what a parser needs of JSON that we write.
static void check_json(slice_t text)
{
    char open[64];
    size_t depth = 0;
    bool quoted = false;
    assert(utf8_valid(text));
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        assert(c >= 0x20);
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '[')) {
            assert(depth < sizeof open);
            open[depth++] = (char) c;
        } else if (!quoted && (c == '}' || c == ']')) {
            assert(depth > 0);
            assert(open[--depth] == (c == '}' ? '{' : '['));
        }
    }
    assert(depth == 0 && !quoted);
}

static void check_mail(slice_t text)
{
    static const char *const headers[] = {
        "Date: ",           "From: <a@b>",    "To: <c@d>",     "Subject: ", "Message-ID: <x@b>",
        "Auto-Submitted: ", "MIME-Version: ", "Content-Type: "
    };
    size_t header = 0, line = 0;
    bool body = false;
    for (size_t i = 0; i < text.size; i++) {
        assert(text.data[i] < 0x7f);
        if (text.data[i] != '\n')
            continue;
        assert(i > 0 && text.data[i - 1] == '\r' && i - line < 1000);
        slice_t content = slice_of(text.data + line, i - 1 - line);
        line = i + 1;
        body |= content.size == 0;
        if (body || content.data[0] == ' ')
            continue;
        assert(header < sizeof headers / sizeof *headers);
        size_t size = strlen(headers[header]);
        assert(content.size >= size && memcmp(content.data, headers[header], size) == 0);
        header++;
    }
    assert(body && header == sizeof headers / sizeof *headers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    notice_t notice;
    if (!notice_read(&notice, slice_of(data, size)))
        return 0;
    for (int payload = PAYLOAD_JSON; payload <= PAYLOAD_CHAT; payload++) {
        owned(buffer_destroy) buffer_t out = { 0 };
        if (payload_write((payload_t) payload, &notice, "a\"b", &out))
            check_json(buffer_slice(&out));
    }
    owned(buffer_destroy) buffer_t out = { 0 };
    const mail_envelope_t envelope = { "a@b", "c@d", "x", INT64_C(1700000000000000) };
    assert(mail_write(&notice, &envelope, &out));
    check_mail(buffer_slice(&out));
    return 0;
}
