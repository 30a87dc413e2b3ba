/*  One event is one line, whatever is in it, and JSON where JSON was asked for. */
#include "broker/runtime/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int real_stderr = -1;

static void begin_capture(void)
{
    FILE *file = tmpfile();
    fflush(stderr);
    real_stderr = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    fclose(file);
}

static const char *end_capture(void)
{
    static char text[128 * 1024];
    off_t size = lseek(STDERR_FILENO, 0, SEEK_END);
    ssize_t got = pread(STDERR_FILENO, text, sizeof text - 1, 0);
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    assert_int_equal(got, size);
    text[got] = '\0';
    return text;
}

// "2026-11-23T18:55:27.622Z", at the start of a line after this prefix.
static const char *skip_time(const char *line, const char *prefix)
{
    assert_memory_equal(line, prefix, strlen(prefix));
    const char *time = line + strlen(prefix);
    static const char shape[] = "dddd-dd-ddTdd:dd:dd.dddZ";
    for (size_t i = 0; i < sizeof shape - 1; i++) {
        if (shape[i] == 'd')
            assert_in_range(time[i], '0', '9');
        else
            assert_int_equal(time[i], shape[i]);
    }
    return time + sizeof shape - 1;
}

static void logfmt_line(void **state)
{
    (void) state;
    log_setup("collector", "c1", LOG_INFO, false);
    begin_capture();
    log_event(LOG_INFO, "staged", "records=%d bytes=%zu", 12, (size_t) 345);
    log_event(LOG_DEBUG, "not to be seen", NULL);
    log_event(LOG_ERROR, "two words", NULL);
    const char *text = end_capture();
    const char *rest = skip_time(text, "ts=");
    static const char first[] =
        " level=info actor=collector name=c1 msg=staged records=12 bytes=345\n";
    assert_memory_equal(rest, first, sizeof first - 1);
    rest = skip_time(rest + sizeof first - 1, "ts=");
    assert_string_equal(rest, " level=error actor=collector name=c1 msg=\"two words\"\n");
}

static void json_line(void **state)
{
    (void) state;
    log_setup("prep", "", LOG_DEBUG, true);
    begin_capture();
    log_event(
        LOG_WARNING, "odd \"thing\"",
        "count=%d ratio=-0.5 id=%s zip=007 big=12345678901234567890 dot=1. ok=true flag why=%s", 3,
        "12ab", log_quote("a b=\"c\"\n\x1b[0m"));
    const char *rest = skip_time(end_capture(), "{\"ts\":\"");
    assert_string_equal(rest,
                        "\",\"level\":\"warning\",\"actor\":\"prep\",\"msg\":\"odd \\\"thing\\\"\","
                        "\"count\":3,\"ratio\":-0.5,\"id\":\"12ab\",\"zip\":\"007\","
                        "\"big\":\"12345678901234567890\",\"dot\":\"1.\",\"ok\":true,"
                        "\"flag\":true,\"why\":\"a b=\\\"c\\\"\\n\\u001b[0m\"}\n");
}

static void a_line_stays_a_line(void **state)
{
    (void) state;
    for (int json = 0; json < 2; json++) {
        log_setup("a", "n", LOG_DEBUG, json);
        begin_capture();
        char wide[20000];
        memset(wide, '"', sizeof wide - 1);
        wide[sizeof wide - 1] = '\0';
        log_event(LOG_INFO, "x\ny", "raw=%s", "a\nlevel=error b\x1b]0;title\x07");
        log_event(LOG_INFO, wide, "raw=%s", wide);
        log_event(LOG_INFO, wide, "raw=%s", log_quote(wide));
        const char *text = end_capture();
        int lines = 0;
        for (const char *c = text; *c; c++) {
            lines += *c == '\n';
            if (*c != '\n')
                assert_in_range((unsigned char) *c, 0x20, 0x7e);
        }
        assert_int_equal(lines, 3);
        assert_int_equal(text[strlen(text) - 1], '\n');
    }
}

static void values_are_quoted_when_they_must(void **state)
{
    (void) state;
    const char *const cases[][2] = {
        { "plain-1.2/3", "plain-1.2/3" },
        { "", "\"\"" },
        { "a b", "\"a b\"" },
        { "a=b", "\"a=b\"" },
        { "say \"x\"", "\"say \\\"x\\\"\"" },
        { "back\\slash", "\"back\\\\slash\"" },
        { "a\nb\tc", "\"a\\nb\\u0009c\"" },
        { "\x7f", "\"\\u007f\"" },
        { "caf\xc3\xa9", "\"caf\xc3\xa9\"" },
        { "bad\xff\xc3", "\"bad\\ufffd\\ufffd\"" },
        { "\xc2\x9b", "\"\\u009b\"" }, // a control sequence introducer in one character
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(log_quote(cases[i][0]), cases[i][1]);
    assert_string_equal(log_quote(NULL), "\"\"");
    // Eight values may stand in one line.
    const char *slots[8];
    char text[8][16];
    for (int i = 0; i < 8; i++) {
        snprintf(text[i], sizeof text[i], "v %d", i);
        slots[i] = log_quote(text[i]);
    }
    assert_string_equal(slots[0], "\"v 0\"");
    assert_string_equal(slots[7], "\"v 7\"");
}

static void levels_have_names(void **state)
{
    (void) state;
    log_level_t level = LOG_INFO;
    assert_true(log_level_parse("debug", &level));
    assert_int_equal(level, LOG_DEBUG);
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_ERROR);
    assert_false(log_level_parse("loud", &level));
    assert_false(log_level_parse("", &level));
    assert_int_equal(level, LOG_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logfmt_line),         cmocka_unit_test(json_line),
        cmocka_unit_test(a_line_stays_a_line), cmocka_unit_test(values_are_quoted_when_they_must),
        cmocka_unit_test(levels_have_names),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
