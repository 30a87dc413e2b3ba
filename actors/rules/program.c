/*  program -- see program.h. */
#include "actors/rules/program.h"

#include <float.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS_MAX = RULE_NODES_MAX,
    STACK_MAX = RULE_DEPTH_MAX + 2, // operands that wait: at most one a level, and two to work on
};

typedef enum {
    STEP_LEAF,
    STEP_NUMBER,
    STEP_ADD,
    STEP_SUBTRACT,
    STEP_MULTIPLY,
    STEP_DIVIDE,
    STEP_NEGATE,
    STEP_ABS,
    STEP_COMPARE, // of the two on the stack: not true ends it
    STEP_TRUTH,   // of another tree: not true ends it
} step_kind_t;

// Small, and with all it needs: the programs of very many rules are run for each row.
typedef struct {
    uint8_t kind;
    uint8_t compare;
    uint16_t leaf;
    float error; // of `nearest`, rounded up
    union {
        double nearest; // of STEP_NUMBER
        const expr_t *truth;
    };
} step_t;

struct program {
    uint16_t column_count; // leaves before the aggregates
    uint16_t count;
    step_t steps[];
};

// ---- compiling --------------------------------------------------------------------------------

typedef struct {
    const table_plan_t *plan;
    size_t count;
    step_t steps[STEPS_MAX];
} listing_t;

static bool list(listing_t *self, step_t step)
{
    if (self->count == STEPS_MAX)
        return false;
    self->steps[self->count++] = step;
    return true;
}

// An error beyond floats is none that is known: the exact path decides then.
static step_t step_of(const number_t *number)
{
    float error = number->error > (double) FLT_MAX ? INFINITY : (float) number->error;
    return (step_t){ .kind = STEP_NUMBER,
                     .nearest = number->nearest,
                     .error =
                         (double) error < number->error ? nextafterf(error, INFINITY) : error };
}

static bool list_number(listing_t *self, const expr_t *expr)
{
    static const step_kind_t kinds[] = {
        [EXPR_NEGATE] = STEP_NEGATE,     [EXPR_ADD] = STEP_ADD,
        [EXPR_SUBTRACT] = STEP_SUBTRACT, [EXPR_MULTIPLY] = STEP_MULTIPLY,
        [EXPR_DIVIDE] = STEP_DIVIDE,     [EXPR_ABS] = STEP_ABS,
    };
    switch ((int) expr->kind) {
    case EXPR_NUMBER:
        return list(self, step_of(expr->number));
    case EXPR_COLUMN:
        return list(self, (step_t){ .kind = STEP_LEAF, .leaf = (uint16_t) expr->index });
    case EXPR_AGGREGATE:
        return list(
            self, (step_t){ .kind = STEP_LEAF,
                            .leaf = (uint16_t) (self->plan->column_count + (size_t) expr->index) });
    case EXPR_NUMERIC:
        return list_number(self, expr->operands[0]);
    case EXPR_NEGATE:
    case EXPR_ADD:
    case EXPR_SUBTRACT:
    case EXPR_MULTIPLY:
    case EXPR_DIVIDE:
    case EXPR_ABS:
        for (size_t i = 0; i < expr->count; i++)
            if (!list_number(self, expr->operands[i]))
                return false;
        return list(self, (step_t){ .kind = (uint8_t) kinds[expr->kind] });
    default:
        return false;
    }
}

static bool list_truth(listing_t *self, const expr_t *expr)
{
    size_t before = self->count;
    if (expr->kind == EXPR_AND) {
        for (size_t i = 0; i < expr->count; i++)
            if (!list_truth(self, expr->operands[i]))
                return false;
        return true;
    }
    if (expr->kind == EXPR_COMPARE && list_number(self, expr->operands[0]) &&
        list_number(self, expr->operands[1]))
        return list(self, (step_t){ .kind = STEP_COMPARE, .compare = (uint8_t) expr->index });
    self->count = before;
    return list(self, (step_t){ .kind = STEP_TRUTH, .truth = expr });
}

const program_t *program_new(const table_plan_t *plan, const expr_t *when, arena_t *arena)
{
    listing_t listing = { .plan = plan };
    if (!list_truth(&listing, when))
        return NULL;
    if (listing.count == 1 && listing.steps[0].kind == STEP_TRUTH)
        return NULL; // nothing that it could do better
    size_t bytes = listing.count * sizeof(step_t);
    program_t *self = arena_take(arena, sizeof *self + bytes);
    if (!self)
        return NULL;
    self->column_count = (uint16_t) plan->column_count;
    self->count = (uint16_t) listing.count;
    memcpy(self->steps, listing.steps, bytes);
    return self;
}

// ---- leaves -----------------------------------------------------------------------------------

bool leaves_begin(leaves_t *self, const table_plan_t *plan)
{
    size_t count = plan->column_count + plan->aggregate_count;
    if (count > self->capacity) {
        leaf_t *leaves = realloc(self->leaves, count * sizeof *leaves);
        if (!leaves)
            return false;
        self->leaves = leaves;
        memset(leaves + self->capacity, 0, (count - self->capacity) * sizeof *leaves);
        self->capacity = count;
    }
    self->row++; // the first is 1: what is zeroed is of no row
    return true;
}

void leaves_close(leaves_t *self)
{
    free(self->leaves);
    *self = (leaves_t){ 0 };
}

static __attribute__((noinline)) void take_leaf(const program_t *self, const frame_t *frame,
                                                uint16_t index, leaf_t *leaf)
{
    if (index < self->column_count) {
        leaf->known = estimate_decimal(frame->columns[index], &leaf->estimate);
        return;
    }
    double value, error;
    leaf->known = frame->source->approximate(
        frame->window_state, (unsigned) (index - self->column_count), &value, &error);
    if (leaf->known == APPROXIMATE_VALUE)
        leaf->known = estimate_give(&leaf->estimate, value, error);
}

// ---- running ----------------------------------------------------------------------------------

// By compare_t: for which orders it holds, -1, 0 and 1 as bits 0, 1 and 2.
static const uint8_t orders[] = {
    [COMPARE_EQUAL] = 2,      [COMPARE_UNEQUAL] = 1 | 4, [COMPARE_LESS] = 1,
    [COMPARE_LESS_EQUAL] = 3, [COMPARE_GREATER] = 4,     [COMPARE_GREATER_EQUAL] = 2 | 4,
};

static inline program_truth_t compare(const step_t *step, estimate_t a, estimate_t b)
{
    bool equal;
    int order = estimate_order(a, b, &equal);
    if (order == 0 && !equal)
        return PROGRAM_UNSURE;
    return orders[step->compare] >> (order + 1) & 1 ? PROGRAM_TRUE : PROGRAM_NOT_TRUE;
}

// NULL anywhere makes its comparison NULL, and so the condition not true.
program_truth_t program_run(const program_t *self, const frame_t *frame, leaves_t *leaves)
{
    estimate_t stack[STACK_MAX], *top = stack; // behind the last
    for (const step_t *step = self->steps; step < self->steps + self->count; step++) {
        approximate_t known = APPROXIMATE_VALUE;
        program_truth_t truth = PROGRAM_TRUE;
        leaf_t *leaf;
        switch ((step_kind_t) step->kind) {
        case STEP_LEAF:
            leaf = &leaves->leaves[step->leaf];
            if (leaf->row != leaves->row) {
                take_leaf(self, frame, step->leaf, leaf);
                leaf->row = leaves->row;
            }
            known = leaf->known;
            *top++ = leaf->estimate;
            break;
        case STEP_NUMBER:
            *top++ = estimate_of(step->nearest, (double) step->error);
            break;
        case STEP_ADD:
            top--;
            top[-1] = estimate_sum(top[-1], top[0]);
            break;
        case STEP_SUBTRACT:
            top--;
            top[0].value = -top[0].value;
            top[-1] = estimate_sum(top[-1], top[0]);
            break;
        case STEP_MULTIPLY:
            top--;
            top[-1] = estimate_product(top[-1], top[0]);
            break;
        case STEP_DIVIDE:
            top--;
            known = estimate_quotient(top[-1], top[0], &top[-1]);
            break;
        case STEP_NEGATE:
            top[-1].value = -top[-1].value;
            break;
        case STEP_ABS:
            top[-1].value = fabs(top[-1].value);
            break;
        case STEP_COMPARE:
            top -= 2;
            truth = compare(step, top[0], top[1]);
            break;
        case STEP_TRUTH:
            truth =
                evaluate_truth(step->truth, frame) == TRUTH_TRUE ? PROGRAM_TRUE : PROGRAM_NOT_TRUE;
            break;
        }
        if (known != APPROXIMATE_VALUE)
            return known == APPROXIMATE_NULL ? PROGRAM_NOT_TRUE : PROGRAM_UNSURE;
        if (truth != PROGRAM_TRUE)
            return truth;
    }
    return PROGRAM_TRUE;
}
