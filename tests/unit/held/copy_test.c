/*  Copies on the disk: whole or not at all, and no damage goes unseen. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "broker/held/copies.h"
#include "broker/held/copy_reader.h"
#include "broker/held/copy_writer.h"
#include "proto/owned.h"

static char root[32];

static int setup(void **state)
{
    (void) state;
    strcpy(root, "/tmp/tw-copy-XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    (void) state;
    char command[64];
    snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static copy_head_t head_of(int64_t created_us)
{
    copy_head_t head = { .created_us = created_us, .log_count = 1 };
    memset(head.id, 7, sizeof head.id);
    head.logs[0] = (copy_log_t){ "s", 0xdeadbeef };
    return head;
}

static void put(copy_writer_t *writer, copy_kind_t kind, uint64_t number, const char *const *items)
{
    buffer_t body = { 0 };
    copy_list_t list = copy_list_begin(&body, number, 0);
    for (; *items; items++)
        copy_list_add(&list, slice_text(*items));
    copy_list_end(&list);
    (void) copy_writer_put(writer, kind, &body);
    buffer_destroy(&body);
}

#define PUT(writer, kind, number, ...)                                                             \
    put(writer, kind, number, (const char *const[]){ __VA_ARGS__, NULL })

static void put_partition(copy_writer_t *writer, unsigned partition)
{
    char seq[16];
    snprintf(seq, sizeof seq, "%u", 100 + partition);
    if (partition == 3) {
        PUT(writer, COPY_PARTITION, 3, "off:s", seq, "sent:s", "4", "nb", "2", "jn", "3");
        PUT(writer, COPY_BASE, 3, "piece 0", "piece 1");
        PUT(writer, COPY_JOURNAL, 3, "one", "two");
        PUT(writer, COPY_JOURNAL, 3, "three");
        return;
    }
    PUT(writer, COPY_PARTITION, partition, "off:s", seq, "nb", "0");
}

static copy_writer_t *begin(int64_t created_us)
{
    fault_t fault;
    copy_head_t head = head_of(created_us);
    copy_writer_t *writer = copy_writer_new(root, "tw", "c", &head, &fault);
    if (!writer)
        print_message("%s\n", fault.text);
    return writer;
}

// All of one copy. False with fault.
static bool make(int64_t created_us, fault_t *fault)
{
    owned(copy_writer_destroy) copy_writer_t *writer = begin(created_us);
    if (!writer)
        return fault_set(fault, "not begun");
    for (unsigned p = 0; p < PARTITIONS; p++)
        put_partition(writer, p);
    PUT(writer, COPY_OUTBOX, 2, "id", "topic", "body");
    PUT(writer, COPY_KNOWN, 0, "a", "b", "c");
    PUT(writer, COPY_KEY, 1, "subscriber:x", "webhook", "http://y/");
    return copy_writer_finish(writer, fault);
}

static int directory(void)
{
    fault_t fault;
    return copies_enter(root, "tw", "c", false, &fault);
}

static copy_reader_t *open_copy(int64_t created_us, fault_t *fault)
{
    int at = directory();
    copy_reader_t *reader = copy_reader_open(at, created_us, fault);
    close(at);
    return reader;
}

static void what_was_written_is_read(void **state)
{
    (void) state;
    fault_t fault;
    assert_true(make(1000, &fault));
    owned(copy_reader_destroy) copy_reader_t *reader = open_copy(1000, &fault);
    assert_non_null(reader);
    assert_int_equal(copy_reader_head(reader)->logs[0].mark, 0xdeadbeef);
    const position_t *positions = copy_reader_positions(reader);
    assert_int_equal(position_floor(positions, "s"), 100);
    assert_int_equal(position_find(&positions[3], "s")->sent, 4);
    assert_int_equal(position_find(&positions[255], "s")->seq, 355);
    size_t section = copy_reader_partition(reader, 3);
    static const copy_kind_t kinds[] = { COPY_PARTITION, COPY_BASE, COPY_JOURNAL, COPY_JOURNAL };
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(copy_reader_kind(reader, section + i), kinds[i]);
    slice_t body, item;
    copy_items_t items;
    assert_true(copy_reader_body(reader, section + 2, &body, &fault));
    assert_true(copy_items_read(&items, body));
    assert_true(copy_items_next(&items, &item) && slice_is(item, "one"));
    assert_true(copy_items_next(&items, &item) && slice_is(item, "two"));
    assert_false(copy_items_next(&items, &item));
    assert_true(copy_items_good(&items));
}

// Every bit counts, and every byte: cut anywhere, flipped anywhere, it is refused.
static void damage_anywhere_is_seen(void **state)
{
    (void) state;
    fault_t fault;
    static uint8_t bytes[64 << 10];
    assert_true(make(1000, &fault));
    char path[128];
    snprintf(path, sizeof path, "%s/tw.held/c/00000000000000001000.copy", root);
    int file = open(path, O_RDONLY);
    ssize_t size = read(file, bytes, sizeof bytes);
    close(file);
    assert_in_range(size, 1000, sizeof bytes - 1);
    for (ssize_t i = 0; i < size; i++) {
        int flipped = memfd_create("flipped", 0), cut = memfd_create("cut", 0);
        bytes[i] ^= (uint8_t) (1 << i % 8);
        assert_int_equal(write(flipped, bytes, (size_t) size), size);
        assert_null(copy_reader_take(flipped, &fault));
        bytes[i] ^= (uint8_t) (1 << i % 8);
        assert_int_equal(write(cut, bytes, (size_t) i), i);
        assert_null(copy_reader_take(cut, &fault));
        assert_true(fault.text[0]);
    }
    int longer = memfd_create("longer", 0);
    assert_int_equal(write(longer, bytes, (size_t) size), size);
    assert_int_equal(write(longer, "x", 1), 1);
    assert_null(copy_reader_take(longer, &fault));
}

// Sections with good checksums that do not say what they should.
static void what_is_missing_is_seen(void **state)
{
    (void) state;
    fault_t fault;
    for (int lack = 0; lack < 6; lack++) {
        owned(copy_writer_destroy) copy_writer_t *writer = begin(2000);
        for (unsigned p = 0; p < PARTITIONS; p++) {
            if (lack == 0 && p == 200)
                continue; // a partition
            if (p != 3)
                put_partition(writer, lack == 1 && p == 9 ? 8 : p); // twice
            else if (lack == 2)
                PUT(writer, COPY_PARTITION, 3, "off:s", "5", "nb", "1", "jn", "0"); // a piece
            else if (lack == 3)
                PUT(writer, COPY_PARTITION, 3, "off:s", "5", "jn", "1"); // a delta
            else if (lack == 4)
                PUT(writer, COPY_PARTITION, 3, "off:s", "five"); // a number
            else
                put_partition(writer, p);
        }
        if (lack == 5)
            PUT(writer, COPY_OUTBOX, 0, "id", "topic"); // a body
        assert_true(copy_writer_finish(writer, &fault));
        assert_null(open_copy(2000, &fault));
    }
}

// ---- failing disks --------------------------------------------------------------------------

static int countdown; // calls until one fails; < 0: none does

static bool fails(void)
{
    errno = ENOSPC;
    return countdown >= 0 && countdown-- == 0;
}

static ssize_t bad_write(int file, const void *data, size_t size)
{
    return fails() ? -1 : write(file, data, size > 100 ? 100 : size);
}

static int bad_flush(int file)
{
    return fails() ? -1 : fsync(file);
}

static int bad_rename(int at, const char *from, const char *to)
{
    return fails() ? -1 : renameat(at, from, at, to);
}

// Whichever call fails: it is told, the older copy is there, and nothing else.
static void a_disk_that_fails_leaves_the_older_copy(void **state)
{
    (void) state;
    fault_t fault;
    copy_calls_t good = copy_calls;
    assert_true(make(1000, &fault));
    copy_calls = (copy_calls_t){ bad_write, bad_flush, bad_rename };
    bool made = false;
    int tries = 0;
    for (; !made; tries++) {
        countdown = tries;
        made = make(3000, &fault);
        int64_t there[COPIES_LIST_MAX];
        size_t count;
        int at = directory();
        assert_true(copies_list(at, there, &count));
        close(at);
        assert_int_equal(count, made ? 2 : 1);
        assert_int_equal(there[0], made ? 3000 : 1000);
        if (made)
            continue;
        owned(copy_reader_destroy) copy_reader_t *reader = open_copy(1000, &fault);
        assert_non_null(reader);
    }
    copy_calls = good;
    assert_in_range(tries, 256, 10000); // every section, and flush and rename
}

static void copies_are_listed_and_removed(void **state)
{
    (void) state;
    fault_t fault;
    int64_t there[COPIES_LIST_MAX];
    size_t count;
    assert_int_equal(directory(), -1);
    assert_true(make(1000, &fault) && make(5000, &fault) && make(3000, &fault));
    owned(copy_writer_destroy) copy_writer_t *unfinished = begin(9000);
    int at = directory();
    close(openat(at, "0000000000000000001x.copy", O_CREAT | O_WRONLY, 0600));
    assert_true(copies_list(at, there, &count));
    assert_int_equal(count, 3);
    assert_int_equal(there[0], 5000);
    assert_int_equal(there[2], 1000);
    assert_true(copies_remove(at, 3000));
    assert_true(copies_remove(at, 3000));
    assert_true(copies_list(at, there, &count));
    assert_int_equal(count, 2);
    close(at);
    assert_non_null(unfinished);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read, setup, teardown),
        cmocka_unit_test_setup_teardown(damage_anywhere_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_missing_is_seen, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_fails_leaves_the_older_copy, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_are_listed_and_removed, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
