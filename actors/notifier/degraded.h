/*  degraded -- what subscribers are told of our own illness: bodies as the outbox has them. Pure.
 *
 *  Of kind `degraded` or `restored`, about a rule that nobody has written, TidewireDegraded, and a
 *  series that is the cause; so every channel can write it as it writes an alert. Ids are functions
 *  of cause, time and subscriber: whoever tells it again after a crash tells the same.
 */
#pragma once
#include "actors/notifier/vigil.h"
#include "proto/buffer.h"

#define DEGRADED_RULE "TidewireDegraded"
#define DEGRADED_TOPIC "health/" // of the alert socket; behind it the cause and a slash
enum { DEGRADED_ID_TEXT = 33 };  // hex digits of an id and NUL

// The state is the one that is being told: VIGIL_TELLING or VIGIL_RESTORING.
void degraded_id(const vigil_state_t *state, const char *subscriber, char id[DEGRADED_ID_TEXT]);
// rules: "<how many> <name>,<name>,...", the subscriber's own. False: out of memory.
bool degraded_write(const vigil_state_t *state, const char *id, const char *rules, buffer_t *out);
// What the alert socket says of it (docs/protocol.md), to nobody in particular: the same at every
// time. tables: that it is about; NULL: all. False: out of memory.
bool degraded_health(const vigil_state_t *state, const char *const *tables, size_t count,
                     buffer_t *out);
