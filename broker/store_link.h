/*  store_link -- the inside of store_t, shared by broker/store*.c alone: one connection, one
 *  command being built, the answers still owed. The only header that includes hiredis.
 *
 *  A verb is: link_open, then build and link_push one or more commands, then link_take as many
 *  answers. Any failure of the connection closes it, so that a verb may simply return; what was
 *  owed is then forgotten with it.
 */
#pragma once
#include <hiredis/hiredis.h>

#include "broker/keys.h"
#include "broker/store_subscribers.h"
#include "proto/buffer.h"

enum {
    LINK_CONNECT_MS = 2000,
    LINK_RETRY_MIN_MS = 100,
    LINK_RETRY_MAX_MS = 5000,
    LINK_HEAD_BYTES = 16,   // room for "*<arguments>\r\n" in front of a command
    STORE_ID_TEXT = 32,     // hex digits of a store_id_t
    STORE_CHUNK = 256,      // commands in flight at once
    BASE_PIECES_MAX = 4096, // 1 GB
};

typedef struct {
    char *host; // NULL = unix socket
    int port;
    char *path; // NULL = TCP
    int database;
    char *user;     // of an access control list, NULL = the default one
    char *password; // NULL = none
} link_place_t;

// A batch of commits under way: one call per run of `order` that `calls` ends.
typedef struct {
    bool under_way;
    bool together; // the calls stand in one MULTI
    size_t count, call_count;
    uint16_t order[PARTITIONS];    // indexes of the commits, by group
    uint16_t call_end[PARTITIONS]; // in `order`
    store_status_t status[PARTITIONS];
    bool answered, down; // answers already here, or never
} link_batch_t;

// Where the outbox is being read.
typedef struct {
    bool under_way;
    uint64_t epoch; // of the connection the positions were read on; 0 = read them again
    char position[GROUPS][OUTBOX_ID_MAX];
} link_outbox_t;

struct store {
    link_place_t place;
    keys_t keys;
    char library[STORE_NAMESPACE_MAX + 16];
    store_limits_t limits;
    redisContext *context; // NULL = not connected
    uint64_t epoch;
    int64_t retry_at_ms; // monotonic clock; no attempt before
    int retry_ms;        // the next wait
    buffer_t command;    // being built, after LINK_HEAD_BYTES
    unsigned arguments;  // of it
    fault_t error;
    link_batch_t batch;
    link_outbox_t outbox;
};

// ---- the place and the connection ----------------------------------------------------------

bool link_place_parse(link_place_t *self, const char *url, const char *password, fault_t *fault);
void link_place_clear(link_place_t *self);
// Connect, authenticate, select. NULL with fault.
redisContext *link_dial(const link_place_t *place, fault_t *fault);
int64_t link_clock_ms(void); // monotonic

bool link_open(store_t *self); // false = STORE_DOWN
void link_close(store_t *self, const char *why);
void link_batch_settle(store_t *self); // take the answers of the batch under way, if any

// ---- commands ------------------------------------------------------------------------------

void command_begin(store_t *self, const char *verb);
void command_call(store_t *self, const char *function, unsigned keys); // one of functions.lua
void command_look(store_t *self, const char *function, unsigned keys); // one that only reads
void command_bytes(store_t *self, slice_t bytes);
void command_text(store_t *self, const char *text);
void command_u64(store_t *self, uint64_t number);
void command_i64(store_t *self, int64_t number);
void command_id(store_t *self, store_id_t id); // 32 hex digits; "" for the id of zeros
void command_key(store_t *self, slice_t key);  // from self->keys

bool link_push(store_t *self);                        // the built command joins what will be sent
bool link_push_word(store_t *self, const char *word); // a command of one word
bool link_flush(store_t *self);                       // all that was pushed is on its way

// ---- answers -------------------------------------------------------------------------------

void reply_destroy(redisReply **self_p);
// The next answer owed, free it. OK: *reply is it, no error. Otherwise *reply is NULL and
// store_error tells: FULL (Redis out of memory), REFUSED, DOWN.
store_status_t link_take(store_t *self, redisReply **reply);
store_status_t link_judge(store_t *self, const redisReply *reply); // OK unless it is an error
store_status_t link_ask(store_t *self, redisReply **reply);        // push and take
store_status_t link_ask_verdict(store_t *self);                    // push, take one byte of verdict
// Take `count` answers and look only for trouble: the first status that is not OK, else OK.
store_status_t link_take_all(store_t *self, size_t count);

// Open, push the commands of so many items, a chunk of items at a time, and take their answers in
// the same way. `push` pushes those of items[index] and adds how many to *pushed; false: as
// link_push.
typedef bool link_push_item_t(store_t *self, const void *items, size_t index, size_t *pushed);
store_status_t link_put_all(store_t *self, const void *items, size_t count, link_push_item_t *push);

// Take `count` answers before any is used: whoever uses them may call another verb.
// OK: replies[i] is NULL where the key is of another type than was asked for: whoever wrote it
// meant something else. Otherwise all are NULL.
store_status_t link_take_each(store_t *self, size_t count, redisReply **replies);

// The names of all keys of a pattern, each ended by a NUL, in any order and perhaps twice: SCAN,
// because nobody keeps an index of what people write.
store_status_t link_names(store_t *self, slice_t (*pattern)(keys_t *keys),
                          bool (*name_of)(keys_t *keys, slice_t key, slice_t *name),
                          buffer_t *names, size_t *count);
// One step of a SCAN over keys of this pattern (of self->keys): *cursor is "0" before the first and
// after the last. OK: the keys, perhaps again, are reply_at(*reply, 1). HSCAN: that of a hash,
// fields and values in turn, about so many.
store_status_t link_scan(store_t *self, char cursor[STORE_CURSOR_MAX], slice_t pattern,
                         redisReply **reply);
store_status_t link_hscan(store_t *self, char cursor[STORE_CURSOR_MAX], slice_t key, unsigned count,
                          redisReply **reply);

store_status_t link_verdict(store_t *self, char verdict);
store_status_t link_odd(store_t *self); // REFUSED: an answer of a shape that we did not ask for
slice_t reply_slice(const redisReply *reply); // empty unless it is text
uint64_t reply_u64(const redisReply *reply);  // 0 unless it is a number
// An element of a list; nil where there is none: an answer has the shape that Redis likes.
const redisReply *reply_at(const redisReply *list, size_t index);
bool link_wrong_type(const store_t *self); // so the last REFUSED was about a key of another type
bool store_id_parse(store_id_t *id, slice_t text);
void store_id_print(store_id_t id, char text[STORE_ID_TEXT + 1]);
// "<base id>:<piece>", the field of a piece of a base.
slice_t link_piece(char text[STORE_ID_TEXT + 16], store_id_t base, unsigned piece);
// Claim the lease in this hash for `token`; force = whoever holds it.
store_status_t link_claim(store_t *self, slice_t key, const char *owner, int lease_ms,
                          store_id_t token, bool force);
// All of a partition, as it was when `meta` was read.
typedef struct {
    redisReply *meta; // HGETALL
    slice_t head_text, base_text, token_text;
    store_id_t head, base;
    uint64_t pieces, deltas;
    buffer_t whole;   // the base
    buffer_t journal; // size (8 bytes), bytes; of each delta
} link_snapshot_t;
void link_snapshot_destroy(link_snapshot_t *self);
// While its owner goes on committing. REFUSED: it does not fit together.
store_status_t link_snapshot_read(store_t *self, unsigned partition, link_snapshot_t *to);
// Sort the texts of a list and drop those that no name of ours can be (not text, a NUL inside).
void reply_sort(redisReply *list);
// Up to STORE_FIELDS_MAX pairs of an HGETALL; points into the answer.
size_t reply_fields(const redisReply *reply, store_field_t fields[STORE_FIELDS_MAX]);
