/*  The commit protocol of store against a real redis-server: guards, chain of ids, journal and
 *  base, lost answers, roll-backs.
 */
#include "tests/unit/broker/store_fixture.h"

// What a load handed on, as text: offsets, base and deltas in order.
typedef struct {
    char offsets[256], base[256], deltas[4096];
    size_t base_bytes, delta_bytes, delta_count;
    uint64_t sum; // of all bytes of large ones
    bool refuse_base, refuse_delta;
} loaded_t;

static void add_text(char *text, size_t size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t end = strlen(text);
    vsnprintf(text + end, size - end, format, arguments);
    va_end(arguments);
}

static void on_offset(void *context, const store_offset_t *offset)
{
    loaded_t *to = context;
    add_text(to->offsets, sizeof to->offsets, "%.*s=%llu", (int) offset->stream.size,
             offset->stream.data, (unsigned long long) offset->seq);
    if (offset->sent > 0)
        add_text(to->offsets, sizeof to->offsets, "+%llu", (unsigned long long) offset->sent);
    add_text(to->offsets, sizeof to->offsets, ";");
}

static void take_bytes(loaded_t *to, slice_t bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        to->sum += (uint64_t) bytes.data[i] * (i % 251 + 1);
}

static bool on_base(void *context, slice_t whole)
{
    loaded_t *to = context;
    to->base_bytes = whole.size;
    snprintf(to->base, sizeof to->base, "%.*s", whole.size < 200 ? (int) whole.size : 200,
             whole.data);
    take_bytes(to, whole);
    return !to->refuse_base;
}

static bool on_delta(void *context, slice_t delta)
{
    loaded_t *to = context;
    to->delta_bytes += delta.size;
    to->delta_count++;
    if (delta.size < 32)
        add_text(to->deltas, sizeof to->deltas, "%.*s;", (int) delta.size, delta.data);
    take_bytes(to, delta);
    return !to->refuse_delta;
}

static const store_load_t LOAD = { on_offset, on_base, on_delta };

static store_status_t load(store_t *store, unsigned partition, loaded_t *to, store_id_t *head,
                           uint64_t *count)
{
    size_t base_bytes, journal_bytes;
    store_status_t status =
        store_load(store, partition, &LOAD, to, head, &base_bytes, &journal_bytes, count);
    if (status == STORE_OK) {
        assert_int_equal(base_bytes, to->base_bytes);
        assert_int_equal(journal_bytes, to->delta_bytes);
        assert_int_equal(*count, to->delta_count);
    }
    return status;
}

typedef struct {
    store_t *store;
    store_id_t token, head;
    unsigned partition;
    uint8_t next; // makes ids
} owner_t;

static owner_t own(store_t *store, unsigned partition)
{
    owner_t owner = { .store = store, .partition = partition };
    expect(store, store_claim(store, partition, "w", 60000, &owner.token), STORE_OK);
    return owner;
}

static store_commit_t next_commit(owner_t *owner, const char *delta)
{
    return (store_commit_t){ .partition = owner->partition,
                             .token = owner->token,
                             .previous = owner->head,
                             .mine = id_of(++owner->next),
                             .delta = slice_text(delta) };
}

// One commit that must be taken.
static void put(owner_t *owner, const char *delta)
{
    store_commit_t commit = next_commit(owner, delta);
    expect(owner->store, commit_one(owner->store, &commit), STORE_OK);
    owner->head = commit.mine;
}

static void committed_is_what_every_partition_has(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    uint64_t lowest;
    for (unsigned p = 0; p < PARTITIONS; p++) {
        expect(store, store_committed(store, slice_text("s1~5"), &lowest), STORE_OK);
        assert_int_equal(lowest, 0);
        owner_t owner = own(store, p);
        store_offset_t offsets[] = { { slice_text("s1"), 900, 0 },
                                     { slice_text("s1~5"), p == 77 ? 41 : 42, 0 } };
        store_commit_t commit = next_commit(&owner, "");
        commit.offsets = offsets;
        commit.offset_count = 2;
        expect(store, commit_one(store, &commit), STORE_OK);
    }
    expect(store, store_committed(store, slice_text("s1~5"), &lowest), STORE_OK);
    assert_int_equal(lowest, 41);
    expect(store, store_committed(store, slice_text("s1"), &lowest), STORE_OK);
    assert_int_equal(lowest, 900);
}

// ---- guards --------------------------------------------------------------------------------

static void a_commit_names_its_predecessor(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 5);
    store_offset_t offset = { slice_text("s1"), 10, 0 };
    store_commit_t first = next_commit(&owner, "a");
    first.offsets = &offset;
    first.offset_count = 1;
    expect(store, commit_one(store, &first), STORE_OK);
    expect(store, commit_one(store, &first), STORE_DUP);
    store_commit_t fork = first;
    fork.mine = id_of(99);
    expect(store, commit_one(store, &fork), STORE_STALE);
    store_commit_t foreign = first;
    foreign.token = id_of(98);
    expect(store, commit_one(store, &foreign), STORE_FENCED); // even though it looks like a DUP
    owner.head = first.mine;
    put(&owner, "b");
    expect(store, commit_one(store, &first), STORE_STALE); // no longer the newest
    loaded_t loaded = { 0 };
    store_id_t head;
    uint64_t count;
    expect(store, load(store, 5, &loaded, &head, &count), STORE_OK);
    assert_memory_equal(&head, &owner.head, sizeof head);
    assert_string_equal(loaded.offsets, "s1=10;");
    assert_string_equal(loaded.deltas, "a;b;");
    assert_int_equal(loaded.base_bytes, 0);
}

// Alerts of a record that is not in yet may go ahead of it; how many did stands beside the offset,
// until it moves.
static void alerts_ahead_are_counted(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 5);
    const store_offset_t steps[] = { { slice_text("s1"), 10, 0 }, { slice_text("s1"), 10, 300 },
                                     { slice_text("s2"), 0, 5 },  { slice_text("s1"), 10, 700 },
                                     { slice_text("s1"), 11, 0 }, { slice_text("s1"), 12, 0 } };
    static const char *const offsets[] = {
        "s1=10;",        "s1=10+300;",   "s1=10+300;s2=0+5;", "s1=10+700;s2=0+5;",
        "s1=11;s2=0+5;", "s1=12;s2=0+5;"
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        store_commit_t commit = next_commit(&owner, "");
        commit.offsets = &steps[i];
        commit.offset_count = 1;
        expect(store, commit_one(store, &commit), STORE_OK);
        owner.head = commit.mine;
        loaded_t loaded = { 0 };
        store_id_t head;
        uint64_t count;
        expect(store, load(store, 5, &loaded, &head, &count), STORE_OK);
        assert_string_equal(loaded.offsets, offsets[i]);
    }
}

static void an_unowned_partition_takes_nothing(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_commit_t commit = { .partition = 1, .mine = id_of(1), .delta = slice_text("a") };
    expect(store, commit_one(store, &commit), STORE_FENCED); // token of zeros, none there
    owner_t owner = own(store, 1);
    expect(store, store_release(store, 1, owner.token), STORE_OK);
    commit.token = owner.token;
    expect(store, commit_one(store, &commit), STORE_FENCED);
    assert_string_equal(redis("EXISTS 'tw:j:{1}:1'"), "0");
}

static void a_new_owner_fences_the_old_one(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t old = own(store, 9), new = own(store, 9); // the same worker, restarted
    store_commit_t commit = next_commit(&old, "old");
    expect(store, commit_one(store, &commit), STORE_FENCED);
    expect(store, store_base_put(store, 9, old.token, id_of(1), 0, slice_text("x")), STORE_FENCED);
    expect(store, store_base_swap(store, 9, old.token, old.head, id_of(2), id_of(1), 0, 0),
           STORE_FENCED);
    put(&new, "new");
}

// A lease from before Redis' clock was put back would hold for as long as that step was.
static void a_lease_of_another_time_does_not_hold(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_id_t token;
    redis("HSET 'tw:m:{9}:9' owner gone token x lease $(( ($(date +%%s) + 3600) * 1000 ))");
    expect(store, store_claim(store, 9, "w", 3000, &token), STORE_OK);
    redis("HSET 'tw:m:{9}:9' owner other token x lease $(( ($(date +%%s) + 3) * 1000 ))");
    expect(store, store_claim(store, 9, "w", 3000, &token), STORE_FENCED);
}

static void offsets_do_not_go_backwards(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 2);
    store_offset_t offsets[] = { { slice_text("a"), 9007199254740990, 0 },
                                 { slice_text("b"), 7, 0 } };
    store_commit_t commit = next_commit(&owner, "");
    commit.offsets = offsets;
    commit.offset_count = 2;
    expect(store, commit_one(store, &commit), STORE_OK);
    owner.head = commit.mine;
    offsets[0].seq--;
    offsets[1].seq = 8;
    commit = next_commit(&owner, "x");
    commit.offsets = offsets;
    commit.offset_count = 2;
    expect(store, commit_one(store, &commit), STORE_REFUSED);
    assert_non_null(strstr(store_error(store), "backwards"));
    loaded_t loaded = { 0 };
    store_id_t head;
    uint64_t count;
    expect(store, load(store, 2, &loaded, &head, &count), STORE_OK);
    assert_string_equal(loaded.offsets, "a=9007199254740990;b=7;");
    assert_int_equal(count, 0); // a refused commit wrote nothing; an empty delta is none
    assert_memory_equal(&head, &owner.head, sizeof head);
}

static void one_batch_judges_every_partition_alone(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owners[40];
    store_commit_t commits[40];
    store_status_t status[40];
    for (unsigned i = 0; i < 40; i++) {
        owners[i] = own(store, (i * 7) % 256); // groups mixed
        commits[i] = next_commit(&owners[i], "d");
        if (i % 4 == 1)
            commits[i].token = id_of(77);
        else if (i % 4 == 2)
            commits[i].previous = id_of(78);
    }
    expect(store, store_commit_send(store, commits, 40), STORE_OK);
    expect(store, store_commit_take(store, status, 40), STORE_OK);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(status[i], i % 4 == 1   ? STORE_FENCED
                                    : i % 4 == 2 ? STORE_STALE
                                                 : STORE_OK);
    // The descriptor goes silent when another verb takes the answers first; nothing is lost.
    for (unsigned i = 0; i < 40; i++)
        commits[i] = next_commit(&owners[i], "e"), commits[i].previous = id_of(1);
    expect(store, store_commit_send(store, commits, 40), STORE_OK);
    assert_false(store_commit_answered(store));
    char names[PARTITIONS][64];
    expect(store, store_owners(store, names), STORE_OK);
    assert_true(store_commit_answered(store));
    expect(store, store_commit_take(store, status, 40), STORE_OK);
    for (unsigned i = 0; i < 40; i++)
        assert_int_equal(status[i], i % 4 == 1 || i % 4 == 2 ? STORE_STALE : STORE_OK);
}

// ---- outbox --------------------------------------------------------------------------------

static void a_full_outbox_refuses_before_any_write(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_limits(store)->outbox_entries = 3;
    owner_t owner = own(store, 4), other = own(store, 20); // one group, one outbox
    store_alert_t alerts[2] = {
        { slice_text("00"), slice_text("alert/r/s/"), slice_of("\0\r\n\xff", 4) },
        { slice_text("01"), slice_text("alert/r/s/"), slice_text("two") },
    };
    store_commit_t commits[2] = { next_commit(&owner, "a"), next_commit(&other, "b") };
    for (int i = 0; i < 2; i++)
        commits[i].alerts = alerts, commits[i].alert_count = 2;
    store_status_t status[2];
    expect(store, store_commit_send(store, commits, 2), STORE_OK);
    expect(store, store_commit_take(store, status, 2), STORE_OK);
    assert_int_equal(status[0], STORE_OK);
    assert_int_equal(status[1], STORE_FULL);
    assert_string_equal(redis("XLEN 'tw:o:{4}'"), "2");
    assert_string_equal(redis("LLEN 'tw:j:{4}:20'"), "0");
    expect(store, commit_one(store, &commits[1]), STORE_FULL); // still, and the same commit
    commits[1].alert_count = 0;
    expect(store, commit_one(store, &commits[1]), STORE_OK); // without alerts nothing is full
    assert_string_equal(redis("--raw XRANGE 'tw:o:{4}' - + COUNT 1 | tail -n +2 | head -3"),
                        "id\n00\ntopic");
    // A single commit larger than the limit goes through when the outbox is empty.
    redis("XTRIM 'tw:o:{4}' MAXLEN 0");
    store_limits(store)->outbox_entries = 1;
    owner.head = commits[0].mine;
    commits[0] = next_commit(&owner, "");
    commits[0].alerts = alerts;
    commits[0].alert_count = 2;
    expect(store, commit_one(store, &commits[0]), STORE_OK);
}

// ---- base and journal ----------------------------------------------------------------------

static void a_base_is_swapped_while_the_journal_grows(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 3);
    put(&owner, "a");
    put(&owner, "b");
    store_id_t base = id_of(200), mine = id_of(201), head;
    expect(store, store_base_put(store, 3, owner.token, id_of(199), 0, slice_text("given up")),
           STORE_OK);
    expect(store, store_base_put(store, 3, owner.token, base, 0, slice_text("A")), STORE_OK);
    put(&owner, "c"); // after the copy was taken
    put(&owner, "d");
    expect(store, store_base_swap(store, 3, owner.token, owner.head, mine, base, 2, 2),
           STORE_STALE); // piece 1 is missing
    expect(store, store_base_put(store, 3, owner.token, base, 1, slice_text("B")), STORE_OK);
    loaded_t before = { 0 }, after = { 0 };
    uint64_t count;
    expect(store, load(store, 3, &before, &head, &count), STORE_OK);
    assert_string_equal(before.base, ""); // pieces are invisible until the swap
    assert_string_equal(before.deltas, "a;b;c;d;");
    expect(store, store_base_swap(store, 3, owner.token, owner.head, mine, base, 2, 5),
           STORE_STALE); // drops more than there is
    expect(store, store_base_swap(store, 3, owner.token, owner.head, mine, base, 2, 2), STORE_OK);
    expect(store, store_base_swap(store, 3, owner.token, owner.head, mine, base, 2, 2), STORE_DUP);
    owner.head = mine;
    put(&owner, "e");
    expect(store, load(store, 3, &after, &head, &count), STORE_OK);
    assert_string_equal(after.base, "AB");
    assert_string_equal(after.deltas, "c;d;e;");
    assert_string_equal(redis("HLEN 'tw:b:{3}:3'"), "2"); // what was given up is gone
    assert_int_equal(count, 3);
}

static void a_load_tells_what_does_not_fit(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 6);
    put(&owner, "a");
    put(&owner, "b");
    loaded_t loaded = { .refuse_delta = true };
    store_id_t head;
    uint64_t count;
    expect(store, load(store, 6, &loaded, &head, &count), STORE_REFUSED);
    assert_int_equal(loaded.delta_count, 1); // stopped at the first
    redis("LPOP 'tw:j:{6}:6'");
    loaded = (loaded_t){ 0 };
    expect(store, load(store, 6, &loaded, &head, &count), STORE_REFUSED);
    assert_non_null(strstr(store_error(store), "partition 6"));
    assert_int_equal(loaded.delta_count, 0); // nothing is handed on by halves
    store_commit_t commit = next_commit(&owner, "c");
    expect(store, commit_one(store, &commit), STORE_STALE);
    redis("SET 'tw:j:{6}:6' text");
    expect(store, commit_one(store, &commit), STORE_STALE);
    redis("SET 'tw:m:{6}:6' text");
    expect(store, commit_one(store, &commit), STORE_STALE);
    expect(store, load(store, 6, &loaded, &head, &count), STORE_REFUSED);
}

static void one_broken_partition_does_not_stop_its_group(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t broken = own(store, 0), sound = own(store, 16);
    redis("SET 'tw:j:{0}:0' text");
    store_commit_t commits[2] = { next_commit(&broken, "a"), next_commit(&sound, "b") };
    store_status_t status[2];
    expect(store, store_commit_send(store, commits, 2), STORE_OK);
    expect(store, store_commit_take(store, status, 2), STORE_OK);
    assert_int_equal(status[0], STORE_STALE);
    assert_int_equal(status[1], STORE_OK);
}

static uint64_t checksum(slice_t bytes)
{
    loaded_t sum = { 0 };
    take_bytes(&sum, bytes);
    return sum.sum;
}

static void large_states_make_the_round_trip(void **state)
{
    (void) state;
    enum { DELTA_BYTES = 5 << 20, DELTAS = 600, PIECES = 40 };
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 255);
    uint8_t *bytes = malloc(DELTA_BYTES);
    assert_non_null(bytes);
    uint64_t random = 42, sum = 0;
    for (size_t i = 0; i < DELTA_BYTES; i++)
        bytes[i] =
            (uint8_t) ((random = random * 6364136223846793005u + 1442695040888963407u) >> 56);
    store_id_t base = id_of(250), head;
    uint8_t *whole = malloc(PIECES * BASE_PIECE_BYTES);
    assert_non_null(whole);
    for (unsigned piece = 0; piece < PIECES; piece++) {
        size_t size = piece == PIECES - 1 ? 17 : BASE_PIECE_BYTES;
        slice_t part = slice_of(bytes + piece * 1001, size);
        memcpy(whole + piece * BASE_PIECE_BYTES, part.data, size);
        expect(store, store_base_put(store, 255, owner.token, base, piece, part), STORE_OK);
    }
    size_t whole_bytes = (PIECES - 1) * BASE_PIECE_BYTES + 17;
    sum = checksum(slice_of(whole, whole_bytes));
    expect(store, store_base_swap(store, 255, owner.token, owner.head, id_of(251), base, PIECES, 0),
           STORE_OK);
    owner.head = id_of(251);
    store_commit_t commit = next_commit(&owner, "");
    commit.delta = slice_of(bytes, DELTA_BYTES);
    expect(store, commit_one(store, &commit), STORE_OK);
    sum += checksum(commit.delta);
    owner.head = commit.mine;
    for (int i = 1; i < DELTAS; i++) {
        commit = next_commit(&owner, "");
        commit.mine.bytes[1] = (uint8_t) i, commit.mine.bytes[2] = (uint8_t) (i >> 8);
        commit.delta = slice_of(bytes + i, 100);
        sum += checksum(commit.delta);
        expect(store, commit_one(store, &commit), STORE_OK);
        owner.head = commit.mine;
    }
    loaded_t loaded = { 0 };
    uint64_t count;
    expect(store, load(store, 255, &loaded, &head, &count), STORE_OK);
    assert_int_equal(loaded.base_bytes, whole_bytes);
    assert_int_equal(count, DELTAS);
    assert_true(loaded.sum == sum);
    free(bytes);
    free(whole);
}

static void a_large_batch_goes_in_several_calls(void **state)
{
    (void) state;
    enum { BYTES = 3 << 20 };
    owned(store_destroy) store_t *store = open_store("tw");
    char *bytes = calloc(1, BYTES);
    assert_non_null(bytes);
    owner_t owners[16];
    store_commit_t commits[16];
    store_status_t status[16];
    for (unsigned i = 0; i < 16; i++) {
        owners[i] = own(store, i * 16); // 48 MB for one group
        commits[i] = next_commit(&owners[i], "");
        commits[i].delta = slice_of(bytes, BYTES);
    }
    commits[5].previous = id_of(60);
    expect(store, store_commit_send(store, commits, 16), STORE_OK);
    expect(store, store_commit_take(store, status, 16), STORE_OK);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(status[i], i == 5 ? STORE_STALE : STORE_OK);
    free(bytes);
}

// ---- faults --------------------------------------------------------------------------------

static void a_lost_answer_is_asked_for_again(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 8);
    int lost = 0;
    for (int round = 0; round < 20; round++) {
        store_commit_t commit = next_commit(&owner, "d");
        store_status_t status;
        assert_int_equal(ping_patiently(store), STORE_OK);
        expect(store, store_commit_send(store, &commit, 1), STORE_OK);
        uint64_t epoch = store_epoch(store);
        // The answer never comes; or it is already here when the connection goes.
        if (round % 2)
            pause_ms(20);
        server_cut(store_descriptor(store), round % 2 == 0);
        if (store_commit_take(store, &status, 1) == STORE_DOWN) {
            lost++;
            assert_int_equal(store_descriptor(store), -1);
            assert_int_equal(ping_patiently(store), STORE_OK);
            assert_true(store_epoch(store) > epoch);
            status = commit_one(store, &commit);
        }
        assert_true(status == STORE_OK || status == STORE_DUP);
        owner.head = commit.mine;
    }
    assert_true(lost > 0);
    loaded_t loaded = { 0 };
    store_id_t head;
    uint64_t count;
    assert_int_equal(ping_patiently(store), STORE_OK);
    expect(store, load(store, 8, &loaded, &head, &count), STORE_OK);
    assert_int_equal(count, 20); // each exactly once
}

static void a_rolled_back_redis_is_noticed(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 8);
    put(&owner, "a");
    // An older copy of Redis: head, journal and token as they were.
    redis("COPY 'tw:m:{8}:8' 'copy:m'");
    redis("COPY 'tw:j:{8}:8' 'copy:j'");
    store_id_t old_head = owner.head;
    put(&owner, "b");
    store_commit_t late = next_commit(&owner, "c");
    redis("COPY 'copy:m' 'tw:m:{8}:8' REPLACE");
    redis("COPY 'copy:j' 'tw:j:{8}:8' REPLACE");
    expect(store, commit_one(store, &late), STORE_STALE);
    // After the reload the count of commits is the same as before, the history is not.
    owner.head = old_head;
    put(&owner, "b2");
    expect(store, commit_one(store, &late), STORE_STALE);
    redis("FLUSHALL");
    expect(store, commit_one(store, &late), STORE_FENCED);
}

static void redis_dies_and_comes_back(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 8);
    store_field_t field = { "pid", "1" };
    put(&owner, "a");
    expect(store, store_beat(store, "prep", "p", 60000, &field, 1), STORE_OK);
    for (int round = 0; round < 3; round++) {
        uint64_t epoch = store_epoch(store);
        store_commit_t commit = next_commit(&owner, "d");
        store_status_t status = STORE_DOWN;
        expect(store, store_commit_send(store, &commit, 1), STORE_OK);
        server_kill();
        store_status_t taken = store_commit_take(store, &status, 1);
        // At once, not after a time-out, and cheaply as often as one likes.
        for (int i = 0; i < 1000; i++)
            assert_int_equal(store_ping(store), STORE_DOWN);
        server_start();
        assert_int_equal(ping_patiently(store), STORE_OK);
        assert_true(store_epoch(store) > epoch);
        if (taken != STORE_OK)
            status = commit_one(store, &commit);
        assert_true(status == STORE_OK || status == STORE_DUP);
        owner.head = commit.mine;
    }
    loaded_t loaded = { 0 };
    store_id_t head;
    uint64_t count;
    expect(store, load(store, 8, &loaded, &head, &count), STORE_OK);
    assert_string_equal(loaded.deltas, "a;d;d;d;");
}

static void removed_functions_come_back(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 8);
    redis("FUNCTION FLUSH");
    store_commit_t commit = next_commit(&owner, "a");
    store_status_t status = commit_one(store, &commit);
    if (status == STORE_DOWN) {
        assert_int_equal(ping_patiently(store), STORE_OK);
        status = commit_one(store, &commit);
    }
    assert_int_equal(status, STORE_OK);
    // Other code under our name is replaced by the code of this program.
    redis("FUNCTION LOAD REPLACE \"$(printf '#!lua name=tw_tw_2\\nredis.register_function("
          "\"tw_tw_2_commit\", function() return \"O\" end)')\"");
    owned(store_destroy) store_t *second = open_store("tw");
    assert_int_equal(ping_patiently(second), STORE_OK);
    expect(second, commit_one(second, &commit), STORE_DUP);
}

static void positions_are_of_one_log(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    store_log_t known;
    uint64_t edition;
    slice_t main = slice_text("main");
    expect(store, store_log_get(store, main, 0xabc, &known, &edition), STORE_OK);
    assert_int_equal(known, STORE_LOG_NEW);
    expect(store, store_log_set(store, main, 0xabc, 0), STORE_OK);
    expect(store, store_log_get(store, main, 0xabc, &known, &edition), STORE_OK);
    assert_int_equal(known, STORE_LOG_OURS);
    assert_int_equal(edition, 0);
    expect(store, store_log_set(store, main, 0xabc, 1795882214357493), STORE_OK);
    expect(store, store_log_get(store, main, 0xdef, &known, &edition), STORE_OK);
    assert_int_equal(known, STORE_LOG_OTHER);
    assert_int_equal(edition, 1795882214357493);
    expect(store, store_log_get(store, slice_text("side"), 0xdef, &known, &edition), STORE_OK);
    assert_int_equal(known, STORE_LOG_NEW);
    expect(store, store_log_set(store, main, 0xdef, 7), STORE_OK);
    assert_string_equal(redis("HGET 'tw:{logs}' main"), "00000def 7");
}

// What makes Redis grow waits; leases and the life of actors go on.
static void without_memory_it_waits(void **state)
{
    (void) state;
    owned(store_destroy) store_t *store = open_store("tw");
    owner_t owner = own(store, 8);
    store_id_t tokens[PARTITIONS] = { [8] = owner.token }, other;
    partitions_t held = { 0 };
    partitions_add(&held, 8);
    redis("CONFIG SET maxmemory 1");
    store_commit_t commit = next_commit(&owner, "a");
    store_status_t status = commit_one(store, &commit);
    store_status_t renewed = store_renew(store, 60000, tokens, &held);
    store_status_t claimed = store_claim(store, 9, "other", 60000, &other);
    store_status_t released = store_release(store, 9, other);
    store_field_t field = { "pid", "1" };
    store_status_t beaten = store_beat(store, "transform", "w", 60000, &field, 1);
    redis("CONFIG SET maxmemory 0");
    assert_int_equal(status, STORE_FULL);
    assert_int_equal(renewed, STORE_OK);
    assert_true(partitions_has(&held, 8));
    assert_int_equal(claimed, STORE_OK);
    assert_int_equal(released, STORE_OK);
    assert_int_equal(beaten, STORE_OK);
    expect(store, commit_one(store, &commit), STORE_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_commit_names_its_predecessor, flush),
        cmocka_unit_test_setup(alerts_ahead_are_counted, flush),
        cmocka_unit_test_setup(an_unowned_partition_takes_nothing, flush),
        cmocka_unit_test_setup(a_new_owner_fences_the_old_one, flush),
        cmocka_unit_test_setup(a_lease_of_another_time_does_not_hold, flush),
        cmocka_unit_test_setup(offsets_do_not_go_backwards, flush),
        cmocka_unit_test_setup(one_batch_judges_every_partition_alone, flush),
        cmocka_unit_test_setup(a_full_outbox_refuses_before_any_write, flush),
        cmocka_unit_test_setup(a_base_is_swapped_while_the_journal_grows, flush),
        cmocka_unit_test_setup(a_load_tells_what_does_not_fit, flush),
        cmocka_unit_test_setup(one_broken_partition_does_not_stop_its_group, flush),
        cmocka_unit_test_setup(large_states_make_the_round_trip, flush),
        cmocka_unit_test_setup(a_large_batch_goes_in_several_calls, flush),
        cmocka_unit_test_setup(a_lost_answer_is_asked_for_again, flush),
        cmocka_unit_test_setup(a_rolled_back_redis_is_noticed, flush),
        cmocka_unit_test_setup(redis_dies_and_comes_back, flush),
        cmocka_unit_test_setup(removed_functions_come_back, flush),
        cmocka_unit_test_setup(positions_are_of_one_log, flush),
        cmocka_unit_test_setup(committed_is_what_every_partition_has, flush),
        cmocka_unit_test_setup(without_memory_it_waits, flush),
    };
    return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
