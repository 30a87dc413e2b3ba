/*  failing -- see failing.h. */
#include "actors/cli/failing.h"

#include "proto/owned.h"

// Names, each with its NUL.
static void s_note(void *context, const store_actor_t *actor)
{
    buffer_append(context, actor->name, strlen(actor->name) + 1);
}

store_status_t failing_all(store_t *store, store_failing_visit_t *visit, void *context)
{
    owned(buffer_destroy) buffer_t names = { 0 };
    store_status_t status = store_actors(store, "collector", s_note, &names);
    for (size_t at = 0; status == STORE_OK && at < names.size;) {
        const char *name = (const char *) names.data + at;
        at += strlen(name) + 1;
        status = store_failing(store, name, visit, context);
    }
    return status;
}
