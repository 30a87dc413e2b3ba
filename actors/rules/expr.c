/*  expr -- see expr.h: equal trees, and the digest of a verdict. */
#include "actors/rules/expr.h"

#include "proto/digest.h"

bool expr_same(const expr_t *a, const expr_t *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || a->index != b->index || a->count != b->count || a->type != b->type)
        return false;
    if (a->kind == EXPR_NUMBER && !mpq_equal(a->number->exact, b->number->exact))
        return false;
    if (a->kind == EXPR_TEXT && !slice_same(a->text, b->text))
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!expr_same(a->operands[i], b->operands[i]))
            return false;
    return true;
}

// ---- the digest -----------------------------------------------------------------------------

enum { VERDICT_VERSION = 1 }; // of this form

static void put_number(digest_t *out, uint64_t number)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t) (number >> 8 * i);
    digest_add(out, slice_of(bytes, sizeof bytes));
}

static void put_expr(digest_t *out, const table_plan_t *table, const expr_t *expr);

static void put_argument(digest_t *out, const table_plan_t *table, int index)
{
    put_number(out, index >= 0);
    if (index < 0)
        return;
    const argument_t *argument = &table->arguments[index];
    if (argument->column < 0) {
        put_expr(out, table, argument->expr);
        return;
    }
    put_number(out, EXPR_COLUMN);
    digest_add_sized(out, slice_text(table->columns[argument->column]));
}

static void put_aggregate(digest_t *out, const table_plan_t *table, const aggregate_t *aggregate)
{
    const window_spec_t *window = &table->windows[aggregate->window];
    put_number(out, aggregate->kind);
    put_number(out, window->by_rows);
    put_number(out, window->by_rows ? window->rows : (uint64_t) window->span_us);
    put_number(out, aggregate->offset);
    put_argument(out, table, aggregate->argument);
    put_argument(out, table, aggregate->argument2);
}

static void put_rational(digest_t *out, mpq_srcptr value)
{
    char *text = mpq_get_str(NULL, 16, value);
    void (*release)(void *, size_t);
    mp_get_memory_functions(NULL, NULL, &release);
    digest_add_sized(out, slice_text(text));
    release(text, strlen(text) + 1);
}

static void put_expr(digest_t *out, const table_plan_t *table, const expr_t *expr)
{
    put_number(out, expr->kind);
    put_number(out, expr->count);
    switch ((int) expr->kind) {
    case EXPR_NUMBER:
        put_rational(out, expr->number->exact);
        break;
    case EXPR_TEXT:
        digest_add_sized(out, expr->text);
        break;
    case EXPR_COLUMN:
        digest_add_sized(out, slice_text(table->columns[expr->index]));
        break;
    case EXPR_KEY:
        digest_add_sized(out, slice_text(table->keys[expr->index]));
        break;
    case EXPR_AGGREGATE:
        put_aggregate(out, table, &table->aggregates[expr->index]);
        break;
    default: // comparison, digits of round, field of ts, or 0
        put_number(out, (uint64_t) (int64_t) expr->index);
    }
    for (size_t i = 0; i < expr->count; i++)
        put_expr(out, table, expr->operands[i]);
}

static void put_types(digest_t *out, const expr_t *expr)
{
    put_number(out, expr->type);
    for (size_t i = 0; i < expr->count; i++)
        put_types(out, expr->operands[i]);
}

void expr_digest_argument(const table_plan_t *table, const expr_t *expr, uint8_t digest[32])
{
    digest_t out;
    digest_begin(&out);
    put_expr(&out, table, expr);
    put_types(&out, expr);
    digest_end(&out, digest);
}

void expr_digest(const table_plan_t *table, const expr_t *expr, const rule_t *rule,
                 const expr_t *resolve, uint8_t digest[32])
{
    _Static_assert(EXPR_IS_FALSE == 40 && EXPR_ROUND_EVEN == 41 && COMPARE_GREATER_EQUAL == 5 &&
                       FIELD_EPOCH == 14 && AGGREGATE_LAG == 14 && AGGREGATE_EMA == 19,
                   "alert ids hang on these numbers: append, never renumber");
    digest_t out;
    digest_begin(&out);
    put_number(&out, VERDICT_VERSION);
    digest_add_sized(&out, rule->on);
    digest_add_sized(&out, slice_text(rule->emit == RULE_EMIT_EDGE ? "edge" : "row"));
    put_number(&out, rule->min_rows);
    put_number(&out, rule->positive);
    put_expr(&out, table, expr);
    if (rule->freeze) { // others have the ids that they always had
        digest_add_sized(&out, slice_text("freeze"));
        if (resolve)
            put_expr(&out, table, resolve);
    }
    digest_end(&out, digest);
}
