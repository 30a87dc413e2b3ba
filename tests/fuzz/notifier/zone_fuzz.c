/*  Any bytes as a file of the time zone database and as a rule of POSIX: refused, or a zone in
 *  which every moment has an offset that a clock can have, and quiet hours that end.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "actors/notifier/quiet.h"
#include "actors/notifier/zone_rule.h"
#include "proto/owned.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HOUR_S = 3600, OFFSET_MOST = 168 * HOUR_S }; // 167:59:59, as POSIX writes them at most
#define YEAR_S INT64_C(31556952)

// What the clocks of this program may say: years 1 to 9999, and a little beyond.
static const int64_t from_s = -2100 * YEAR_S, to_s = 8100 * YEAR_S;

static void check_rule(slice_t text)
{
    zone_rule_t rule;
    if (!zone_rule_parse(&rule, text))
        return;
    assert(rule.standard_s > -OFFSET_MOST && rule.standard_s < OFFSET_MOST);
    for (int64_t t = from_s; t <= to_s; t += 97 * YEAR_S / 4) {
        int offset_s = zone_rule_offset_s(&rule, t);
        assert(offset_s == rule.standard_s || (rule.has_summer && offset_s == rule.summer_s));
    }
}

static void check_zone(const zone_t *zone, int64_t now_s)
{
    for (int64_t t = from_s; t <= to_s; t += 97 * YEAR_S / 4) {
        int offset_s = zone_offset_s(zone, t);
        assert(offset_s >= -OFFSET_MOST - HOUR_S && offset_s <= OFFSET_MOST + HOUR_S);
    }
    static const char *const hours[] = { "22:00-07:00", "02:00-03:00", "00:00-23:59" };
    for (size_t i = 0; i < sizeof hours / sizeof *hours; i++) {
        fault_t fault;
        quiet_t quiet;
        bool good = quiet_parse(&quiet, hours[i], &fault);
        assert(good);
        assert(quiet_end_s(&quiet, zone, now_s) >= now_s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t seconds = 0; // of now: somewhere in the 136 years from 1970, by the last bytes
    memcpy(&seconds, data + (size < sizeof seconds ? 0 : size - sizeof seconds),
           size < sizeof seconds ? size : sizeof seconds);
    check_rule(slice_of(data, size));
    fault_t fault = { 0 };
    owned(zone_destroy) zone_t *zone = zone_parse(slice_of(data, size), &fault);
    if (zone)
        check_zone(zone, seconds);
    else
        assert(fault.text[0]);
    return 0;
}
