/*  targets -- see targets.h. */
#include "actors/collector/targets.h"

#include <stdlib.h>
#include <string.h>

enum { HOST_TEXT_MAX = 512 };

bool targets_find_host(const targets_t *self, const char *name, unsigned *host)
{
    for (*host = 0; *host < self->host_count; ++*host)
        if (strcmp(self->hosts[*host], name) == 0)
            return true;
    return false;
}

// The number of the host of this URL, a new one if need be. False: out of memory.
static bool s_add_host(targets_t *self, const settings_t *settings, const char *url, unsigned *host)
{
    char name[HOST_TEXT_MAX];
    // What is longer than any host has no budget of its own; curl will refuse it.
    if (!request_host(url, name, sizeof name))
        name[0] = '\0';
    if (targets_find_host(self, name, host))
        return true;
    self->hosts[*host] = strdup(name);
    self->budgets[*host] = request_budget(settings, name);
    self->host_count += self->hosts[*host] != NULL;
    return self->hosts[*host] != NULL;
}

static bool s_add_targets(targets_t *self, const settings_t *settings)
{
    for (size_t i = 0; i < settings->source_count; i++) {
        const source_t *source = &settings->sources[i];
        if (source->kind != SOURCE_HTTP)
            continue;
        target_t *target = &self->items[self->count++];
        target->source = source;
        target->page = source->paged ? calloc(1, sizeof *target->page) : NULL;
        if (!s_add_host(self, settings, source->url, &target->host) ||
            (source->paged && !target->page))
            return false;
    }
    return true;
}

bool targets_init(targets_t *self, const settings_t *settings)
{
    size_t count = settings->source_count + 1;
    *self = (targets_t){ .items = calloc(count, sizeof *self->items),
                         .hosts = calloc(count, sizeof *self->hosts),
                         .budgets = calloc(count, sizeof *self->budgets) };
    return self->items && self->hosts && self->budgets && s_add_targets(self, settings);
}

void targets_clear(targets_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        free(self->items[i].etag);
        free(self->items[i].modified);
        free(self->items[i].page);
    }
    for (size_t i = 0; i < self->host_count; i++)
        free(self->hosts[i]);
    free(self->items);
    free(self->hosts);
    free(self->budgets);
    *self = (targets_t){ 0 };
}

bool target_is_conditional(const target_t *self)
{
    const source_t *source = self->source;
    return !source->time_fetch && !source->paged && !source->body;
}

// Without memory for it the next poll is an unconditional one.
static void s_remember(char **validator, const char *value)
{
    free(*validator);
    *validator = value ? strdup(value) : NULL;
}

void target_remember(target_t *self, const char *etag, const char *modified)
{
    s_remember(&self->etag, etag);
    s_remember(&self->modified, modified);
}

void target_turn_back(target_t *self)
{
    if (self->page)
        *self->page = (page_t){ 0 };
}
