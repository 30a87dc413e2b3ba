/*  alert_queue_test -- alerts leave in order, in parts, each once. */
#include "actors/transform/alert_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void add(alert_queue_t *queue, unsigned number)
{
    char series[32];
    snprintf(series, sizeof series, "t:s%u", number);
    alert_t alert = {
        .id = { { (uint8_t) (number >> 8), (uint8_t) number } },
        .kind = "alert",
        .seq = number,
        .rule = slice_text("spike"),
        .severity = slice_text("warning"),
        .series = slice_text(series),
        .when = slice_text("x > 1"),
        .stream = slice_text("c"),
        .record_seq = 1,
    };
    alert_queue_add(queue, &alert, number % 3);
}

static void check(const store_alert_t *alert, unsigned number)
{
    char id[16], topic[96];
    snprintf(id, sizeof id, "%02x%02x", number >> 8, number & 255);
    snprintf(topic, sizeof topic, "alert/spike/t:s%u/", number);
    assert_int_equal(alert->id.size, 32);
    assert_memory_equal(alert->id.data, id, 4);
    assert_true(slice_is(alert->topic, topic));
    assert_true(alert->body.size > 50);
}

static void leaves_in_parts_and_in_order(void **state)
{
    (void) state;
    alert_queue_t queue = { .first = 0 };
    store_alert_t part[7];
    unsigned added = 0, left = 0;
    for (int round = 0; round < 200; round++) {
        for (int n = 0; n < round % 11; n++)
            add(&queue, added++);
        size_t count = alert_queue_front(&queue, part, 7, SIZE_MAX);
        assert_int_equal(count, added - left < 7 ? added - left : 7);
        size_t of_second = 0;
        for (size_t i = 0; i < count; i++)
            of_second += (left + i) % 3 == 1;
        assert_int_equal(alert_queue_count(&queue, count, 1), of_second);
        for (size_t i = 0; i < count; i++)
            check(&part[i], left + (unsigned) i);
        alert_queue_drop(&queue, count);
        left += (unsigned) count;
        assert_int_equal(alert_queue_waiting(&queue), added - left);
    }
    while (alert_queue_waiting(&queue) > 0) {
        assert_int_equal(alert_queue_front(&queue, part, 1, SIZE_MAX), 1);
        check(&part[0], left++);
        alert_queue_drop(&queue, 1);
    }
    assert_int_equal(left, added);
    assert_int_equal(queue.bytes.size, 0); // memory is used again once all have left
    assert_false(queue.failed);
    alert_queue_destroy(&queue);
}

static void a_part_has_so_many_bytes(void **state)
{
    (void) state;
    alert_queue_t queue = { .first = 0 };
    store_alert_t part[7];
    for (unsigned n = 0; n < 5; n++)
        add(&queue, 20 + n);
    size_t each = queue.bytes.size / 5;
    assert_int_equal(alert_queue_front(&queue, part, 7, 3 * each), 3);
    assert_int_equal(alert_queue_front(&queue, part, 7, 4 * each - 1), 3);
    assert_int_equal(alert_queue_front(&queue, part, 7, 1), 1); // or nothing would ever leave
    assert_int_equal(alert_queue_front(&queue, part, 2, SIZE_MAX), 2);
    alert_queue_destroy(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_in_parts_and_in_order),
        cmocka_unit_test(a_part_has_so_many_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
