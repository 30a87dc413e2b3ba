/*  checks -- conditions on values, exact. */
#include "actors/prep/checks.h"
#include "tests/unit/prep/cmocka_first.h"

static void conditions(void **state)
{
    (void) state;
    static const struct {
        const char *condition, *value;
        bool passes;
    } TABLE[] = {
        { ">= 0", "0", true },
        { ">= 0", "-0.000000000000000001", false },
        { ">=0", "1", true },
        { "> 0", "0", false },
        { "> 0", "1e-60", true },
        { "< 100", "100", false },
        { "< 100", "99.99999999999999", true },
        { "<= 1e3", "1000", true },
        { "<= 1e3", "1000.0000000000001", false },
        { "= 0.1", "0.10", true },
        { "= 0.1", "0.1000000000000001", false },
        { "!= 0", "0.0", false },
        { "<> 0", "1", true },
        { "between 0 and 100", "100", true },
        { "between 0 and 100", "0", true },
        { "BETWEEN 0 AND 100", "100.1", false },
        { "between -2 and -1", "-1.5", true },
        { "> 0 and < 1", "0.5", true },
        { "> 0 and < 1", "1", false },
        { "between 0 and 9 and != 5", "5", false },
        { "between 0 and 9 and != 5", "4", true },
        { "  >=   0  ", "1", true },
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        check_t check;
        decimal_t value;
        fault_t fault;
        if (!check_compile(&check, slice_text(TABLE[i].condition), &fault))
            fail_msg("%s", fault.text);
        assert_int_equal(decimal_parse(&value, TABLE[i].value, strlen(TABLE[i].value)),
                         DECIMAL_EXACT);
        if (check_passes(&check, value) != TABLE[i].passes)
            fail_msg("%s %s", TABLE[i].value, TABLE[i].condition);
        assert_true(check_passes(&check, DECIMAL_NULL));
    }
}

static void nonsense_is_refused(void **state)
{
    (void) state;
    static const char *const TABLE[] = {
        "",
        "0",
        "> ",
        "> x",
        ">= 0 or < 1",
        "between 0",
        "between 0 and",
        "=> 0",
        "> 0 and",
        "> 0 < 1",
        "> 0 and x",
        "!> 0",
        ">= 0,5",
        "is null",
        ">= 1234567890123456789012",
        "like 'x'",
        "> 1e400",
        "> 0 and > 0 and > 0 and > 0 and > 0",
    };
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) {
        check_t check;
        fault_t fault = { 0 };
        if (check_compile(&check, slice_text(TABLE[i]), &fault))
            fail_msg("'%s' was taken for a condition", TABLE[i]);
        assert_non_null(strstr(fault.text, "is no condition"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
