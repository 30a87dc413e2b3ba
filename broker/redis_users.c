/*  redis_users -- see redis_users.h. */
#include "broker/redis_users.h"

#include <assert.h>
#include <string.h>

static const char *const roles[] = { "collector", "prep",     "transform", "notifier", "broker",
                                     "api",       "observer", "operator",  "deployer" };
_Static_assert(sizeof roles / sizeof *roles == REDIS_USERS, "a name for each");

// Who a right is for.
enum {
    C = 1u << REDIS_COLLECTOR,
    P = 1u << REDIS_PREP,
    T = 1u << REDIS_TRANSFORM,
    N = 1u << REDIS_NOTIFIER,
    B = 1u << REDIS_BROKER,
    A = 1u << REDIS_API,
    O = 1u << REDIS_OBSERVER,
    R = 1u << REDIS_OPERATOR,
    D = 1u << REDIS_DEPLOYER,
    K = 1u << REDIS_USERS, // a collector that holds copies
    ACTORS = C | P | T | N | B | A,
};

// Commands on keys. Rights of one row do not mix with those of another: whoever may DEL here and
// read there may not DEL there.
typedef struct {
    unsigned users;
    unsigned reads, writes; // sets of keys_kind_t
    const char *commands;   // apart by one space
} right_t;

#define KEY(kind) (1u << KEYS_OF_##kind)
#define BOTH(kinds) (kinds), (kinds)

enum {
    PARTITION = KEY(META) | KEY(JOURNAL) | KEY(BASE),
    LOG = KEY(ALERTS) | KEY(SEEN),
    DUE = KEY(DELIVERY) | KEY(DELIVERIES),
    PEOPLE = KEY(SUBSCRIBER) | KEY(SUBS) | KEY(SILENCE),
};

// clang-format off
static const right_t rights[] = {
    // without keys
    { ACTORS | O | R | D, 0, 0, "function|list" },
    { D,                  0, 0, "function|load" },
    { ACTORS | R,         0, 0, "info" }, // does Redis keep what it is told?
    { C | T | R,          0, 0, "multi exec" },
    { C | N | A | O | R,  0, 0, "scan" },
    { R,                  0, 0, "ping command" },

    // who is alive
    { ACTORS,     BOTH(KEY(ACTORS) | KEY(OWN_ACTOR)), "fcall time del hset pexpireat zremrangebyscore zadd zrem" },
    { ACTORS | O, KEY(ACTORS) | KEY(ACTOR), 0,        "fcall_ro time zrangebyscore hgetall" },

    // partitions, plans, latest values
    { T, BOTH(PARTITION | KEY(OUTBOX)), "fcall fcall_ro time hmget hset hget hdel llen xlen xadd rpush hexists hkeys ltrim hgetall lrange" },
    { T, BOTH(KEY(PLAN)),               "get exists set" },
    { T, BOTH(KEY(LATEST)),             "fcall hget del hset" },

    // outbox, alert log, deliveries
    { N,     BOTH(KEY(NOTIFIER) | KEY(OUTBOX)),     "fcall time hmget hset hget hdel xread xlen xrange xdel" },
    { N | K, BOTH(LOG | KEY(STATUS) | DUE),         "fcall" },
    { N | K, BOTH(LOG),                             "xadd zscore zrevrange zadd zremrangebyrank" },
    { N | K, BOTH(KEY(STATUS)),                     "exists hincrby hset" },
    { N | K, BOTH(DUE),                             "time exists get zcard hsetnx zadd incr set expire zrange zrem hdel hget" },
    { N,     BOTH(DUE),                             "fcall_ro zrangebyscore decr hset hgetall del zscore zremrangebyscore zpopmin pexpire llen lrange rpush" },
    { N,     KEY(SEEN), 0,                          "zmscore" },
    { N,     KEY(SUBS) | KEY(SUBSCRIBER), 0,        "smembers hgetall" },
    { N,     BOTH(KEY(INCIDENT)),                   "fcall del hset expire" },
    { N,     BOTH(KEY(SUBSCRIBER)),                 "fcall exists hset" }, // `gone`
    { N,     KEY(SILENCE), 0,                       "hgetall pexpiretime" },
    { N,     0, KEY(STATUS),                        "del" }, // answers to silences that are gone

    // own illness: what is ill, and who is told
    { N,     BOTH(KEY(DEGRADED)),                   "fcall hgetall hscan hget hset hdel unlink" },
    { N,     KEY(META), 0,                          "fcall_ro time hmget hget" },
    { N,     KEY(FAILING) | KEY(RULE), 0,           "hgetall" },

    // refused rows
    { P, BOTH(KEY(QUARANTINE)), "fcall hget zadd xadd sadd hsetnx hset hincrby zcard zpopmin" },

    // rules (a Redis that comes back empty gets them from the log), logs, what cannot be polled
    { C, KEY(RULE) | KEY(STATUS), 0,                   "hgetall" },
    { C, 0, KEY(RULE) | KEY(STATUS) | KEY(FAILING),    "del hset" },
    { C, 0, KEY(STATUS),                               "hdel" },
    { C, 0, KEY(FAILING),                              "pexpire" },
    { C, 0, KEY(PLAN),                                 "set exists" },
    { C, BOTH(KEY(LOGS)),                              "hget hset" },
    { C, BOTH(KEY(SECRETS)),                           "hget hsetnx" },
    { T, KEY(SECRETS), 0,                              "hmget" },
    { C, BOTH(KEY(HELD)),                              "fcall fcall_ro hget hset hdel hgetall" },
    { C, KEY(META), 0,                                 "hgetall" },

    // making a copy of Redis
    { K, PARTITION, 0,                 "hgetall hmget hget lrange" },
    { K, KEY(OUTBOX), 0,               "xlen xrange" },
    { K, LOG, 0,                       "xrevrange zcard zrangebyscore" },
    { K, PEOPLE | KEY(PLAN) | KEY(DEGRADED) | DUE, 0,  "type pexpiretime get hgetall smembers" },
    { K, KEY(QUARANTINE), 0,           "fcall_ro hgetall zrange smembers xrange" },
    // and putting it back
    { K, BOTH(PARTITION | KEY(RESTORED)), "fcall time hmget hset hget hdel del rpush expire get set hexists llen unlink hkeys rename persist" },
    { K, BOTH(KEY(OUTBOX) | KEY(SEEN)),   "fcall xlen xrange xadd zscore zrange zcard zadd" },
    { K, BOTH(PEOPLE | KEY(PLAN) | KEY(DEGRADED)), "fcall exists set hset sadd pexpireat" },
    { K, BOTH(KEY(QUARANTINE)),           "fcall zrange hget zadd zcard zpopmin hset hkeys hsetnx sadd exists xadd" },

    // status, replay
    { O, KEY(META), 0,                    "fcall_ro time hmget hget" },
    { O, KEY(OUTBOX) | KEY(SEEN), 0,      "xlen zcard" },
    { O, KEY(STATUS) | KEY(FAILING) | KEY(DEGRADED) | KEY(LATEST) | KEY(INCIDENT), 0, "hgetall" },
    { O, KEY(QUARANTINE), 0,              "smembers hmget" },

    // what there is, for who may see it over HTTP: nothing of subscribers
    { A, KEY(RULE) | KEY(STATUS) | KEY(LATEST) | KEY(INCIDENT), 0, "hgetall" },
    { A, KEY(ALERTS), 0,                  "xrevrange" },

    // people
    { R, 0, KEY(RULE) | PEOPLE, "hset hdel del sadd srem" },
    { R, 0, KEY(DEGRADED), "hdel del" }, // a cause that will never be mended
    { R, BOTH(DUE), "fcall time get zcard zadd incr expire zrange zrem hget hset hdel" }, // `resend`
    { R, KEY(ALL), 0,           "hgetall hget hmget hkeys hlen hexists get strlen exists type ttl pttl llen lrange smembers sismember scard xrange xrevrange xlen zrange zrangebyscore zcard zscore" },
};
// clang-format on

const char *redis_user_role(redis_user_t user)
{
    assert(user < REDIS_USERS);
    return roles[user];
}

bool redis_user_expand(redis_user_t user, const char *text, char *out, size_t size)
{
    const char *role = redis_user_role(user);
    size_t used = 0, mark = strlen(REDIS_ROLE_MARK);
    while (*text) {
        bool marked = strncmp(text, REDIS_ROLE_MARK, mark) == 0;
        const char *from = marked ? role : text;
        size_t count = marked ? strlen(role) : 1;
        if (used + count >= size)
            return false;
        memcpy(out + used, from, count);
        used += count;
        text += marked ? mark : 1;
    }
    out[used] = '\0';
    return size > 0;
}

static bool has_right(redis_user_t user, const redis_setup_t *setup, const right_t *right)
{
    return (right->users & 1u << user) ||
           (user == REDIS_COLLECTOR && setup->copies && (right->users & K));
}

static void put_commands(const char *commands, buffer_t *out)
{
    for (const char *at = commands; *at; at += *at == ' ') {
        size_t size = strcspn(at, " ");
        buffer_printf(out, " +%.*s", (int) size, at);
        at += size;
    }
}

// "(%R~... ~... +... +...)": a selector of its own.
static void put_selector(redis_user_t user, keys_t *keys, const right_t *right, buffer_t *out)
{
    const char *before = " (";
    for (unsigned kind = 0; kind < KEYS_KINDS; kind++) {
        bool reads = right->reads & 1u << kind, writes = right->writes & 1u << kind;
        if (!reads && !writes)
            continue;
        slice_t pattern = keys_pattern(keys, (keys_kind_t) kind, redis_user_role(user));
        buffer_printf(out, "%s%s~%.*s", before,
                      reads && writes ? ""
                      : reads         ? "%R"
                                      : "%W",
                      (int) pattern.size, (const char *) pattern.data);
        before = " ";
    }
    put_commands(right->commands, out);
    buffer_text(out, ")");
}

void redis_user_rules(redis_user_t user, keys_t *keys, const redis_setup_t *setup, buffer_t *out)
{
    enum { RIGHTS = sizeof rights / sizeof *rights };
    buffer_text(out, " resetkeys resetchannels -@all");
    for (size_t i = 0; i < RIGHTS; i++)
        if (has_right(user, setup, &rights[i]) && !rights[i].reads && !rights[i].writes)
            put_commands(rights[i].commands, out);
    if (setup->database != 0)
        buffer_text(out, " +select");
    if (user == REDIS_COLLECTOR || user == REDIS_NOTIFIER) { // hears of changed rules, or silences
        slice_t events = user == REDIS_COLLECTOR ? keys_rule_events(keys, setup->database)
                                                 : keys_silence_events(keys, setup->database);
        buffer_printf(out, " &%.*s +psubscribe", (int) events.size, (const char *) events.data);
    }
    for (size_t i = 0; i < RIGHTS; i++)
        if (has_right(user, setup, &rights[i]) && (rights[i].reads || rights[i].writes))
            put_selector(user, keys, &rights[i], out);
    out->failed |= keys->text.failed;
}
