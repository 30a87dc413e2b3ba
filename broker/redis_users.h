/*  redis_users -- the users of a Redis that several hosts share, and what each of them may do.
 *
 *  Pure. The one place that states which role uses which commands on which keys: whoever gives a
 *  role a new verb of store.h gives it the commands here. A function of functions.lua runs with
 *  the rights of who calls it, so its inner commands count, too.
 */
#pragma once
#include "broker/keys.h"

typedef enum {
    REDIS_COLLECTOR,
    REDIS_PREP,
    REDIS_TRANSFORM,
    REDIS_NOTIFIER,
    REDIS_BROKER,
    REDIS_API,      // shows what there is, and changes nothing but its own place in the registry
    REDIS_OBSERVER, // who looks and changes nothing: up, status, tail, replay
    REDIS_OPERATOR, // people: rules, subscribers, subscriptions; reads all of the namespace
    REDIS_DEPLOYER, // loads the functions, and can do nothing else
    REDIS_USERS
} redis_user_t;

#define REDIS_ROLE_MARK "{role}" // stands for the role in addresses and paths

const char *redis_user_role(redis_user_t user); // "collector", ...

// `text` with the role in place of each mark. False: longer than size - 1 bytes.
bool redis_user_expand(redis_user_t user, const char *text, char *out, size_t size);

typedef struct {
    int database;
    bool copies; // collectors hold copies of Redis (stage_keep) and put them back
} redis_setup_t;

// Append " resetkeys resetchannels -@all +... (...)": the rules of an ACL, behind name and
// password. Least first: nothing that is not named here is allowed.
void redis_user_rules(redis_user_t user, keys_t *keys, const redis_setup_t *setup, buffer_t *out);
