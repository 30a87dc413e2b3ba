/*  What can happen to the simulator's Redis and to the connections to it, in virtual time. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "proto/owned.h"
#include "tests/sim/redis_inside.h"

enum { TRAVEL_US = 100, TIMEOUT_US = 1000000 };

static int64_t now; // us
static sim_redis_t *model;

// ---- the world -----------------------------------------------------------------------------

static int64_t now_us(void *context)
{
    (void) context;
    return now;
}

static int64_t travel_us(void *context, int client)
{
    (void) context;
    (void) client;
    return TRAVEL_US;
}

static int take_client(void *context, const char *address)
{
    (void) context;
    return atoi(address + 1);
}

static void yield(void *context)
{
    (void) context;
}

static void pass(int64_t until_us)
{
    while (sim_redis_next_us(model) <= until_us) {
        now = sim_redis_next_us(model) > now ? sim_redis_next_us(model) : now;
        sim_redis_run(model);
    }
    now = until_us;
}

static void wait_readable(void *context, int fd, int64_t until_us)
{
    (void) context;
    while (!sim_redis_readable(model, fd) && now < until_us) {
        int64_t next = sim_redis_next_us(model);
        now = next < until_us ? next > now ? next : now : until_us;
        sim_redis_run(model);
    }
}

static const sim_redis_world_t world = { .now_us = now_us,
                                         .wall_us = now_us,
                                         .travel_us = travel_us,
                                         .connect = take_client,
                                         .yield = yield,
                                         .wait = wait_readable };

static int begin(void **state)
{
    (void) state;
    now = 1000000;
    model = sim_redis_new(&world, 0);
    return 0;
}

static int end(void **state)
{
    (void) state;
    sim_redis_destroy(&model);
    return 0;
}

static void context_destroy(redisContext **self_p)
{
    redisFree(*self_p);
    *self_p = NULL;
}

static redisContext *dial(int client)
{
    char path[16];
    snprintf(path, sizeof path, "/%d", client);
    redisContext *context = redisConnectUnixWithTimeout(path, (struct timeval){ 2, 0 });
    redisSetTimeout(context, (struct timeval){ .tv_usec = TIMEOUT_US - 1 });
    return context;
}

static void send_only(redisContext *context, const char *command)
{
    assert_int_equal(redisAppendFormattedCommand(context, command, strlen(command)), REDIS_OK);
    assert_int_equal(redisBufferWrite(context, NULL), REDIS_OK);
}

static const char PUSH_A[] = "*3\r\n$5\r\nRPUSH\r\n$1\r\nj\r\n$1\r\na\r\n";
static const char PUSH_B[] = "*3\r\n$5\r\nRPUSH\r\n$1\r\nj\r\n$1\r\nb\r\n";

// All of the list "j", in order.
static const char *journal(void)
{
    static char text[64];
    redisReply *all = sim_redis_ask(model, "LRANGE j 0 -1");
    text[0] = '\0';
    for (size_t i = 0; i < all->elements; i++)
        strcat(text, all->element[i]->str);
    freeReplyObject(all);
    return text;
}

// ---- connections ---------------------------------------------------------------------------

static void an_answer_takes_its_time(void **state)
{
    (void) state;
    owned(context_destroy) redisContext *one = dial(1);
    int64_t start = now;
    redisReply *reply = redisCommand(one, "SET %s %b", "k", "v w", (size_t) 3);
    assert_string_equal(reply->str, "OK");
    freeReplyObject(reply);
    assert_int_equal(now - start, 2 * TRAVEL_US);
    reply = sim_redis_ask(model, "GET k");
    assert_string_equal(reply->str, "v w");
    freeReplyObject(reply);
}

// The hole H1: what was sent on a connection that was given up is executed later.
static void a_command_may_come_late(void **state)
{
    (void) state;
    redisContext *one = dial(1);
    send_only(one, PUSH_A);
    sim_redis_cut(model, 1, (sim_redis_cut_t){ .late_us = 5000000, .client_unaware = true });
    void *reply;
    assert_int_equal(redisGetReply(one, &reply), REDIS_ERR);
    assert_non_null(strstr(one->errstr, "temporarily unavailable"));
    redisFree(one);
    owned(context_destroy) redisContext *again = dial(1);
    freeReplyObject(redisCommand(again, "RPUSH j b"));
    assert_string_equal(journal(), "b");
    assert_int_equal(sim_redis_on_their_way(model, 1), 1);
    pass(now + 6000000);
    assert_string_equal(journal(), "ba");
    assert_int_equal(sim_redis_on_their_way(model, -1), 0);
}

// What was sent on a first connection, held back for a transaction on a second one.
static void hold(sim_redis_cut_t how)
{
    redisContext *one = dial(1);
    send_only(one, "*3\r\n$4\r\nHSET\r\n$8\r\ntw:m:{0}\r\n$1\r\na\r\n");
    send_only(one, "*3\r\n$5\r\nRPUSH\r\n$1\r\nj\r\n$1\r\na\r\n");
    how.late_us = 5000000;
    sim_redis_cut(model, 1, how);
    redisFree(one);
    owned(context_destroy) redisContext *again = dial(1);
    freeReplyObject(redisCommand(again, "MULTI"));
    freeReplyObject(redisCommand(again, "RPUSH j x"));
    freeReplyObject(redisCommand(again, "EXEC"));
    assert_string_equal(journal(), "x"); // it is about another key
    freeReplyObject(redisCommand(again, "MULTI"));
    freeReplyObject(redisCommand(again, "HGET tw:m:{0} a"));
    freeReplyObject(redisCommand(again, "RPUSH j b"));
    freeReplyObject(redisCommand(again, "EXEC"));
}

static void what_is_late_may_come_just_before_the_next_commit(void **state)
{
    (void) state;
    hold((sim_redis_cut_t){ .before_next = true });
    assert_string_equal(journal(), "xab");
}

static void what_is_late_may_come_just_after_the_next_commit(void **state)
{
    (void) state;
    hold((sim_redis_cut_t){ .after_next = true });
    assert_string_equal(journal(), "xba");
}

static void what_is_cut_may_be_lost(void **state)
{
    (void) state;
    owned(context_destroy) redisContext *one = dial(1);
    send_only(one, PUSH_A);
    sim_redis_cut(model, 1, (sim_redis_cut_t){ .lose_sent = true });
    void *reply;
    assert_int_equal(redisGetReply(one, &reply), REDIS_ERR); // at once: it knows
    assert_int_equal(now, 1000000);
    pass(now + 1000000);
    assert_string_equal(journal(), "");
}

static void an_answer_may_be_lost_alone(void **state)
{
    (void) state;
    owned(context_destroy) redisContext *one = dial(1);
    send_only(one, PUSH_A);
    sim_redis_cut(model, 1, (sim_redis_cut_t){ .lose_answers = true, .client_unaware = true });
    void *reply;
    assert_int_equal(redisGetReply(one, &reply), REDIS_ERR);
    assert_string_equal(journal(), "a");
}

static void the_dead_have_sent_what_they_sent(void **state)
{
    (void) state;
    owned(context_destroy) redisContext *one = dial(1);
    send_only(one, PUSH_A);
    pass(now + TRAVEL_US);
    send_only(one, PUSH_B);
    sim_redis_client_gone(model, 1);
    assert_string_equal(journal(), "a");
    pass(now + TRAVEL_US);
    assert_string_equal(journal(), "ab");
    assert_true(sim_redis_readable(model, one->fd)); // the connection is no more
}

static void half_a_transaction_is_none(void **state)
{
    (void) state;
    owned(context_destroy) redisContext *one = dial(1);
    send_only(one, "*1\r\n$5\r\nMULTI\r\n");
    send_only(one, PUSH_A);
    pass(now + TRAVEL_US);
    send_only(one, "*1\r\n$4\r\nEXEC\r\n");
    sim_redis_cut(model, 1, (sim_redis_cut_t){ .lose_sent = true });
    pass(now + 1000000);
    assert_string_equal(journal(), "");
}

static void a_reader_is_woken(void **state)
{
    (void) state;
    owned(context_destroy) redisContext *one = dial(1);
    owned(context_destroy) redisContext *two = dial(2);
    redisSetTimeout(one, (struct timeval){ 10, 0 });
    send_only(one, "*6\r\n$5\r\nXREAD\r\n$5\r\nBLOCK\r\n$4\r\n3000\r\n$7\r\nSTREAMS\r\n$1\r\no\r\n"
                   "$1\r\n0\r\n");
    pass(now + 1000000);
    assert_false(sim_redis_readable(model, one->fd));
    freeReplyObject(redisCommand(two, "XADD o * f v"));
    void *reply;
    assert_int_equal(redisGetReply(one, &reply), REDIS_OK);
    assert_int_equal(((redisReply *) reply)->elements, 1);
    freeReplyObject(reply);
    int64_t start = now;
    reply = redisCommand(one, "XREAD BLOCK 3000 STREAMS o 9999999999999");
    assert_int_equal(((redisReply *) reply)->type, REDIS_REPLY_NIL);
    assert_int_equal(now - start, 3000000 + 2 * TRAVEL_US);
    freeReplyObject(reply);
}

// ---- the server ----------------------------------------------------------------------------

static void a_stopped_server_does_nothing(void **state)
{
    (void) state;
    owned(context_destroy) redisContext *one = dial(1);
    sim_redis_stop_until(model, now + 300000);
    send_only(one, PUSH_A);
    pass(now + 299999);
    assert_string_equal(journal(), "");
    pass(now + 1);
    assert_string_equal(journal(), "a");
}

static void a_killed_server_forgets_what_was_not_flushed(void **state)
{
    (void) state;
    owned(context_destroy) redisContext *one = dial(1);
    freeReplyObject(redisCommand(one, "RPUSH j a"));
    sim_redis_mark_fsynced(model, sim_redis_log_entries(model));
    freeReplyObject(redisCommand(one, "RPUSH j b"));
    send_only(one, PUSH_B);
    sim_redis_kill(model);
    assert_true(sim_redis_readable(model, one->fd));
    assert_null(redisCommand(one, "PING"));
    owned(context_destroy) redisContext *refused = dial(1);
    assert_string_equal(refused->errstr, "Connection refused");
    sim_redis_restart(model, sim_redis_fsynced(model), now + 50000);
    owned(context_destroy) redisContext *again = dial(1);
    redisReply *reply = redisCommand(again, "PING");
    assert_memory_equal(reply->str, "LOADING", 7);
    freeReplyObject(reply);
    pass(now + 50000);
    reply = redisCommand(again, "PING");
    assert_string_equal(reply->str, "PONG");
    freeReplyObject(reply);
    assert_string_equal(journal(), "a");
}

static void it_refuses_what_it_must(void **state)
{
    (void) state;
    static const struct {
        const char *command, *full, *broken;
    } cases[] = {
        { "HSET h f v", "OOM", "MISCONF" },
        { "DEL h", ":", "MISCONF" },
        { "GET k", "nil", "nil" },
    };
    for (size_t i = 0; i < 3; i++) {
        for (int broken = 0; broken < 2; broken++) {
            sim_redis_set_full(model, !broken);
            sim_redis_refuse_writes(model, broken ? "MISCONF no disk" : NULL);
            redisReply *reply = sim_redis_ask(model, "%s", cases[i].command);
            const char *want = broken ? cases[i].broken : cases[i].full;
            if (strcmp(want, ":") == 0)
                assert_int_equal(reply->type, REDIS_REPLY_INTEGER);
            else if (strcmp(want, "nil") == 0)
                assert_int_equal(reply->type, REDIS_REPLY_NIL);
            else
                assert_memory_equal(reply->str, want, strlen(want));
            freeReplyObject(reply);
        }
    }
}

// ---- the log -------------------------------------------------------------------------------

static uint64_t random_state;

static unsigned below(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned) (random_state >> 33) % limit;
}

// Whatever has a time, a number of its own or a time to live in it.
static void write_something(void)
{
    static const char *const templates[] = {
        "HSET h%u f%u %u",      "HINCRBY h%u f%u %u",
        "HDEL h%u f%u f%u",     "SET s%u x EX %u",
        "EXPIRE h%u %u",        "PEXPIRE s%u 5%u",
        "PERSIST h%u",          "XADD x%u MAXLEN 5 * f %u",
        "XTRIM x%u MAXLEN %u",  "ZADD z%u %u m%u",
        "ZPOPMIN z%u %u",       "RPUSH l%u %u %u",
        "LTRIM l%u 1 -1",       "DEL h%u",
        "COPY h%u h%u REPLACE", "RPUSH l%u a%u",
        "SADD t%u %u %u",       "INCR n%u",
    };
    now += 1 + below(200000);
    const char *format = templates[below(sizeof templates / sizeof *templates)];
    char text[64];
    snprintf(text, sizeof text, format, below(4), 1 + below(5), 1 + below(5)); // NOLINT
    freeReplyObject(sim_redis_ask(model, "%s", text));
}

static void any_prefix_of_the_log_is_what_was(void **state)
{
    (void) state;
    enum { WRITES_MADE = 3000 };
    static uint64_t digests[WRITES_MADE * 2];
    for (random_state = 1; random_state < 6; random_state++) {
        uint64_t seed = random_state;
        digests[0] = sim_redis_digest(model);
        for (int i = 0; i < WRITES_MADE; i++) {
            write_something();
            digests[sim_redis_log_entries(model)] = sim_redis_digest(model);
        }
        for (size_t entries = sim_redis_log_entries(model); entries > 0;) {
            sim_redis_roll_back(model, entries);
            assert_int_equal(sim_redis_log_entries(model), entries);
            if (sim_redis_digest(model) != digests[entries])
                fail_msg("seed %d: not what it was after %zu entries", (int) seed, entries);
            size_t step = 1 + below(400);
            entries = step > entries ? 0 : entries - step;
        }
        sim_redis_roll_back(model, 0);
        assert_int_equal(sim_redis_digest(model), digests[0]);
        random_state = seed;
    }
}

static void a_transaction_is_one_entry(void **state)
{
    (void) state;
    owned(context_destroy) redisContext *one = dial(1);
    static const char *const commands[] = { "MULTI", "RPUSH j a", "RPUSH j b", "EXEC" };
    for (size_t i = 0; i < 4; i++)
        freeReplyObject(redisCommand(one, commands[i]));
    assert_int_equal(sim_redis_log_entries(model), 1);
    freeReplyObject(redisCommand(one, "LRANGE j 0 -1"));
    freeReplyObject(redisCommand(one, "DEL nothing"));
    assert_int_equal(sim_redis_log_entries(model), 1); // nothing changed
}

static void a_function_is_one_entry_or_none(void **state)
{
    (void) state;
    static const char code[] =
        "#!lua name=l\n"
        "redis.register_function('f', function(keys, args)\n"
        "  redis.call('RPUSH', keys[1], args[1]); redis.call('RPUSH', keys[1], 1e15 + 1)\n"
        "  return {1.9, 'x', false, {err = 'E no'}, nil, 'gone'} end)\n"
        "redis.register_function{function_name = 'r', flags = {'no-writes'},\n"
        "  callback = function(keys) return redis.pcall('RPUSH', keys[1], 'x') end}\n";
    const char *const load[] = { "FUNCTION", "LOAD", code };
    freeReplyObject(sim_redis_do(model, 3, load, NULL));
    size_t before = sim_redis_log_entries(model);
    redisReply *reply = sim_redis_ask(model, "FCALL f 1 j a");
    assert_int_equal(reply->elements, 4);
    assert_int_equal(reply->element[0]->integer, 1);
    assert_int_equal(reply->element[2]->type, REDIS_REPLY_NIL);
    assert_int_equal(reply->element[3]->type, REDIS_REPLY_ERROR);
    freeReplyObject(reply);
    assert_string_equal(journal(), "a1000000000000001");
    assert_int_equal(sim_redis_log_entries(model), before + 1);
    reply = sim_redis_ask(model, "FCALL r 1 j");
    assert_non_null(strstr(reply->str, "read-only"));
    freeReplyObject(reply);
    sim_redis_set_full(model, true); // which does not hinder reading the log
    sim_redis_refuse_writes(model, "MISCONF no disk");
    sim_redis_roll_back(model, sim_redis_log_entries(model));
    assert_string_equal(journal(), "a1000000000000001");
    sim_redis_roll_back(model, 0); // the library goes as well
    sim_redis_refuse_writes(model, NULL);
    reply = sim_redis_ask(model, "FCALL f 1 j a");
    assert_string_equal(reply->str, "ERR Function not found");
    freeReplyObject(reply);
}

// ---- order ---------------------------------------------------------------------------------

static void list_into(char text[256], uint64_t seed)
{
    sim_redis_destroy(&model);
    model = sim_redis_new(&world, seed);
    freeReplyObject(sim_redis_ask(model, "HSET h a 1 b 2 c 3 d 4 e 5"));
    redisReply *reply = sim_redis_ask(model, "HKEYS h");
    text[0] = '\0';
    for (size_t i = 0; i < reply->elements; i++)
        strcat(text, reply->element[i]->str);
    freeReplyObject(reply);
}

static void order_is_the_seeds(void **state)
{
    (void) state;
    char zero[256], one[256], again[256];
    list_into(zero, 0);
    assert_string_equal(zero, "abcde");
    list_into(one, 12345);
    assert_string_not_equal(one, zero);
    assert_int_equal(strlen(one), 5);
    list_into(again, 12345);
    assert_string_equal(one, again);
}

static void a_scan_finds_what_stays(void **state)
{
    (void) state;
    enum { KEYS = 100 };
    for (int k = 0; k < KEYS; k++)
        freeReplyObject(sim_redis_ask(model, "SET key%d x", k));
    bool found[KEYS] = { false };
    char cursor[32] = "0";
    int round = 0;
    do {
        redisReply *reply = sim_redis_ask(model, "SCAN %s MATCH key* COUNT 7", cursor);
        snprintf(cursor, sizeof cursor, "%s", reply->element[0]->str);
        for (size_t i = 0; i < reply->element[1]->elements; i++)
            found[atoi(reply->element[1]->element[i]->str + 3)] = true;
        freeReplyObject(reply);
        freeReplyObject(sim_redis_ask(model, "DEL key%d", 3 * round++)); // every third goes
    } while (strcmp(cursor, "0") != 0);
    for (int k = 0; k < KEYS; k++)
        assert_true(found[k] || k % 3 == 0);
}

static void what_it_does_not_know_ends_the_test(void **state)
{
    (void) state;
    pid_t child = fork();
    if (child == 0) {
        fclose(stderr);
        signal(SIGABRT, SIG_DFL);
        sim_redis_ask(model, "GEOADD k 1 2 3");
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_answer_takes_its_time, begin, end),
        cmocka_unit_test_setup_teardown(a_command_may_come_late, begin, end),
        cmocka_unit_test_setup_teardown(what_is_late_may_come_just_before_the_next_commit, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_is_late_may_come_just_after_the_next_commit, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_is_cut_may_be_lost, begin, end),
        cmocka_unit_test_setup_teardown(an_answer_may_be_lost_alone, begin, end),
        cmocka_unit_test_setup_teardown(the_dead_have_sent_what_they_sent, begin, end),
        cmocka_unit_test_setup_teardown(half_a_transaction_is_none, begin, end),
        cmocka_unit_test_setup_teardown(a_reader_is_woken, begin, end),
        cmocka_unit_test_setup_teardown(a_stopped_server_does_nothing, begin, end),
        cmocka_unit_test_setup_teardown(a_killed_server_forgets_what_was_not_flushed, begin, end),
        cmocka_unit_test_setup_teardown(it_refuses_what_it_must, begin, end),
        cmocka_unit_test_setup_teardown(any_prefix_of_the_log_is_what_was, begin, end),
        cmocka_unit_test_setup_teardown(a_transaction_is_one_entry, begin, end),
        cmocka_unit_test_setup_teardown(a_function_is_one_entry_or_none, begin, end),
        cmocka_unit_test_setup_teardown(order_is_the_seeds, begin, end),
        cmocka_unit_test_setup_teardown(a_scan_finds_what_stays, begin, end),
        cmocka_unit_test_setup_teardown(what_it_does_not_know_ends_the_test, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
