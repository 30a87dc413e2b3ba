/*  keeper_fixture -- what the tests of the keeper share: workers, what they hold, and the keeper.
 */
#pragma once
#include "tests/unit/broker/store_fixture.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "actors/collector/keeper.h"
#include "broker/held/copies.h"
#include "broker/runtime/life.h"
#include "broker/store_held.h"

enum { WAIT_MS = 20000 };

static char root[64];
static keeper_log_t told;

static inline int setup(void **state)
{
    (void) state;
    redis("FLUSHALL > /dev/null");
    strcpy(root, "/tmp/tw-keeper-XXXXXX");
    assert_non_null(mkdtemp(root));
    told = (keeper_log_t){ .stream = "s", .mark = 77, .log = { "s", 1, 1 } };
    return 0;
}

static inline int teardown(void **state)
{
    (void) state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

// ---- what workers do ------------------------------------------------------------------------

typedef struct {
    store_t *store;
    store_id_t tokens[PARTITIONS], heads[PARTITIONS];
    unsigned next;
} workers_t;

static inline void claim(workers_t *self)
{
    partitions_t all;
    memset(all.bits, 0xff, sizeof all.bits);
    expect(self->store, store_claim_all(self->store, "w", 60000, self->tokens, &all), STORE_OK);
}

// One commit of every partition up to this record: a delta, and an alert each of some.
static inline void commit(workers_t *self, uint64_t seq, unsigned alerts)
{
    static store_commit_t commits[PARTITIONS];
    static store_alert_t alert[PARTITIONS];
    static char ids[PARTITIONS][33], deltas[PARTITIONS][32];
    store_status_t status[PARTITIONS];
    store_offset_t offset = { slice_text("s"), seq, 0 };
    for (unsigned p = 0; p < PARTITIONS; p++) {
        snprintf(ids[p], sizeof ids[p], "%024x%08x", (unsigned) seq, p);
        snprintf(deltas[p], sizeof deltas[p], "delta %u of %u", (unsigned) seq, p);
        alert[p] =
            (store_alert_t){ slice_text(ids[p]), slice_text("alert/r/s/"), slice_text("body") };
        commits[p] = (store_commit_t){ .partition = p,
                                       .token = self->tokens[p],
                                       .previous = self->heads[p],
                                       .mine = store_id_new(),
                                       .delta = slice_text(deltas[p]),
                                       .offsets = &offset,
                                       .offset_count = 1,
                                       .alerts = &alert[p],
                                       .alert_count = p < alerts };
    }
    expect(self->store, store_commit_send(self->store, commits, PARTITIONS), STORE_OK);
    expect(self->store, store_commit_take(self->store, status, PARTITIONS), STORE_OK);
    for (unsigned p = 0; p < PARTITIONS; p++) {
        assert_int_equal(status[p], STORE_OK);
        self->heads[p] = commits[p].mine;
    }
}

static inline void make_base(workers_t *self, unsigned partition, size_t pieces, uint64_t drop)
{
    static uint8_t piece[BASE_PIECE_BYTES];
    store_id_t base = store_id_new(), mine = store_id_new();
    for (size_t i = 0; i < pieces; i++) {
        memset(piece, (int) ('a' + i), sizeof piece);
        expect(self->store,
               store_base_put(self->store, partition, self->tokens[partition], base, (unsigned) i,
                              slice_of(piece, i + 1 < pieces ? sizeof piece : 1000)),
               STORE_OK);
    }
    expect(self->store,
           store_base_swap(self->store, partition, self->tokens[partition], self->heads[partition],
                           mine, base, (unsigned) pieces, drop),
           STORE_OK);
    self->heads[partition] = mine;
}

// What a new owner would load, as one text: its sum.
typedef struct {
    uint64_t sum, seq;
} state_t;

static inline void add_bytes(state_t *to, slice_t bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        to->sum = to->sum * 31 + bytes.data[i];
    to->sum = to->sum * 31 + 257;
}

static inline void on_offset(void *context, const store_offset_t *offset)
{
    state_t *to = context;
    assert_true(slice_is(offset->stream, "s"));
    to->seq = offset->seq;
}

static inline bool on_bytes(void *context, slice_t bytes)
{
    add_bytes(context, bytes);
    return true;
}

static inline void load_all(store_t *store, state_t states[PARTITIONS])
{
    static const store_load_t load = { on_offset, on_bytes, on_bytes };
    for (unsigned p = 0; p < PARTITIONS; p++) {
        store_id_t head;
        size_t base, journal;
        uint64_t count;
        states[p] = (state_t){ 0 };
        expect(store, store_load(store, p, &load, &states[p], &head, &base, &journal, &count),
               STORE_OK);
    }
}

// ---- the keeper -----------------------------------------------------------------------------

static inline keeper_t *keep(int64_t every_us)
{
    fault_t fault;
    keeper_t *keeper = keeper_new(open_store("tw"), root, "tw", "c", &fault);
    assert_non_null(keeper);
    keeper_configure(keeper, every_us);
    keeper_tell(keeper, 0, &told);
    return keeper;
}

// What the collector's loop does once a second.
static inline void tick(keeper_t *keeper)
{
    keeper_tell(keeper, 0, &told);
    keeper_gone(keeper); // look at once
    pause_ms(20);
}

static inline void wait_floor(keeper_t *keeper, uint64_t floor)
{
    for (int ms = 0; keeper_floor(keeper, "s") != floor; ms += 20, tick(keeper)) {
        if (ms > WAIT_MS)
            fail_msg("the floor stays at %llu: %s", (unsigned long long) keeper_floor(keeper, "s"),
                     keeper_report(keeper).error.text);
    }
}

// A note with this text; returns its text.
static inline const char *wait_note(keeper_t *keeper, const char *message)
{
    static keeper_note_t note;
    for (int ms = 0; ms < WAIT_MS; ms += 20, tick(keeper)) {
        while (keeper_take_note(keeper, &note)) {
            if (strstr(note.message, message))
                return note.text;
            print_message("note: %s %s\n", note.message, note.text);
        }
    }
    fail_msg("no note: %s; %s", message, keeper_report(keeper).error.text);
    return "";
}

static inline size_t copies_there(int64_t created_us[COPIES_LIST_MAX])
{
    fault_t fault;
    size_t count = 0;
    int directory = copies_enter(root, "tw", "c", false, &fault);
    if (directory < 0)
        return 0;
    assert_true(copies_list(directory, created_us, &count));
    close(directory);
    return count;
}

// Two copies of what Redis holds now, and no further ones.
static inline void hold(uint64_t floor)
{
    keeper_t *keeper = keep(1);
    wait_floor(keeper, floor);
    keeper_destroy(&keeper);
}

static inline void flip(int64_t created_us)
{
    char path[160], name[COPIES_NAME_BYTES];
    uint8_t byte;
    copies_name(name, created_us);
    snprintf(path, sizeof path, "%s/tw.held/c/%s", root, name);
    int file = open(path, O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(pread(file, &byte, 1, 5000), 1);
    byte ^= 4;
    assert_int_equal(pwrite(file, &byte, 1, 5000), 1);
    close(file);
}
