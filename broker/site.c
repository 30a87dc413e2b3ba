/*  site -- see site.h. */
#include "broker/site.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "broker/runtime/life.h"
#include "broker/runtime/log.h"
#include "broker/runtime/notify.h"
#include "broker/trust/guard.h"
#include "broker/trust/lookout.h"
#include "proto/owned.h"

enum { ASK_EVERY_MS = 100 };

bool site_secret(const char *setting, const char *path, char password[SITE_PASSWORD_MAX],
                 fault_t *fault)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return fault_set(fault, "cannot read %s '%s': %s", setting, path, strerror(errno));
    size_t size = fread(password, 1, SITE_PASSWORD_MAX - 1, file);
    bool whole = !ferror(file) && feof(file);
    fclose(file);
    password[size] = '\0';
    password[strcspn(password, "\r\n")] = '\0';
    if (!whole || password[0] == '\0')
        return fault_set(fault, "%s '%s' is empty or longer than %d bytes", setting, path,
                         SITE_PASSWORD_MAX - 2);
    return true;
}

bool site_redis(const settings_t *settings, const char *dir, redis_user_t user,
                char url[SITE_PATH_MAX], char password[SITE_PASSWORD_MAX], fault_t *fault)
{
    char path[SITE_PATH_MAX];
    password[0] = '\0';
    if (settings->redis_password_file &&
        !redis_user_expand(user, settings->redis_password_file, path, sizeof path))
        return fault_set(fault, "redis_password_file: the path is too long");
    if (settings->redis_password_file && !site_secret("redis_password_file", path, password, fault))
        return false;
    if (strcmp(settings->redis, "embedded") == 0)
        return redis_server_url(dir, url, fault);
    return redis_user_expand(user, settings->redis, url, SITE_PATH_MAX) ||
           fault_set(fault, "redis: the address is too long");
}

store_t *site_store(const settings_t *settings, const char *dir, redis_user_t user, fault_t *fault)
{
    char url[SITE_PATH_MAX], password[SITE_PASSWORD_MAX];
    store_t *store = NULL;
    if (site_redis(settings, dir, user, url, password, fault))
        store = store_new(url, password[0] ? password : NULL, settings->namespace, fault);
    explicit_bzero(password, sizeof password);
    return store;
}

store_watch_t *site_watch(const settings_t *settings, const char *dir, redis_user_t user,
                          store_watched_t what, fault_t *fault)
{
    char url[SITE_PATH_MAX], password[SITE_PASSWORD_MAX];
    store_watch_t *watch = NULL;
    if (site_redis(settings, dir, user, url, password, fault))
        watch =
            store_watch_new(url, password[0] ? password : NULL, settings->namespace, what, fault);
    explicit_bzero(password, sizeof password);
    return watch;
}

bool site_stage(const settings_t *settings, const char *dir, char path[SITE_PATH_MAX],
                fault_t *fault)
{
    const char *where = settings->stage;
    if (strncmp(where, "dir:", 4) == 0)
        where += 4;
    int size = where[0] == '/' ? snprintf(path, SITE_PATH_MAX, "%s", where)
                               : snprintf(path, SITE_PATH_MAX, "%s/%s", dir, where);
    if (size < 0 || size >= SITE_PATH_MAX)
        return fault_set(fault, "stage: the path is too long");
    return true;
}

bool site_keys(const settings_t *settings, const char *dir, char path[SITE_PATH_MAX],
               fault_t *fault)
{
    int size = settings->keys[0] == '/'
                   ? snprintf(path, SITE_PATH_MAX, "%s", settings->keys)
                   : snprintf(path, SITE_PATH_MAX, "%s/%s", dir, settings->keys);
    return (size > 0 && size < SITE_PATH_MAX) || fault_set(fault, "keys: the path is too long");
}

bool site_guard(const settings_t *settings, const char *dir, role_t role, const char *name,
                fault_t *fault)
{
    char folder[SITE_PATH_MAX];
    if (!settings->keys)
        return true;
    const guard_setup_t setup = {
        .folder = folder, .name = name, .role = role, .advertise = settings->listen_advertise
    };
    return site_keys(settings, dir, folder, fault) && guard_start(&setup, fault);
}

bool site_metrics(const settings_t *settings, role_t role, const char *name, metrics_t **metrics,
                  fault_t *fault)
{
    *metrics = settings->listen_metrics
                   ? metrics_new(settings->listen_metrics, settings->listen_advertise,
                                 role_name(role), name, fault)
                   : NULL;
    return *metrics || !settings->listen_metrics;
}

static void tell_strangers(void)
{
    lookout_line_t line;
    while (lookout_take(&line))
        log_event(LOG_WARNING, "handshake failed", "door=%s peer=%s reason=%s times=%" PRIu64,
                  door_name(line.door), log_quote(line.peer),
                  log_quote(handshake_fault_text(line.fault)), line.times);
}

bus_renewal_t site_renew(bool works)
{
    fault_t fault = { 0 };
    tell_strangers();
    bus_renewal_t renewal = bus_renew_all(&fault);
    if (renewal != BUS_LOST && fault.text[0])
        log_event(LOG_WARNING, "a link is lost; trying again each second", "reason=%s",
                  log_quote(fault.text));
    if (renewal == BUS_RENEWED)
        log_event(LOG_INFO, "a key was revoked; connections made anew", NULL);
    if (renewal == BUS_LOST)
        log_event(LOG_ERROR, "a key was revoked, and a socket cannot be opened again; ending",
                  "reason=%s", log_quote(fault.text));
    if (renewal != BUS_LOST)
        notify_turn(works);
    return renewal;
}

site_wait_t site_await(const settings_t *settings, const char *dir, redis_user_t user, int signals,
                       fault_t *fault)
{
    owned(store_destroy) store_t *store = site_store(settings, dir, user, fault);
    bool told = false;
    while (store) {
        store_status_t status = store_ping(store);
        if (status == STORE_OK)
            return SITE_READY;
        fault_set(fault, "%s", store_error(store));
        if (status != STORE_DOWN)
            return SITE_UNFIT;
        if (!told) {
            log_event(LOG_WARNING, "redis does not answer; waiting for it", "reason=%s",
                      log_quote(fault->text));
            notify_waiting("redis");
        }
        told = true;
        struct pollfd wait = { .fd = signals, .events = POLLIN };
        if (poll(&wait, 1, ASK_EVERY_MS) > 0 && life_take_signal(signals) == LIFE_DRAIN)
            return SITE_STOPPED;
    }
    return SITE_UNFIT;
}
