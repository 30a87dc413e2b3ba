/*  settings_budget -- see settings_read.h: so many in a time: requests of a host, changes of an
 *  incident.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/runtime/settings_read.h"
#include "proto/plan.h"

enum { COUNT_MAX = 100000, HOST_BYTES_MAX = 261 }; // a name and a port

static bool s_budget(const char *text, budget_t *budget)
{
    enum { DIGITS_MAX = 6, WINDOW_TEXT_MAX = 32 };
    size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX || text[digits] != '/')
        return false;
    long count = strtol(text, NULL, 10);
    // "/s" is "/1s"
    const char *window = text + digits + 1;
    char one[WINDOW_TEXT_MAX];
    int size =
        snprintf(one, sizeof one, "%s%s", isdigit((unsigned char) *window) ? "" : "1", window);
    if (size < 0 || (size_t) size >= sizeof one || !settings_duration(one, &budget->window_us))
        return false;
    budget->count = (uint32_t) count;
    return true;
}

bool settings_budget(const char *text, budget_t *budget)
{
    enum { WINDOW_US_MIN = 1000 };
    const int64_t day_us = INT64_C(86400) * 1000000;
    return s_budget(text, budget) && budget->count > 0 && budget->count <= COUNT_MAX &&
           budget->window_us >= WINDOW_US_MIN && budget->window_us <= day_us;
}

bool settings_flap(const char *text, budget_t *flap)
{
    return s_budget(text, flap) && flap->count >= RULE_FLAP_LEAST &&
           flap->count <= RULE_FLAP_MOST && flap->window_us > 0 &&
           flap->window_us <= RULE_FLAP_US_MAX;
}

bool settings_read_flap(settings_reader_t *self, const char *what, const node_t *node,
                        budget_t *flap)
{
    return settings_flap(node->text, flap) ||
           settings_refuse(self, node,
                           "%s: expected %d to %d changes in at most 366d, such as 6/10m, not "
                           "'%.60s'",
                           what, RULE_FLAP_LEAST, RULE_FLAP_MOST, node->text);
}

bool settings_read_budget(settings_reader_t *self, const char *what, const node_t *node,
                          budget_t *budget)
{
    return settings_budget(node->text, budget) ||
           settings_refuse(self, node,
                           "%s: expected 1 to %d requests in 1ms to 1d, such as 10/s, 600/m or "
                           "100/10s, not '%.60s'",
                           what, COUNT_MAX, node->text);
}

static bool s_read_host(settings_reader_t *self, const char *what, const node_t *node,
                        host_budget_t *host)
{
    if (node->kind != NODE_TEXT)
        return settings_refuse(self, node, "%s: expected one value", what);
    size_t size = strlen(node->name);
    // What a URL may have between "//" and the path, in small letters as we compare it.
    if (size == 0 || size > HOST_BYTES_MAX ||
        strspn(node->name, "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]") != size)
        return settings_refuse_name(self, node,
                                    "%s: '%.100s' is no host, with its port if the URL has one, in "
                                    "small letters",
                                    what, node->name);
    host->host = node->name;
    return settings_read_budget(self, what, node, &host->budget);
}

bool settings_read_budgets(settings_reader_t *self, const setting_t *setting, const node_t *node,
                           settings_t *settings)
{
    if (node->kind != NODE_MAP)
        return settings_refuse(self, node, "%s: expected a map from hosts to budgets",
                               setting->name);
    if ((int64_t) node->count > setting->most)
        return settings_refuse(self, node, "%s: more than %" PRId64 " entries", setting->name,
                               setting->most);
    settings->budgets =
        (host_budget_t *) arena_take(self->arena, (node->count + 1) * sizeof *settings->budgets);
    if (!settings->budgets)
        return settings_refuse(self, node, "out of memory");
    for (const node_t *member = node->first; member; member = member->next) {
        if (!s_read_host(self, setting->name, member, &settings->budgets[settings->budget_count++]))
            return false;
    }
    return true;
}
