/*  redis -- a Redis in memory for the simulator: one server, its clients, its append-only file.
 *
 *  hiredis.c answers the calls of broker/store*.c with it, functions.lua runs in it unchanged. It
 *  is one thread and has no clock: the world (sim_redis_world_t) tells the time and lets others
 *  run while a client waits. What a client has sent is on its way until its time of arrival; what
 *  the server answers is on its way back. Between the two the world may cut the connection, kill
 *  the server, or let what is on its way come when nobody expects it any more.
 *
 *  A command that the model does not know ends the process with its name: never a silent OK.
 *
 *  The order in which hashes, sets and keys are listed depends on what they hold and on
 *  `order_seed`, never on addresses. Seed 0 is the order in which small ones were filled, as a
 *  real server lists them; any other seed lists them otherwise, and lists a key twice in SCAN now
 *  and then, so that who relies on either is found out.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sim_redis sim_redis_t;

enum {
    SIM_REDIS_FD = 1 << 20, // descriptors of connections: this one and up, never real ones
};

// What the server and its clients ask of the world. `context` is handed back.
typedef struct {
    void *context;
    int64_t (*now_us)(void *context);  // monotonic: the order of events
    int64_t (*wall_us)(void *context); // what the server's clock says; may step
    // How long what this client sends now, or what is sent to it, is on its way, in us.
    int64_t (*travel_us)(void *context, int client);
    // Somebody connects to "host:port" or "/path": the number of this client (>= 0), which the
    // calls below are told, or -1: it cannot reach the server. May let others run.
    int (*connect)(void *context, const char *address);
    // Something was sent: others may run now. Called by hiredis.c on the side of the client.
    void (*yield)(void *context);
    // Let others run until sim_redis_readable(fd), or until now_us() >= until_us.
    void (*wait)(void *context, int fd, int64_t until_us);
} sim_redis_world_t;

// The server that hiredis.c connects to, up and empty, with appendonly yes. `world` outlives it.
sim_redis_t *sim_redis_new(const sim_redis_world_t *world, uint64_t order_seed);
void sim_redis_destroy(sim_redis_t **self_p);

// ---- the loop of the world -----------------------------------------------------------------

// When something is due next (now_us): a command arrives, an answer arrives, a wait ends.
// INT64_MAX: nothing is.
int64_t sim_redis_next_us(const sim_redis_t *self);
// Do all that is due by now.
void sim_redis_run(sim_redis_t *self);
// Would a read on this descriptor of a connection return at once (an answer, or its end)?
bool sim_redis_readable(const sim_redis_t *self, int fd);

// ---- faults of connections -----------------------------------------------------------------

typedef struct {
    bool lose_sent;  // what is on its way to the server is lost; else it still arrives
    int64_t late_us; // and this much later than it would have
    // Or as soon as this client, on another connection, commits what touches one of the same keys:
    // just before that is executed, or just after.
    bool before_next, after_next;
    bool lose_answers;   // what the server has to say is lost; always so once the client knows
    bool client_unaware; // the client waits until it times out; else it reads the end at once
} sim_redis_cut_t;

// Cut every connection of a client. With what is late, H1 and H2 of the protocol's holes.
void sim_redis_cut(sim_redis_t *self, int client, sim_redis_cut_t how);
// One connection, by its descriptor.
void sim_redis_cut_one(sim_redis_t *self, int fd, sim_redis_cut_t how);
// The process is gone (kill -9): its connections end, nobody reads answers; what it had sent
// arrives, unless it is cut before or after.
void sim_redis_client_gone(sim_redis_t *self, int client);
// How many commands of this client are on their way; -1 for all clients.
size_t sim_redis_on_their_way(const sim_redis_t *self, int client);
// Those of them that call a function whose name ends so.
size_t sim_redis_calls_on_their_way(const sim_redis_t *self, int client, const char *ending);
// The newest entry of the log that changed a partition that those of this client are about; the
// number of entries if there is none. To roll back to it is to undo that one, and what came after.
size_t sim_redis_entry_before(const sim_redis_t *self, int client);

// ---- faults of the server ------------------------------------------------------------------

// Every command that changed something is one entry of the append-only file: a function or a
// transaction is in it whole or not at all.
size_t sim_redis_log_entries(const sim_redis_t *self);
int64_t sim_redis_log_written_us(const sim_redis_t *self, size_t entry); // now_us() of its writing
// Entries below this number survive a power cut. Never goes back but by a roll-back.
void sim_redis_mark_fsynced(sim_redis_t *self, size_t entries);
size_t sim_redis_fsynced(const sim_redis_t *self);

// kill -9, or a power cut: connections end, what was on its way is lost, nobody can connect.
void sim_redis_kill(sim_redis_t *self);
// It comes back with the first `entries` of its log and nothing else: at least the fsynced ones
// unless a replica that was behind took over. Loading takes until `loaded_us`: -LOADING till then.
void sim_redis_restart(sim_redis_t *self, size_t entries, int64_t loaded_us);
bool sim_redis_up(const sim_redis_t *self); // accepts connections (may be loading)
// The same without an end of connections: a replica took over behind a proxy.
void sim_redis_roll_back(sim_redis_t *self, size_t entries);
// FLUSHALL by a person: an entry of the log as well.
void sim_redis_flush_all(sim_redis_t *self);

// Nothing is executed before this time (SIGSTOP, a slow fsync); what comes waits.
void sim_redis_stop_until(sim_redis_t *self, int64_t us);
// Every command that writes is answered with this error ("MISCONF ..."); NULL = no more.
void sim_redis_refuse_writes(sim_redis_t *self, const char *error);
// At `maxmemory`: what needs memory is answered with -OOM, functions without allow-oom as well.
void sim_redis_set_full(sim_redis_t *self, bool full);

// ---- the observer --------------------------------------------------------------------------

typedef struct redisReply sim_redis_reply_t; // hiredis' struct: include its header to look inside

// Execute one command now, as a person at redis-cli would: no delay, no fault, no client. The
// answer is never NULL; free it with freeReplyObject(). Writes are logged.
sim_redis_reply_t *sim_redis_do(sim_redis_t *self, size_t count, const char *const *words,
                                const size_t *sizes);
// The same with words in printf style, split at spaces: sim_redis_ask(redis, "HGET %s off", key).
__attribute__((format(printf, 2, 3))) sim_redis_reply_t *sim_redis_ask(sim_redis_t *self,
                                                                       const char *format, ...);
// A number for all keys, values and times to live; equal for equal content, however it came about.
uint64_t sim_redis_digest(const sim_redis_t *self);
// Commands executed since the start, those inside of functions not counted.
uint64_t sim_redis_executed(const sim_redis_t *self);
