/*  The simulator's Redis against the real one: random commands, answers compared byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/redis_server.h"
#include "proto/buffer.h"
#include "proto/owned.h"
#include "tests/sim/redis_resp.h"

enum { COMMANDS = 40000, SEED = 20261128, WORDS_MOST = 24 };

// ---- the real one --------------------------------------------------------------------------

static char dir[] = "/tmp/tw-real-XXXXXX";
static pid_t real_pid;
static int real = -1;
static buffer_t arrived;

static int real_setup(void **state)
{
    (void) state;
    fault_t fault = { 0 };
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    assert_non_null(mkdtemp(dir));
    real_pid = redis_server_start(dir, &fault);
    if (real_pid < 0)
        fail_msg("%s", fault.text);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/redis.sock", dir);
    real = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(real, (struct sockaddr *) &address, sizeof address);
}

static int real_teardown(void **state)
{
    (void) state;
    char command[64];
    close(real);
    bool by_itself = redis_server_stop(real_pid);
    snprintf(command, sizeof command, "rm -rf %s", dir);
    buffer_destroy(&arrived);
    return system(command) == 0 && by_itself ? 0 : 1;
}

static void need(size_t end)
{
    while (arrived.size < end) {
        uint8_t bytes[1 << 14];
        ssize_t size = read(real, bytes, sizeof bytes);
        assert_true(size > 0);
        buffer_append(&arrived, bytes, (size_t) size);
    }
}

// Past one answer that begins at `at`.
static size_t answer_end(size_t at)
{
    size_t end = at;
    do
        need(++end);
    while (arrived.data[end - 1] != '\n');
    char kind = (char) arrived.data[at];
    long number = strtol((char *) arrived.data + at + 1, NULL, 10);
    if (number < 0 && kind == '*')
        arrived.data[at] = '$'; // no array and no text are one and the same to hiredis
    if (kind == '$' && number >= 0) {
        end += (size_t) number + 2;
        need(end);
    }
    for (long i = 0; kind == '*' && i < number; i++)
        end = answer_end(end);
    return end;
}

static slice_t ask_real(size_t count, const char *const *words)
{
    owned(buffer_destroy) buffer_t out = { 0 };
    buffer_printf(&out, "*%zu\r\n", count);
    for (size_t i = 0; i < count; i++)
        buffer_printf(&out, "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
    assert_int_equal(write(real, out.data, out.size), out.size);
    buffer_clear(&arrived);
    assert_int_equal(arrived.size, answer_end(0));
    return buffer_slice(&arrived);
}

// ---- the model -----------------------------------------------------------------------------

static int64_t now_us(void *context)
{
    (void) context;
    return 0;
}

static int64_t wall_us(void *context)
{
    (void) context;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static const sim_redis_world_t world = { .now_us = now_us, .wall_us = wall_us };

// ---- random commands -----------------------------------------------------------------------

static uint64_t random_state = SEED;

static unsigned below(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned) (random_state >> 33) % limit;
}

// A command, one letter a word:
//   k key, f field or member, F two of them, v value, V value or number, n number, i rank, s score
//   b bound of scores, x stream id, t id to add, all else itself
static const char *const templates[] = {
    "SET k V",
    "SET k v NX",
    "SET k v XX",
    "GET k",
    "INCR k",
    "DECR k",
    "INCRBY k n",
    "STRLEN k",
    "HSET k f V",
    "HSET k f v f v",
    "HSETNX k f v",
    "HGET k f",
    "HMGET k f f f",
    "HGETALL k",
    "HKEYS k",
    "HVALS k",
    "HDEL k f",
    "HDEL k f f",
    "HLEN k",
    "HEXISTS k f",
    "HSTRLEN k f",
    "HINCRBY k f n",
    "SADD k f f",
    "SREM k f f",
    "SMEMBERS k",
    "SCARD k",
    "SISMEMBER k f",
    "RPUSH k v v",
    "LPOP k",
    "LLEN k",
    "LRANGE k i i",
    "LTRIM k i i",
    "ZADD k s f",
    "ZADD k s f s f",
    "ZADD k NX s f",
    "ZADD k XX s f",
    "ZREM k f f",
    "ZCARD k",
    "ZSCORE k f",
    "ZMSCORE k f f",
    "ZCOUNT k b b",
    "ZRANGE k i i",
    "ZRANGE k i i WITHSCORES",
    "ZREVRANGE k i i WITHSCORES",
    "ZRANGEBYSCORE k b b",
    "ZRANGEBYSCORE k b b WITHSCORES LIMIT n n",
    "ZREMRANGEBYSCORE k b b",
    "ZREMRANGEBYRANK k i i",
    "ZPOPMIN k",
    "ZPOPMIN k n",
    "XADD k t f v",
    "XADD k MAXLEN n t f v f v",
    "XLEN k",
    "XRANGE k x x",
    "XRANGE k - + COUNT n",
    "XREVRANGE k x x",
    "XREVRANGE k + - COUNT n",
    "XDEL k x",
    "XTRIM k MAXLEN n",
    "XTRIM k MINID x",
    "XREAD COUNT n STREAMS k k x x",
    "XREAD STREAMS k x",
    "DEL k",
    "DEL k k",
    "EXISTS k k",
    "TYPE k",
    "COPY k k",
    "COPY k k REPLACE",
    "PERSIST k",
    "EXPIRE k n",
    "PEXPIRE k 100000000",
    "TTL k",
    "DBSIZE",
    "PING",
    "MULTI",
    "EXEC",
    "DISCARD",
};

static const char *kind_of(unsigned letter)
{
    return strchr("kfvVnisbxt", (int) letter) ? "" : NULL;
}

static void make_word(char word[40], char letter)
{
    static uint64_t newest = 1;
    static const char *const values[] = { "", "a", "1.5", "x y", "-", "9223372036854775807" };
    switch (letter) {
    case 'k':
        snprintf(word, 40, "key%u", below(14));
        return;
    case 'f':
        snprintf(word, 40, "f%u", below(9));
        return;
    case 'v':
        snprintf(word, 40, "%s", values[below(6)]);
        return;
    case 'V':
        snprintf(word, 40, "%d", (int) below(100) - 50);
        return;
    case 'n':
        snprintf(word, 40, "%u", 1 + below(5));
        return;
    case 'i':
        snprintf(word, 40, "%d", (int) below(9) - 4);
        return;
    case 's':
        snprintf(word, 40, "%.17g", (double) ((int) below(40) - 20) / 8);
        return;
    case 'b':
        snprintf(word, 40, "%s%.17g", below(3) ? "" : "(", (double) ((int) below(40) - 20) / 8);
        if (below(6) == 0)
            strcpy(word, below(2) ? "+inf" : "-inf");
        return;
    case 'x':
        snprintf(word, 40, "%llu-%u", (unsigned long long) newest - below(12) % newest, below(3));
        if (below(8) == 0)
            snprintf(word, 40, "%llu", (unsigned long long) newest);
        return;
    case 't':
        newest += below(2);
        snprintf(word, 40, "%llu-%u", (unsigned long long) newest, below(6));
        return;
    }
}

static size_t make_command(char words[WORDS_MOST][40])
{
    const char *at = templates[below(sizeof templates / sizeof *templates)];
    if (below(40) == 0 && strchr(at, ' ')) { // as somebody would who forgot the rest
        size_t size = strcspn(at, " ");
        snprintf(words[0], 40, "%.*s", (int) size, at);
        return 1;
    }
    size_t count = 0;
    for (; *at; count++) {
        size_t size = strcspn(at, " ");
        if (size == 1 && kind_of((unsigned char) *at))
            make_word(words[count], *at);
        else
            snprintf(words[count], 40, "%.*s", (int) size, at);
        at += size + (at[size] == ' ');
    }
    return count;
}

// ---- the comparison ------------------------------------------------------------------------

static int by_text(const void *a, const void *b)
{
    const redisReply *left = *(redisReply *const *) a, *right = *(redisReply *const *) b;
    return strcmp(left->str, right->str);
}

// Members of a set come in any order: compare how many bytes there are, and each as a whole line.
static bool same_set(redisReply *mine, slice_t theirs)
{
    size_t bytes = 0;
    for (size_t i = 0; i < mine->elements; i++) {
        char line[64];
        int size = snprintf(line, sizeof line, "\r\n%s\r\n", mine->element[i]->str);
        bytes += mine->element[i]->len;
        if (!memmem(theirs.data, theirs.size, line, (size_t) size))
            return false;
    }
    qsort(mine->element, mine->elements, sizeof *mine->element, by_text);
    size_t digits = mine->elements > 9 ? 2 : 1;
    return theirs.size == 3 + digits + bytes + mine->elements * 6; // "*n", "$n" of one digit each
}

static void answers_are_the_same(void **state)
{
    (void) state;
    sim_redis_t *model = sim_redis_new(&world, 0);
    link_t *link = link_connect(model, 0);
    for (int i = 0; i < COMMANDS; i++) {
        char texts[WORDS_MOST][40];
        const char *pointers[WORDS_MOST];
        words_t words = { 0 };
        size_t count = make_command(texts);
        if (link->multi && strcmp(texts[0], "SMEMBERS") == 0)
            continue; // its answer would come within that of EXEC, in any order
        for (size_t k = 0; k < count; k++) {
            pointers[k] = texts[k];
            words_add(&words, blob_text(texts[k]));
        }
        owned(buffer_destroy) buffer_t mine = { 0 };
        slice_t theirs = ask_real(count, pointers);
        redisReply *reply = command_execute(model, link, words.count, words.words);
        resp_print(&mine, reply);
        bool set = strcmp(texts[0], "SMEMBERS") == 0 && reply->type == REDIS_REPLY_ARRAY;
        if (set ? !same_set(reply, theirs) : !slice_same(buffer_slice(&mine), theirs)) {
            for (size_t k = 0; k < count; k++)
                fprintf(stderr, "%s ", texts[k]);
            fail_msg("command %d: real: %.*s\nmodel: %.*s", i, (int) theirs.size, theirs.data,
                     (int) mine.size, mine.data);
        }
        freeReplyObject(reply);
        words_clear(&words);
    }
    sim_redis_destroy(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(answers_are_the_same) };
    return cmocka_run_group_tests(tests, real_setup, real_teardown);
}
