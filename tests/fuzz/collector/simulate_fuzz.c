/*  Any text as the URL of a market: refused with a reason, or a market whose payloads are lists. */
#include <stdlib.h>
#include <string.h>

#include "actors/collector/simulate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char url[256] = "simulate://market";
    size_t head = strlen(url);
    if (size >= sizeof url - head)
        return 0;
    if (size)
        memcpy(url + head, data, size);
    url[head + size] = '\0';
    simulate_settings_t settings;
    fault_t fault = { 0 };
    if (!simulate_parse(&settings, url, &fault))
        return fault.text[0] ? 0 : (abort(), 0);
    if (settings.series == 0 || settings.series > SIMULATE_SERIES_MAX || settings.rate == 0)
        abort();
    simulate_t *market = simulate_new(&settings, INT64_C(1700000000000000), 0);
    buffer_t payload = { 0 };
    for (int i = 0; i < 3 && market; i++) {
        buffer_clear(&payload);
        if (!simulate_next(market, &payload) || payload.size < 3 || payload.data[0] != '[' ||
            payload.data[payload.size - 1] != ']')
            abort();
    }
    buffer_destroy(&payload);
    simulate_destroy(&market);
    return 0;
}
