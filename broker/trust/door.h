/*  door -- the sockets that a key opens, and the roles of keys. Pure.
 *
 *  Every socket that listens is a door of one kind. Each kind has one role that keeps it and some
 *  that may knock; what may be said there is said by no other role, so a key that is let in cannot
 *  say what is not its own: a prep cannot acknowledge, a subscriber can only subscribe. Only news
 *  is said by three roles, of different topics (door_may_publish).
 */
#pragma once
#include <stdbool.h>

#include "proto/slice.h"

typedef enum {
    ROLE_COLLECTOR,
    ROLE_PREP,
    ROLE_TRANSFORM,
    ROLE_NOTIFIER,
    ROLE_BROKER,
    ROLE_FEED,       // pushes rows from outside, and hears what is staged
    ROLE_SUBSCRIBER, // hears alerts and metrics
} role_t;
enum { ROLES_OF_KEYS = ROLE_SUBSCRIBER + 1 };

typedef enum {
    DOOR_RAW,    // collector gives records to preps
    DOOR_ACK,    // collector hears from transforms
    DOOR_ROWS,   // transform takes rows of preps
    DOOR_NEWS,   // broker takes news of actors
    DOOR_ALERTS, // broker gives news to the world
    DOOR_PUSH,   // collector takes what feeds push
} door_t;
enum { DOORS = DOOR_PUSH + 1 };

const char *role_name(role_t role);
bool role_parse(const char *text, role_t *role);

const char *door_name(door_t door); // also its ZAP domain
bool door_parse(slice_t name, door_t *door);
role_t door_keeper(door_t door);
bool door_admits(door_t door, role_t role);

// At the door of news: may this role publish this topic?
bool door_may_publish(role_t role, slice_t topic);
