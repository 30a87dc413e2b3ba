/*  site -- where the things of a configuration are on this host: Redis, and the stage. */
#pragma once
#include "broker/bus.h"
#include "broker/metrics/metrics.h"
#include "broker/redis_server.h"
#include "broker/redis_users.h"
#include "broker/runtime/settings.h"
#include "broker/store.h"

enum { SITE_PATH_MAX = 4096, SITE_PASSWORD_MAX = 512 };

// URL and password ("" = none) of Redis for this user: `redis: embedded` is the socket under dir.
bool site_redis(const settings_t *settings, const char *dir, redis_user_t user,
                char url[SITE_PATH_MAX], char password[SITE_PASSWORD_MAX], fault_t *fault);

// The first line of a file; `setting` names it in the fault.
bool site_secret(const char *setting, const char *path, char password[SITE_PASSWORD_MAX],
                 fault_t *fault);

// A store on it, not yet connected.
store_t *site_store(const settings_t *settings, const char *dir, redis_user_t user, fault_t *fault);

// A watch on it, not yet connected.
store_watch_t *site_watch(const settings_t *settings, const char *dir, redis_user_t user,
                          store_watched_t what, fault_t *fault);

// Root of the staged log: relative paths are under dir.
bool site_stage(const settings_t *settings, const char *dir, char path[SITE_PATH_MAX],
                fault_t *fault);

// The folder of keys; only if the configuration names one.
bool site_keys(const settings_t *settings, const char *dir, char path[SITE_PATH_MAX],
               fault_t *fault);

// With `keys` in the configuration: be the one of this name and role from now on, and let in only
// whom the keys allow (broker/trust/guard.h). Before the first socket. False with fault.
bool site_guard(const settings_t *settings, const char *dir, role_t role, const char *name,
                fault_t *fault);

// What `listen.metrics` asks for; *metrics is NULL if nothing does. False with fault. role and name
// must outlive it.
bool site_metrics(const settings_t *settings, role_t role, const char *name, metrics_t **metrics,
                  fault_t *fault);

// Once a second, in the thread that has the sockets: bus_renew_all, and tell the log of that and of
// strangers (broker/trust/lookout.h); and tell the service manager that this thread's loop goes
// round. `works`: the registry has heard from the actor, and no new configuration is under way; the
// first time makes it ready.
bus_renewal_t site_renew(bool works);

// Wait until Redis answers, and look whether it keeps what it is told: an actor that cannot
// trust it does not start. Says in the log that it waits. A signal to stop ends the waiting.
typedef enum { SITE_READY, SITE_STOPPED, SITE_UNFIT } site_wait_t;
site_wait_t site_await(const settings_t *settings, const char *dir, redis_user_t user, int signals,
                       fault_t *fault);
