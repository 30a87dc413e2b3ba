/*  parse_memo: a tree that comes from another text of the same skeleton is the one that the parser
 *  gives, to the last place; and so is a refusal. */
#include "actors/rules/parse_memo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MEMORY = 1 << 24 };

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same(const syntax_t *a, const syntax_t *b);

static bool same_all(size_t count, const syntax_t *const *a, const syntax_t *const *b)
{
    for (size_t i = 0; i < count; i++)
        if (!same(a[i], b[i]))
            return false;
    return true;
}

static bool same_over(const over_t *a, const over_t *b)
{
    if (!a || !b)
        return a == b;
    return a->place == b->place && same_text(a->name, b->name) && a->by_rows == b->by_rows &&
           a->partition_count == b->partition_count && a->order_count == b->order_count &&
           same_all(a->partition_count, a->partition, b->partition) &&
           same_all(a->order_count, a->order, b->order) && same(a->from, b->from) &&
           same(a->to, b->to);
}

static bool same(const syntax_t *a, const syntax_t *b)
{
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && a->place == b->place && same_text(a->text, b->text) &&
           same_text(a->qualifier, b->qualifier) && a->negated == b->negated &&
           a->symmetric == b->symmetric && a->star == b->star && a->count == b->count &&
           same_all(a->count, a->operands, b->operands) && same_over(a->over, b->over);
}

// With what the memo knows by now.
static void check(parse_memo_t *memo, const char *text)
{
    arena_t *arena = arena_new(MEMORY);
    fault_t said = { 0 }, expected = { 0 };
    const syntax_t *made = parse_memo_condition(memo, arena, slice_text(text), &said);
    const syntax_t *parsed = parse_condition(arena, slice_text(text), &expected);
    if (!same(made, parsed))
        fail_msg("another tree: %s", text);
    if (!parsed && (strcmp(said.text, expected.text) != 0 || said.line != expected.line ||
                    said.column != expected.column))
        fail_msg("another refusal: %s: %s instead of %s", text, said.text, expected.text);
    arena_destroy(&arena);
}

static void constants_of_every_kind(void **state)
{
    (void) state;
    static const char *const texts[] = {
        "pair = 'BTCUSDT' AND close > 5",
        "pair = 'X' AND close > 123456789",
        "pair = '' AND close > 0",
        "pair = '-' AND close > 2147483647",
        "pair = 'it''s' AND close > 7",
        "pair = E'a\\n' AND close > 7",
        "pair = N'a' AND close > 7",
        "pair = U&'a' AND close > 7",
        "pair = B'1' AND close > 7",
        "a > -5",
        "a > -0",
        "a > -123",
        "a > - 5",
        "a > -(5)",
        "a > -(-5)",
        "a > - -5",
        "a > --5",
        "a > -5.5",
        "a > -0.0",
        "a > 007",
        "a > 1e5",
        "a > 1.5e5",
        "a > .5",
        "a > 5.",
        "a > 5.5.5",
        "a > 5x",
        "a > 0x1F",
        "a > 9999999999",
        "a > 5 /* 6 */",
        "a > 5 -- 6",
        "a > 5\n+ 6",
        "a > $1",
        "\"a\" > 5",
        "a::float(3) > 5",
        "a::float(30) > 5",
        "a::numeric(10, 2) > 5",
        "a::integer > 5",
        "avg(a) OVER (ORDER BY ts ROWS BETWEEN 20 PRECEDING AND 1 PRECEDING) > 5",
        "avg(a) OVER (ORDER BY ts ROWS BETWEEN 7 PRECEDING AND 1 PRECEDING) > 5",
        "avg(a) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '1 hour' PRECEDING AND INTERVAL '1 us' "
        "PRECEDING) > 5.25",
        "avg(a) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '20 s' PRECEDING AND INTERVAL '1 ms' "
        "PRECEDING) > 100.5",
        "avg(a) OVER (ORDER BY ts RANGE BETWEEN INTERVAL '1' HOUR PRECEDING AND INTERVAL '1 us' "
        "PRECEDING) > 5",
        "volume > 3 * avg(volume) OVER last_1h",
        "volume > 17 * avg(volume) OVER last_1h",
        "lag(close, 1) OVER rows_20 > 2",
        "lag(close, 11) OVER rows_20 > 22",
        "a IN (1, 2, 3)",
        "a IN (1, 2, 3.0)",
        "a IN (100, 20, 3)",
        "a BETWEEN SYMMETRIC 1 AND -2",
        "a BETWEEN SYMMETRIC 10 AND -20",
        "a NOT BETWEEN 1 AND 2 OR b LIKE 'x%' ESCAPE '#'",
        "a NOT BETWEEN 3 AND 4 OR b LIKE 'yy%' ESCAPE '!'",
        "CASE WHEN a > 1 THEN 2 ELSE 3 END > 4",
        "CASE WHEN a > 10 THEN 20 ELSE 30 END > 40",
        "CASE a WHEN 1 THEN 2 END IS NOT NULL",
        "extract(hour FROM ts) > 5",
        "extract('hour' FROM ts) > 5",
        "date_trunc('hour', ts) = TIMESTAMP '2020-01-01'",
        "date_trunc('minute', ts) = TIMESTAMP '2021-01-01'",
        "coalesce(a, 1) > greatest(2, 3) AND nullif(a, 4) IS DISTINCT FROM 5",
        "coalesce(a, 11) > greatest(22, 33) AND nullif(a, 44) IS DISTINCT FROM 55",
        "a > 1 AND NOT (b < 2 OR c = 3) AND d IS TRUE",
        "a > 5 AND",
        "a > 6 AND",
        "a > 5)",
        "(a > 66",
        "a >= ANY (5)",
        "a > (SELECT 5)",
        "'t'::boolean",
        "'f'::boolean",
        "true",
        "5",
        "'x'",
    };
    parse_memo_t *memo = parse_memo_new();
    for (int again = 0; again < 2; again++)
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
            check(memo, texts[i]);
    parse_memo_destroy(&memo);
}

// Texts of pieces, each piece several times with other constants: most are nonsense, and all are
// read as the parser reads them.
static void made_of_pieces(void **state)
{
    (void) state;
    static const char *const pieces[] = {
        "a",
        "b.c",
        "max",
        "E",
        "N",
        "interval",
        "float",
        "AND",
        "OR",
        "NOT",
        "IS",
        "IN",
        "LIKE",
        "NULL",
        "CASE",
        "WHEN",
        "THEN",
        "END",
        "OVER",
        "(",
        ")",
        ",",
        "-",
        "+",
        "*",
        "/",
        "<",
        ">",
        "=",
        "::",
        ".",
        "@",
        "&",
        " ",
        " ",
        " ",
        " ",
        "1",
        "23",
        "0",
        "07",
        "4.5",
        "0.0",
        ".5",
        "1e3",
        "'x'",
        "''",
        "'-5'",
        "9999999999",
        "e",
        "_",
        "B",
        "%",
        "|",
        "a > ",
        "a > 1",
        " AND b < 2.5",
        "(a - 5)",
        "-7",
        " = 'y'",
        "avg(a) OVER rows_5",
    };
    enum { PIECES = sizeof pieces / sizeof pieces[0], ROUNDS = 20000, MOST = 9 };
    parse_memo_t *memo = parse_memo_new();
    uint64_t random = 12345;
    for (int round = 0; round < ROUNDS; round++) {
        char text[256] = "";
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        int count = 1 + (int) (random >> 33) % MOST;
        for (int i = 0; i < count; i++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
            strcat(text, pieces[(random >> 33) % PIECES]);
        }
        check(memo, text);
    }
    parse_memo_destroy(&memo);
}

static void more_skeletons_than_are_kept(void **state)
{
    (void) state;
    parse_memo_t *memo = parse_memo_new();
    for (int i = 0; i < 5000; i++) {
        char text[32];
        snprintf(text, sizeof text, "c%d > %d", i, i);
        check(memo, text);
    }
    check(memo, "c0 > 77");
    check(memo, "c4999 > 77");
    parse_memo_destroy(&memo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constants_of_every_kind),
        cmocka_unit_test(made_of_pieces),
        cmocka_unit_test(more_skeletons_than_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
