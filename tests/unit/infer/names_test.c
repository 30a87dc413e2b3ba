/*  names: what names hint at, and names made of them. */
#include "actors/infer/names.h"
#include <string.h>

#include "tests/unit/prep/cmocka_first.h"

static void expect(const char *text, const char *name)
{
    char made[NAMES_MAX];
    names_make(text, "value", made);
    assert_string_equal(made, name);
}

static void names_are_made(void **state)
{
    (void) state;
    expect("lastPrice", "last_price");
    expect("BTCUSDT", "btcusdt");
    expect("OBS_VALUE", "obs_value");
    expect("24h volume", "v24h_volume");
    expect("a~1b~0c", "a_b_c");
    expect("--x--y--", "x_y");
    expect("_x", "x");
    expect("", "value");
    expect("\xe4\xbb\xb7", "value");
    expect("select", "select_value"); // a word of SQL
    expect("ts", "ts_value");         // a column of ours
    expect("interval", "interval_value");
    expect("n", "n_value");
}

// However long a name is, what is made of it is a name.
static void long_names_are_cut(void **state)
{
    (void) state;
    char text[500], made[NAMES_MAX];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = '\0';
    names_make(text, "value", made);
    assert_true(strlen(made) < NAMES_MAX);
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = i % 2 ? 'B' : 'a';
    names_make(text, "value", made);
    assert_true(strlen(made) < NAMES_MAX);
}

static void names_hint(void **state)
{
    (void) state;
    assert_true(names_time("timestamp") > names_time("openTime"));
    assert_true(names_time("openTime") > 0);
    assert_true(names_time("TIME_PERIOD") > 0);
    assert_true(names_time("nextFundingTime") < 0);
    assert_true(names_time("nextFundingAt") < 0);
    assert_true(names_time("created_at") > 0);
    assert_int_equal(names_time("price"), 0);
    assert_int_equal(names_time("format"), 0);
    assert_int_equal(names_time("fundingRate"), 0);
    assert_true(names_key("symbol") > names_key("name"));
    assert_int_equal(names_key("bid"), 0);
    assert_true(names_identity("trade_id") > 0);
    assert_true(names_identity("orderId") > 0);
    assert_int_equal(names_identity("bid"), 0);
    assert_int_equal(names_identity("instId"), 0); // it tells series apart
    assert_true(names_value("price") > names_value("volume"));
    assert_true(names_rolling("volume24h"));
    assert_true(names_rolling("units_vol_24H"));
    assert_false(names_rolling("high24h"));
    assert_false(names_rolling("volume"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_made),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(names_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
