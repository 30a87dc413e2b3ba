/*  A request with any path, parameters and headers leads somewhere or is refused for a reason,
 *  and what it is taken for is within its bounds. Parts are apart by '\n': method, path, Host,
 *  Last-Event-ID, If-None-Match, Accept-Encoding, then name=value of parameters.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "actors/api/answer.h"
#include "actors/api/asked.h"
#include "actors/api/pages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void resume(const route_t *route)
{
    char text[REEL_ID_MAX];
    reel_id_t again;
    reel_id_write(route->behind, text);
    assert(reel_id_read(text, &again) && reel_id_compare(again, route->behind) == 0);
}

static void judge(const asked_t *request)
{
    route_t route = asked_route(request);
    if (route.kind == ROUTE_REFUSED) {
        assert(route.status >= 400 && route.status < 500 && route.error && route.text);
        return;
    }
    assert(asked_is_ours(request->host) && !request->body);
    if (route.kind == ROUTE_PAGE) {
        assert(pages_have(request->path));
        return;
    }
    assert(route.answer < ANSWERS && route.limit >= 1 && route.limit <= ALERTS_MAX);
    assert(!request->odd);
    assert(!route.rule || (route.rule[0] && strlen(route.rule) <= FOLLOWER_GLOB_MAX));
    assert(!route.series || (route.series[0] && strlen(route.series) <= FOLLOWER_GLOB_MAX));
    if (route.resumes)
        resume(&route);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { HEADERS = 6 };
    const char *parts[HEADERS] = { "GET", "/", NULL, NULL, NULL, NULL };
    char *text = malloc(size + 1);
    assert(text);
    memcpy(text, data, size);
    text[size] = '\0';
    asked_t request = { 0 };
    char *at = text, *end = text + size;
    for (int part = 0; at < end; part++) {
        char *stop = memchr(at, '\n', (size_t) (end - at));
        stop = stop ? stop : end;
        *stop = '\0';
        if (part < HEADERS) {
            parts[part] = at;
        } else {
            char *equal = memchr(at, '=', (size_t) (stop - at));
            equal = equal ? equal : stop;
            slice_t value =
                equal < stop ? slice_of(equal + 1, (size_t) (stop - equal - 1)) : (slice_t){ 0 };
            asked_parameter(&request, slice_of(at, (size_t) (equal - at)), value);
        }
        at = stop + 1;
    }
    request.method = parts[0];
    request.path = parts[1];
    request.host = parts[2];
    request.last_event_id = parts[3];
    judge(&request);
    answer_is_known(parts[4], "\"0123456789abcdef0123456789abcdef-gzip\"");
    answer_takes_gzip(parts[5]);
    free(text);
    return 0;
}
