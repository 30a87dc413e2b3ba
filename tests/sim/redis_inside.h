/*  redis_inside -- the inside of sim_redis_t, shared by tests/sim/redis*.c and hiredis.c alone.
 *
 *  redis_data.c      bytes, dictionaries, objects
 *  redis_dump.c      objects as bytes, and as one number
 *  redis_space.c     the key space: finding, expiry, events, commands for any key
 *  redis_text.c      strings, sets, lists
 *  redis_hash.c redis_zset.c redis_stream.c
 *  redis_commands.c  the table of commands; who may run one when; transactions
 *  redis_server.c    life, faults, commands about the server
 *  redis_lua.c redis_library.c   functions
 *  redis_aof.c       the append-only file
 *  redis_links.c     connections, what is on its way, faults
 *  redis_answers.c   what is answered
 */
#pragma once
#include <hiredis/hiredis.h>

#include "tests/sim/redis.h"

// ---- bytes (redis_data.c) ------------------------------------------------------------------

// Shared: keys, values, arguments and the log keep the same bytes.
typedef struct {
    size_t size;
    uint32_t uses;
    uint32_t hash; // 0 = not known yet
    char data[];   // ended by a NUL that does not count
} blob_t;

blob_t *blob_new(const void *data, size_t size);
blob_t *blob_text(const char *text);
blob_t *blob_integer(int64_t number);
blob_t *blob_number(double number); // as Redis prints scores
blob_t *blob_keep(blob_t *self);    // one more use
void blob_drop(blob_t *self);       // one less; NULL is none
uint32_t blob_hash(blob_t *self);
bool blob_same(const blob_t *a, const blob_t *b);
int blob_compare(const blob_t *a, const blob_t *b);    // as memcmp, then by size
bool blob_is(const blob_t *self, const char *word);    // whatever the case of letters
bool blob_to_integer(const blob_t *self, int64_t *to); // all of it, as Redis reads integers
bool blob_to_number(const blob_t *self, double *to);
bool blob_matches(const blob_t *pattern, const char *text,
                  size_t size); // a glob of * ? and escapes

// ---- dictionaries --------------------------------------------------------------------------

typedef struct object object_t;

typedef struct {
    blob_t *name;
    uint64_t serial; // of the server's keys: grows with every new one
    union {
        blob_t *text;     // of a hash
        double score;     // of a sorted set
        object_t *object; // of the server
    };
} item_t;

typedef struct {
    item_t **items; // in order of making; NULL where one was
    size_t used, room, live;
    uint32_t *index; // places in `items` by hash, +1; NULL while they are few
    size_t slots;
} dict_t;

item_t *dict_find(const dict_t *self, blob_t *name);
item_t *dict_add(dict_t *self, blob_t *name); // must not be there; takes a use of `name`
void dict_remove(dict_t *self, item_t *item); // frees the item and its name, not its value
// The item at place i < used in the order of this seed; NULL = none at this place.
item_t *dict_at(const dict_t *self, uint64_t seed, size_t i);
void dict_clear(dict_t *self); // not the values

// ---- objects -------------------------------------------------------------------------------

typedef enum { TEXT, LIST, SET, HASH, ZSET, STREAM } kind_t;

typedef struct {
    uint64_t ms, n;
} entry_id_t;

typedef struct {
    entry_id_t id;
    size_t count; // of fields and values
    blob_t **fields;
} entry_t;

struct object {
    kind_t kind;
    int64_t expires_ms; // wall clock; 0 = never
    union {
        blob_t *text;
        dict_t dict; // HASH, SET
        struct {
            blob_t **items;
            size_t first, end, room;
        } list;
        struct {
            dict_t dict;
            item_t **sorted; // by score, then name
            size_t room;
        } zset;
        struct {
            entry_t *entries;
            size_t first, end, room;
            entry_id_t last;
        } stream;
    };
};

object_t *object_new(kind_t kind);
void object_destroy(object_t **self_p);
uint64_t object_digest(const object_t *self);
const char *kind_name(kind_t kind);

// ---- the log -------------------------------------------------------------------------------

typedef struct {
    size_t count;
    blob_t **words;
} words_t; // a command

void words_clear(words_t *self);
void words_add(words_t *self, blob_t *word); // takes the word

typedef struct {
    int64_t written_us;
    size_t effects_end; // in effects
} log_entry_t;

typedef struct {
    words_t *effects;
    size_t effect_count, effect_room;
    log_entry_t *entries;
    size_t count, room, fsynced;
} aof_t;

// ---- connections ---------------------------------------------------------------------------

typedef struct {
    int64_t at_us;
    words_t words;
} sent_t;

typedef struct {
    int64_t at_us;
    redisReply *reply;
} answer_t;

typedef struct {
    int fd, client;
    bool client_open;             // the client has not closed it
    bool server_open;             // the server still reads and answers
    bool client_told;             // the client reads the end after what has arrived
    bool deaf, mute;              // what is sent, what is answered is lost
    int64_t late_us;              // what is sent takes this much longer
    bool before_next, after_next; // see sim_redis_cut_t
    sent_t *sent;                 // on its way to the server, in order
    size_t sent_first, sent_end, sent_room;
    answer_t *answers; // on their way to the client, in order
    size_t answer_first, answer_end, answer_room;
    bool greeted;       // has given the password
    bool multi, spoilt; // within MULTI; EXEC will be refused
    sent_t *queued;     // of the transaction
    size_t queued_count, queued_room;
    blob_t *pattern;          // PSUBSCRIBE
    words_t blocked;          // XREAD BLOCK that waits; count 0 = none
    int64_t blocked_until_us; // INT64_MAX: for ever
} link_t;

// ---- the server ----------------------------------------------------------------------------

typedef struct script script_t; // redis_lua.c

struct sim_redis {
    const sim_redis_world_t *world;
    uint64_t order_seed;
    dict_t keys;
    uint64_t serial;
    int64_t expires_first_ms; // no key is over before; INT64_MAX: none will be
    aof_t log;
    bool replaying;    // the log: nothing expires, nobody is told, nothing is logged
    size_t depth;      // of commands under way: functions and transactions call others
    int64_t frozen_ms; // the wall clock stands still while a command runs
    script_t *script;
    link_t **links;
    size_t link_count, link_room;
    int next_fd;
    bool up, full;
    int64_t loaded_us, stopped_until_us;
    blob_t *refusal, *password;
    char events[64]; // notify-keyspace-events
    char policy[32]; // maxmemory-policy
    bool appendonly;
    uint64_t executed;
};

// The server that hiredis.c connects to.
extern sim_redis_t *sim_redis_installed;

// ---- commands ------------------------------------------------------------------------------

typedef struct {
    sim_redis_t *server;
    link_t *link; // NULL: the observer or the log
    size_t count;
    blob_t **words;
    redisReply *reply; // NULL after a run: the client has to wait
    bool in_script, in_multi;
    bool changed;      // goes into the log
    words_t rewritten; // as this, if not as it was given
} call_t;

enum { WRITES = 1, GROWS = 2, NO_SCRIPT = 4, NO_LOADING = 8, BEFORE_AUTH = 16 };

typedef struct {
    const char *name;
    size_t least; // words, its name included
    unsigned flags;
    void (*run)(call_t *call);
} command_t;

const command_t *command_find(blob_t *name);
// Execute what a client, a person or the log asks. NULL: it blocks (only if link).
redisReply *command_execute(sim_redis_t *self, link_t *link, size_t count, blob_t **words);
// One command inside of a function or transaction: never blocks.
redisReply *command_inside(sim_redis_t *self, size_t count, blob_t **words, bool in_script);

// ---- answers (redis_data.c) ----------------------------------------------------------------

redisReply *answer_blob(const blob_t *blob); // NULL: nil
redisReply *answer_text(const char *text, size_t size);
redisReply *answer_integer(long long number);
redisReply *answer_nil(void);
redisReply *answer_status(const char *text);
__attribute__((format(printf, 1, 2))) redisReply *answer_error(const char *format, ...);
redisReply *answer_array(size_t count); // elements to be filled
void answer_append(redisReply *array, redisReply *element);
// The answers of a command's call.
void call_error(call_t *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
void call_ok(call_t *call);
void call_integer(call_t *call, long long number);
bool call_integer_at(call_t *call, size_t at, int64_t *to); // or answers with an error
bool call_number_at(call_t *call, size_t at, double *to);
void call_syntax(call_t *call);
// One more word of the command as the log shall have it; takes the word.
void call_rewrite(call_t *call, blob_t *word);

// ---- the key space (redis_space.c) ----------------------------------------------------------

int64_t server_now_ms(const sim_redis_t *self);
item_t *space_find(sim_redis_t *self, blob_t *key); // NULL: none, or expired
// The object of this key if it is of this kind. False: it is of another, the call is answered.
// *object NULL: no such key.
bool space_read(call_t *call, blob_t *key, kind_t kind, object_t **object);
// The same, made if it is not there.
bool space_open(call_t *call, blob_t *key, kind_t kind, object_t **object);
void space_put(sim_redis_t *self, blob_t *key, object_t *object); // takes it, replaces
void space_delete(sim_redis_t *self, item_t *key);
// After a change: an object that holds nothing more goes. Then tell who listens.
void space_changed(call_t *call, blob_t *key, char class, const char *event);
void space_clear(sim_redis_t *self);
void space_expire_due(sim_redis_t *self);
void space_set_expiry(sim_redis_t *self, object_t *object, int64_t expires_ms);
// start..end of Redis (negative: from the end) of `length` items; false: nothing is in it.
bool range_of(int64_t start, int64_t end, size_t length, size_t *first, size_t *count);

// ---- types ---------------------------------------------------------------------------------

void list_push(object_t *self, blob_t *item);
void hash_set(object_t *self, blob_t *field, blob_t *value);
void zset_set(object_t *self, blob_t *member, double score); // adds or moves
void zset_remove(object_t *self, item_t *item);
void stream_add(object_t *self, entry_id_t id, size_t count, blob_t **fields);
// The answer of XREAD without waiting; NULL: nothing is new. words: as of the command.
redisReply *stream_read(sim_redis_t *self, const words_t *words);
void object_dump(const object_t *self, blob_t **to);
object_t *object_restore(const blob_t *from); // NULL: not one of ours, or damaged

// ---- functions, log, links -----------------------------------------------------------------

script_t *script_new(sim_redis_t *server);
void script_destroy(script_t **self_p);
void script_forget(script_t *self); // no library is loaded any more

void aof_begin(sim_redis_t *self);
void aof_effect(sim_redis_t *self, size_t count, blob_t **words);
void aof_end(sim_redis_t *self);
void aof_cut(sim_redis_t *self, size_t entries); // forget all above, and fill the keys anew
void aof_clear(aof_t *self);

void links_publish(sim_redis_t *self, const char *channel, size_t size, const char *event);
void links_serve_blocked(sim_redis_t *self);
void link_destroy(link_t **self_p);
link_t *link_of(const sim_redis_t *self, int fd);
link_t *link_connect(sim_redis_t *self, int client);
void link_send(sim_redis_t *self, link_t *link, words_t *words); // takes them
bool link_ready(const sim_redis_t *self, const link_t *link);    // an answer has arrived
void link_leave(sim_redis_t *self, link_t *link);                // the client closes it
void link_block(sim_redis_t *self, link_t *link, size_t count, blob_t **words, int64_t wait_ms);

// Every command of every file, each list ended by one without a name.
extern const command_t key_commands[], hash_commands[], list_commands[], set_commands[],
    zset_commands[], stream_commands[], text_commands[], server_commands[], script_commands[];
