/*  site -- where the things of a configuration are on this host: Redis, and the stage. */
#pragma once
#include "broker/redis_server.h"
#include "broker/runtime/settings.h"
#include "broker/store.h"

enum { SITE_PATH_MAX = 4096, SITE_PASSWORD_MAX = 512 };

// URL and password ("" = none) of Redis: `redis: embedded` is the socket under dir.
bool site_redis(const settings_t *settings, const char *dir, char url[SITE_PATH_MAX],
                char password[SITE_PASSWORD_MAX], fault_t *fault);

// A store on it, not yet connected.
store_t *site_store(const settings_t *settings, const char *dir, fault_t *fault);

// Root of the staged log: relative paths are under dir.
bool site_stage(const settings_t *settings, const char *dir, char path[SITE_PATH_MAX],
                fault_t *fault);

// Wait until Redis answers, and look whether it keeps what it is told: an actor that cannot
// trust it does not start. Says in the log that it waits. A signal to stop ends the waiting.
typedef enum { SITE_READY, SITE_STOPPED, SITE_UNFIT } site_wait_t;
site_wait_t site_await(const settings_t *settings, const char *dir, int signals, fault_t *fault);
