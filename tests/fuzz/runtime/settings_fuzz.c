/*  Any bytes as a configuration: refused with a reason, or settings in which every promise of
 *  settings.h holds.
 */
#include <assert.h>
#include <string.h>

#include "broker/runtime/settings.h"

static void check(const settings_t *settings)
{
    assert(settings->namespace && settings->redis && settings->stage);
    assert(settings->listen_alerts && settings->window_rows_max > 0);
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        assert(source->name && source->url && source->table && source->rows);
        assert(source->key.count > 0 && source->columns.count > 0);
        assert(source->time_fetch || (source->time_at && source->time_unit));
        assert(source->every_us > 0 && source->timeout_us > 0 && source->lateness_us == 0);
    }
    for (size_t i = 0; i < settings->rule_count; i++) {
        const rule_settings_t *rule = &settings->rules[i];
        assert(rule->name && rule->on && rule->when && rule->severity && rule->note);
        assert(rule->when_line > 0 && rule->when_column > 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fault_t fault = { 0 };
    settings_t *settings = settings_parse((const char *) data, size, &fault);
    if (settings)
        check(settings);
    else
        assert(fault.text[0] != '\0');
    settings_destroy(&settings);
    return 0;
}
