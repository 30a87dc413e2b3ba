/*  exposition: figures under their names, each name once; and what the table holds. */
#include "broker/metrics/exposition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "broker/metrics/metrics_table.h"
#include "proto/owned.h"

static void streams_of_a_collector(void **state)
{
    (void) state;
    owned(exposition_destroy) exposition_t *self = exposition_new("collector");
    owned(buffer_destroy) buffer_t out = { 0 };
    const store_field_t one[] = { { "records", "18446744073709551615" },
                                  { "lag_s", "7" },
                                  { "state", "collecting" },
                                  { "rows", "1" } };
    const store_field_t two[] = { { "records", "2" }, { "lag_s", "" }, { "bytes", "1x" } };
    for (int turn = 0; turn < 2; turn++) { // nothing of the first turn is left
        exposition_begin(self);
        exposition_add(self, "a", one, sizeof one / sizeof *one);
        exposition_add(self, "b.c", two, sizeof two / sizeof *two);
        exposition_end(self, &out);
        assert_string_equal(
            buffer_string(&out),
            "# HELP tidewire_collector_records_total Records staged.\n"
            "# TYPE tidewire_collector_records_total counter\n"
            "tidewire_collector_records_total{stream=\"a\"} 18446744073709551615\n"
            "tidewire_collector_records_total{stream=\"b.c\"} 2\n"
            "# HELP tidewire_collector_lag_seconds For how long the oldest record that is not "
            "committed has been durable.\n"
            "# TYPE tidewire_collector_lag_seconds gauge\n"
            "tidewire_collector_lag_seconds{stream=\"a\"} 7\n");
    }
}

static void units(void **state)
{
    (void) state;
    owned(exposition_destroy) exposition_t *self = exposition_new("transform");
    owned(buffer_destroy) buffer_t out = { 0 };
    const store_field_t fields[] = { { "checkpoint_ms", "1234" } };
    exposition_begin(self);
    exposition_add(self, NULL, fields, 1);
    exposition_end(self, &out);
    assert_non_null(
        strstr(buffer_string(&out), "\ntidewire_transform_checkpoint_age_seconds 1.234\n"));
}

static void the_table_is_in_order(void **state)
{
    (void) state;
    for (size_t i = 0; i < metrics_table_count; i++) {
        const metric_row_t *row = &metrics_table[i];
        size_t size = strlen(row->name), role = strlen(row->role);
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz_"), size);
        assert_true(strncmp(row->name, row->role, role) == 0 && row->name[role] == '_');
        bool total = size > 6 && strcmp(row->name + size - 6, "_total") == 0;
        assert_int_equal(total, row->type == METRIC_COUNTER);
        assert_true(row->unit > 0 && row->help[0] && !strpbrk(row->help, "\\\n"));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(metrics_table[j].name, row->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_of_a_collector),
        cmocka_unit_test(units),
        cmocka_unit_test(the_table_is_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
