/*  What a stranger's server says beside its rows: header lines up to an empty one, then a body.
 *  They are listened to, the next page is asked for, and all of it again as the reason of a
 *  failure.
 */
#include <stdlib.h>
#include <string.h>

#include "actors/collector/allowance.h"
#include "actors/collector/peek.h"
#include "actors/collector/verdict.h"

#define WALL_US INT64_C(1700000000000000)

static void check(bool good)
{
    if (!good)
        abort();
}

// Returns where the body begins.
static size_t headers(const char *text, size_t size, answer_t *answer)
{
    static const budget_t budget = { 6000, 60000000 };
    allowance_t allowance;
    allowance_begin(&allowance);
    size_t at = 0;
    while (at < size) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t line = end ? (size_t) (end - text) - at : size - at;
        char name[128], *value = NULL;
        size_t kept = line < sizeof name ? line : sizeof name - 1;
        memcpy(name, text + at, kept);
        name[kept] = '\0';
        at += line + (end != NULL);
        if (line == 0)
            break;
        value = strchr(name, ':');
        if (!value)
            continue;
        *value++ = '\0';
        value += *value == ' ';
        allowance_header(&allowance, name, value, WALL_US);
    }
    allowance_settle(&allowance, &budget, WALL_US, answer);
    check(!answer->limited || (answer->left >= 0 && answer->renewed_us >= 0));
    return at;
}

static void pages(const source_t *source, slice_t body)
{
    static peek_t *peek;
    if (!peek)
        peek = peek_new();
    check(peek != NULL);
    static page_t page;
    page = (page_t){ 0 };
    for (unsigned i = 0; i < 3; i++) {
        peeked_t peeked;
        fault_t fault = { 0 };
        if (!peek_read(peek, source, body, &page, &peeked, &fault)) {
            check(fault.text[0] != '\0' && !peeked.more);
            return;
        }
        check(page.number < source->page_most || source->page_most == 0);
        check(page.cursor_size <= REQUEST_CURSOR_MAX && peeked.left >= 0);
        buffer_t url = { 0 };
        request_url(source, &page, &url);
        check(!url.failed);
        for (size_t at = 0; at < url.size; at++)
            check(url.data[at] > ' ' && url.data[at] < 0x7f);
        buffer_destroy(&url);
        if (!peeked.more)
            return;
    }
}

static void reasons(const source_t *source, slice_t body, const answer_t *answer)
{
    static const int statuses[] = { 0, 200, 302, 429, 503 };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        const verdict_t verdict = { .status = statuses[i],
                                    .error = statuses[i] < 300 ? "it broke" : NULL,
                                    .retry_after_us = answer->renewed_us,
                                    .body = body };
        char reason[160];
        memset(reason, 0x7f, sizeof reason);
        verdict_reason(&verdict, source, reason, sizeof reason);
        size_t size = strnlen(reason, sizeof reason);
        check(size > 0 && size < sizeof reason);
        for (size_t at = 0; at < size; at++)
            check(reason[at] >= ' ' && reason[at] <= '~');
        (void) verdict_kind(&verdict);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    answer_t answer = { .kind = ANSWER_GOOD };
    size_t at = headers((const char *) data, size, &answer);
    slice_t body = slice_of(data + at, size - at);
    const source_t sources[] = {
        { .url = "http://a/x?y=1",
          .allowance = "/allowance",
          .paged = true,
          .page_parameter = "c",
          .page_cursor = "/cursor/last",
          .page_more = "/cursor/hasMore",
          .page_most = 3 },
        { .url = "http://a/x", .paged = true, .page_parameter = "p", .page_most = 1000 },
        { .url = "http://a/x", .allowance = "" },
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        pages(&sources[i], body);
    reasons(&sources[0], body, &answer);
    return 0;
}
