/*  hub -- the viewers of the event stream: connections of libmicrohttpd that sleep until there is
 *  something for them.
 *
 *  What there is to see is set by one thread, and read by that of libmicrohttpd; all is encoded
 *  once. A viewer costs its connection and its place, and is woken with all others, at most every
 *  HUB_TICK_US; so is who has not compared its patterns with all yet, for which they all have a
 *  ration (ration.h).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/api/follower.h"

struct MHD_Connection;
struct MHD_Response;

enum {
    HUB_VIEWERS_MAX = 6000,
    HUB_TICK_US = 100 * 1000,
    HUB_PING_US = 15 * 1000 * 1000,
};

typedef struct hub hub_t;

hub_t *hub_new(unsigned most);    // viewers at a time. NULL: out of memory, or descriptors
void hub_destroy(hub_t **self_p); // once there is no viewer
// Before libmicrohttpd stops: each viewer's stream ends.
void hub_close(hub_t *self);

// ---- from the thread that looks ----------------------------------------------------------------

// How things are from now on, if it is not so already. False: no memory.
bool hub_health(hub_t *self, slice_t item);
// All series: begin, each, end. False: that one is left out.
void hub_latest_begin(hub_t *self);
bool hub_latest(hub_t *self, const char *series, slice_t item);
void hub_latest_end(hub_t *self);
// An entry of the log behind all before; false: refused (reel.h).
bool hub_alert(hub_t *self, reel_id_t id, slice_t rule, slice_t series, slice_t item);
// The entry that it is behind; 0-0: it has none.
reel_id_t hub_last_alert(hub_t *self);
reel_id_t hub_alert_before(hub_t *self, reel_id_t id); // the last one below that; 0-0: none
void hub_log_begins(hub_t *self);                      // with the next entry: it has none before
void hub_log_back(hub_t *self, reel_id_t to); // it has lost what was behind this one (reel_rewind)
void hub_log_torn(hub_t *self);               // entries behind all before will never be told
void hub_log_seen(hub_t *self);               // all that it has was told
// Wake whoever has something to see; a ping now and then. In how many us to come again.
int64_t hub_turn(hub_t *self, int64_t now_us);
int hub_fd(const hub_t *self); // to be read: hub_turn is wanted before the time that it said

// ---- from the thread of libmicrohttpd ----------------------------------------------------------

typedef enum { HUB_JOINED, HUB_FULL, HUB_NO_MEMORY } hub_word_t;
// A response that is the stream of this connection, and no other. HUB_NO_MEMORY: nor may the
// kernel be told how much to keep for it.
hub_word_t hub_join(hub_t *self, struct MHD_Connection *connection, const char *rule,
                    const char *series, const reel_id_t *behind, struct MHD_Response **response);

typedef struct {
    uint64_t viewers, turned_away, events; // now; ever; ever
    uint64_t left_out;                     // series without room at the last look
    uint64_t woken;                        // times that a viewer was; ever
} hub_count_t;
hub_count_t hub_count(hub_t *self);
