/*  test_rules_text -- see test_rules_text.h. */
#include "actors/cli/test_rules_text.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

// As a sum of durations from the start, or a time if it is before.
static void s_put_at(const rule_test_t *test, int64_t ts_us, buffer_t *out)
{
    static const struct {
        const char *name;
        int64_t us;
    } units[] = { { "d", INT64_C(86400000000) },
                  { "h", INT64_C(3600000000) },
                  { "m", 60000000 },
                  { "s", 1000000 },
                  { "ms", 1000 },
                  { "us", 1 } };
    int64_t left = ts_us - test->start_us;
    if (left == 0)
        buffer_text(out, "0s");
    if (left < 0) {
        time_t seconds = ts_us / 1000000 - (ts_us % 1000000 < 0);
        struct tm utc;
        char when[32];
        gmtime_r(&seconds, &utc);
        strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
        buffer_text(out, when);
        return;
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (left >= units[i].us)
            buffer_printf(out, "%" PRId64 "%s", left / units[i].us, units[i].name);
        left %= units[i].us;
    }
}

static void s_put_line(const rule_test_t *test, slice_t rule, slice_t series, int64_t ts_us,
                       const char *kind, buffer_t *out)
{
    buffer_printf(out, "    - { rule: %.*s, series: %.*s, at: ", (int) rule.size, rule.data,
                  (int) series.size, series.data);
    s_put_at(test, ts_us, out);
    if (strcmp(kind, "alert") != 0)
        buffer_printf(out, ", kind: %s", kind);
    buffer_text(out, " }\n");
}

void test_rules_put_expected(const rule_test_t *test, const test_expect_t *expect, buffer_t *out)
{
    s_put_line(test, slice_text(expect->rule.text), slice_text(expect->series.text), expect->ts_us,
               test_rules_kind(expect->kind), out);
}

static void s_put_evidence(const alert_evidence_t *evidence, buffer_t *out)
{
    const char *value = evidence->value ? evidence->value : evidence->avg;
    buffer_printf(out, "      #   %s OVER %s = %s (values: %" PRIu64 "%s)\n", evidence->expr,
                  evidence->window, value ? value : "null", evidence->rows,
                  evidence->exact ? "" : "; the window is coarse");
}

void test_rules_put_alert(const rule_test_t *test, const alert_t *alert, buffer_t *out)
{
    s_put_line(test, alert->rule, alert->series, alert->ts_us, alert->kind, out);
    buffer_printf(out, "      # %.*s\n      #  ", (int) alert->when.size, alert->when.data);
    for (unsigned i = 0; i < alert->column_count; i++)
        buffer_printf(out, " %s=%s", alert->columns[i].name,
                      alert->columns[i].text ? alert->columns[i].text : "null");
    buffer_text(out, "\n");
    for (unsigned i = 0; i < alert->evidence_count; i++)
        s_put_evidence(&alert->evidence[i], out);
    if (alert->threshold)
        buffer_printf(out, "      #   the threshold is %s\n", alert->threshold);
}
