/*  settings_reference -- the reference of docs/configuration.md, printed from the table. */
#include <inttypes.h>
#include <string.h>

#include "broker/runtime/settings_table.h"

static const char *const titles[] = {
    [IN_FILE] = "At the top",           [IN_LISTEN] = "`listen`",   [IN_SOURCE] = "A source",
    [IN_PAGES] = "`pages` of a source", [IN_RULE] = "A rule",       [IN_SMTP] = "`smtp`",
    [IN_GATEWAY] = "A gateway",         [IN_COMMAND] = "A command",
};

// The largest unit that says it in whole numbers.
static void s_print_duration(buffer_t *out, int64_t us)
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
    for (size_t i = 0; us > 0 && i < sizeof units / sizeof *units; i++) {
        if (us % units[i].us == 0) {
            buffer_printf(out, "%" PRId64 "%s", us / units[i].us, units[i].name);
            return;
        }
    }
    buffer_text(out, "0s");
}

static void s_print_durations(buffer_t *out, const setting_t *setting)
{
    buffer_text(out, "duration");
    if (setting->most == 0)
        return;
    buffer_text(out, ", ");
    s_print_duration(out, setting->least);
    buffer_text(out, " to ");
    s_print_duration(out, setting->most);
}

// Types that need no number to describe them.
static const char *const words[] = {
    [SETTING_STORE] = "address",
    [SETTING_STAGE] = "address",
    [SETTING_ENDPOINT] = "address",
    [SETTING_HOST] = "host",
    [SETTING_URL] = "address",
    [SETTING_BOOLEAN] = "true or false",
    [SETTING_BUDGET] = "budget",
    [SETTING_FLAP] = "changes/duration",
    [SETTING_POINTER] = "JSON Pointer",
    [SETTING_CHARACTER] = "one character",
    [SETTING_FORMAT] = "word",
    [SETTING_ORDER] = "word",
    [SETTING_EMIT] = "word",
    [SETTING_TIME] = "map or word",
    [SETTING_NOT_YET] = "refused",
};

static void s_print_type(buffer_t *out, const setting_t *setting)
{
    switch (setting->type) {
    case SETTING_TEXT:
    case SETTING_PLACED:
        buffer_printf(out, "text, at most %" PRId64 " bytes", setting->most);
        return;
    case SETTING_NAME:
        buffer_printf(out, "letters, digits, `.` `_` `-`, at most %" PRId64, setting->most);
        return;
    case SETTING_IDENTIFIER:
        buffer_printf(out, "`[a-z][a-z0-9_]*`, at most %" PRId64, setting->most);
        return;
    case SETTING_SQL:
        buffer_printf(out, "SQL, at most %" PRId64 " bytes", setting->most);
        return;
    case SETTING_COUNT:
        buffer_printf(out, "whole number, %" PRId64 " to %" PRId64, setting->least, setting->most);
        return;
    case SETTING_DURATION:
        s_print_durations(out, setting);
        return;
    case SETTING_JQ:
        buffer_printf(out, "jq, at most %" PRId64 " bytes", setting->most);
        return;
    case SETTING_MISSING:
        buffer_printf(out, "list, %" PRId64 " to %" PRId64 " entries", setting->least,
                      setting->most);
        return;
    case SETTING_ONLY:
    case SETTING_PAIRS:
    case SETTING_HEADERS:
    case SETTING_QUERY:
        buffer_printf(out, "map, %" PRId64 " to %" PRId64 " entries", setting->least,
                      setting->most);
        return;
    case SETTING_REQUIRED:
        buffer_printf(out, "list, at most %" PRId64 " entries", setting->most);
        return;
    case SETTING_SHARDS:
        buffer_printf(out, "number or list/number, %" PRId64 " to %" PRId64, setting->least,
                      setting->most);
        return;
    case SETTING_IDENTITY:
        buffer_printf(out, "list, %" PRId64 " to %" PRId64 " entries, or word", setting->least,
                      setting->most);
        return;
    case SETTING_SOURCES:
        buffer_printf(out, "list, at most %" PRId64 " entries", setting->most);
        return;
    case SETTING_LISTEN:
    case SETTING_PAGES:
    case SETTING_BUDGETS:
    case SETTING_DERIVE:
    case SETTING_RULES:
    case SETTING_MEANS:
        buffer_printf(out, "map, at most %" PRId64 " entries", setting->most);
        return;
    case SETTING_STORE:
    case SETTING_STAGE:
    case SETTING_ENDPOINT:
    case SETTING_HOST:
    case SETTING_URL:
    case SETTING_BOOLEAN:
    case SETTING_BUDGET:
    case SETTING_FLAP:
    case SETTING_POINTER:
    case SETTING_CHARACTER:
    case SETTING_FORMAT:
    case SETTING_ORDER:
    case SETTING_EMIT:
    case SETTING_TIME:
    case SETTING_NOT_YET:
        buffer_text(out, words[setting->type]);
        return;
    }
}

// A "|" would end the cell.
static void s_print_cell(buffer_t *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        if (*c == '|')
            buffer_text(out, "\\");
        buffer_append(out, c, 1);
    }
}

static void s_print_row(buffer_t *out, const setting_t *setting)
{
    buffer_printf(out, "| `%s` | ", setting->name);
    s_print_type(out, setting);
    if (setting->required)
        buffer_text(out, " | **must be given** | ");
    else if (!setting->initial)
        buffer_text(out, " | | ");
    else if (setting->initial[0] == '\0')
        buffer_text(out, " | empty | ");
    else
        buffer_printf(out, " | `%s` | ", setting->initial);
    s_print_cell(out, setting->help);
    buffer_text(out, " |\n");
}

bool settings_reference(buffer_t *out)
{
    for (size_t section = 0; section < sizeof titles / sizeof *titles; section++) {
        buffer_printf(out, "### %s\n\n| setting | type | default | meaning |\n|---|---|---|---|\n",
                      titles[section]);
        for (size_t i = 0; i < settings_table_count; i++) {
            if (settings_table[i].section == (setting_section_t) section)
                s_print_row(out, &settings_table[i]);
        }
        buffer_text(out, "\n");
    }
    return !out->failed;
}
