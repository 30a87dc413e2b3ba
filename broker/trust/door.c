/*  door -- see door.h. */
#include "broker/trust/door.h"

#include <assert.h>

#define SET(role) (1u << ROLE_##role)

static const char *const role_names[ROLES_OF_KEYS] = {
    [ROLE_COLLECTOR] = "collector",   [ROLE_PREP] = "prep",     [ROLE_TRANSFORM] = "transform",
    [ROLE_NOTIFIER] = "notifier",     [ROLE_BROKER] = "broker", [ROLE_FEED] = "feed",
    [ROLE_SUBSCRIBER] = "subscriber",
};

static const struct {
    const char *name;
    role_t keeper;
    unsigned admitted; // set of roles
} doors[DOORS] = {
    [DOOR_RAW] = { "raw", ROLE_COLLECTOR, SET(PREP) },
    [DOOR_ACK] = { "ack", ROLE_COLLECTOR, SET(TRANSFORM) },
    [DOOR_ROWS] = { "rows", ROLE_TRANSFORM, SET(PREP) },
    [DOOR_NEWS] = { "news", ROLE_BROKER, SET(COLLECTOR) | SET(TRANSFORM) | SET(NOTIFIER) },
    [DOOR_ALERTS] = { "alerts", ROLE_BROKER, SET(SUBSCRIBER) | SET(FEED) },
    [DOOR_PUSH] = { "push", ROLE_COLLECTOR, SET(FEED) },
};

const char *role_name(role_t role)
{
    assert((unsigned) role < ROLES_OF_KEYS);
    return role_names[role];
}

bool role_parse(const char *text, role_t *role)
{
    for (unsigned r = 0; r < ROLES_OF_KEYS; r++)
        if (strcmp(role_names[r], text) == 0) {
            *role = (role_t) r;
            return true;
        }
    return false;
}

const char *door_name(door_t door)
{
    assert((unsigned) door < DOORS);
    return doors[door].name;
}

bool door_parse(slice_t name, door_t *door)
{
    for (unsigned d = 0; d < DOORS; d++)
        if (slice_is(name, doors[d].name)) {
            *door = (door_t) d;
            return true;
        }
    return false;
}

role_t door_keeper(door_t door)
{
    assert((unsigned) door < DOORS);
    return doors[door].keeper;
}

bool door_admits(door_t door, role_t role)
{
    assert((unsigned) door < DOORS && (unsigned) role < ROLES_OF_KEYS);
    return doors[door].admitted & 1u << role;
}

bool door_may_publish(role_t role, slice_t topic)
{
    static const struct {
        role_t role;
        const char *prefix;
    } said[] = {
        { ROLE_COLLECTOR, "staged/" },
        { ROLE_TRANSFORM, "metric/" },
        { ROLE_NOTIFIER, "alert/" },
        { ROLE_NOTIFIER, "health/" },
    };
    for (unsigned i = 0; i < sizeof said / sizeof *said; i++) {
        size_t size = strlen(said[i].prefix);
        if (said[i].role == role && topic.size >= size &&
            memcmp(topic.data, said[i].prefix, size) == 0)
            return true;
    }
    return false;
}
