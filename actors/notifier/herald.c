/*  herald -- see herald.h. */
#include "actors/notifier/herald.h"

#include <stdlib.h>

#include "actors/notifier/degraded.h"
#include "actors/notifier/reach.h"
#include "proto/owned.h"

bool herald_say(publisher_t *publisher, const settings_t *settings, const vigil_state_t *state)
{
    owned(reach_destroy) reach_t *reach = reach_new(settings, state->cause);
    const char **tables = calloc(settings->source_count + 1, sizeof *tables);
    owned(buffer_destroy) buffer_t topic = { 0 }, body = { 0 };
    bool made = reach && tables;
    if (made) {
        bool all = reach_is_all(reach);
        size_t count = reach_tables(reach, tables);
        buffer_printf(&topic, DEGRADED_TOPIC "%s/", state->cause);
        made = degraded_health(state, all ? NULL : tables, count, &body) && !topic.failed;
    }
    if (made)
        (void) publisher_send(publisher, buffer_slice(&topic), buffer_slice(&body));
    free(tables);
    return made;
}
