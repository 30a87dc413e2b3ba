/*  registry_open -- the connections of the registry and its keeper; see registry.h. */
#include <stdlib.h>
#include <string.h>

#include "actors/collector/registry.h"
#include "broker/site.h"

registry_t *registry_open(const settings_t *settings, const char *dir, const char *root,
                          const char *name, fault_t *fault)
{
    char url[SITE_PATH_MAX], password[SITE_PASSWORD_MAX];
    if (!site_redis(settings, dir, REDIS_COLLECTOR, url, password, fault))
        return NULL;
    const char *secret = password[0] ? password : NULL, *namespace = settings->namespace;
    store_t *store = store_new(url, secret, namespace, fault);
    store_watch_t *watch =
        store ? store_watch_new(url, secret, namespace, STORE_WATCH_RULES, fault) : NULL;
    store_t *copied = watch ? store_new(url, secret, namespace, fault) : NULL;
    explicit_bzero(password, sizeof password);
    keeper_t *keeper = copied ? keeper_new(copied, root, namespace, name, fault) : NULL;
    if (keeper)
        return registry_new(store, watch, keeper, name, fault);
    store_watch_destroy(&watch);
    store_destroy(&store);
    return NULL;
}
