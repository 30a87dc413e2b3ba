/*  json_rows -- the second walk, through a document that is known to be good: to its rows. Pure. */
#include "actors/prep/json_inside.h"

// Call `step` for the members of an object or the elements of an array, with the spot of each
// value, until it returns true: enough.
typedef bool json_step_t(void *context, slice_t key, uint32_t index, spot_t at);

static inline __attribute__((always_inline)) void s_each(json_t *self, spot_t open,
                                                         json_step_t *step, void *context)
{
    const uint8_t *text = self->now.data; // in registers: nobody changes them meanwhile
    const uint32_t *starts = self->starts;
    const spot_t *links = json_links(self);
    bool object = text[starts[open.token]] == '{';
    uint8_t close = object ? '}' : ']';
    spot_t at = { open.token + 1, open.opened + 1 };
    if (text[starts[at.token]] == close)
        return;
    for (uint32_t index = 0;; index++, at.token++) {
        slice_t key = { 0 };
        if (object) {
            (void) json_string(self, at.token, &key); // it was good before
            at.token += 2;
        }
        if (step(context, key, index, at))
            return;
        uint8_t first = text[starts[at.token]];
        at = first == '{' || first == '[' ? links[at.opened] : (spot_t){ at.token + 1, at.opened };
        if (text[starts[at.token]] == close)
            return;
    }
}

typedef struct {
    json_t *json;
    const pointer_node_t *node;
    const pointer_node_t *last; // child that was there last
} taking_t;

static void s_take(json_t *self, spot_t at, const pointer_node_t *node);

static inline bool s_take_step(void *context, slice_t key, uint32_t index, spot_t at)
{
    taking_t *taking = context;
    const pointer_tree_t *tree = taking->json->tree;
    const pointer_node_t *child;
    if (key.data)
        child = pointer_tree_member(tree, taking->node, key, taking->last);
    else if (index < taking->node->elements)
        child = pointer_tree_element(tree, taking->node, index);
    else
        return true;
    if (!child)
        return false;
    taking->last = child;
    s_take(taking->json, at, child);
    return false;
}

static void s_take_scalar(json_t *self, uint32_t token, const pointer_node_t *node)
{
    slice_t text;
    switch (*json_start(self, token)) {
    case '"':
        (void) json_string(self, token, &text); // it was good before
        json_put(self, node, FIELD_TEXT, text);
        break;
    case 't':
        json_put(self, node, FIELD_TRUE, json_scalar_text(self, token));
        break;
    case 'f':
        json_put(self, node, FIELD_FALSE, json_scalar_text(self, token));
        break;
    case 'n':
        json_put(self, node, FIELD_NULL, json_scalar_text(self, token));
        break;
    default:
        json_put(self, node, FIELD_NUMBER, json_scalar_text(self, token));
    }
}

// What the tree wants of a value that is known to be good.
static void s_take(json_t *self, spot_t at, const pointer_node_t *node)
{
    uint8_t first = *json_start(self, at.token);
    if (first != '{' && first != '[') {
        s_take_scalar(self, at.token, node);
        return;
    }
    json_put(self, node, FIELD_CONTAINER, slice_of(json_start(self, at.token), 1));
    if (!node->child)
        return;
    taking_t taking = { self, node, NULL };
    s_each(self, at, s_take_step, &taking);
}

typedef struct {
    json_t *json;
    const pointer_t *rows;
    json_visit_t *visit;
    void *context;
    json_rows_t outcome;
    unsigned depth, star; // steps of `rows` behind us, and stars among them
    json_match_t matches[POINTER_STARS_MAX];
} descent_t;

static void s_descend(descent_t *descent, spot_t at);

static bool s_descend_step(void *context, slice_t key, uint32_t index, spot_t at)
{
    descent_t *descent = context;
    const pointer_token_t *step = &descent->rows->tokens[descent->depth];
    if (step->star)
        descent->matches[descent->star] = (json_match_t){ key, key.data ? 0 : index };
    else if (key.data ? !slice_same(key, step->text) : index != step->index)
        return false;
    descent->depth++;
    descent->star += step->star;
    s_descend(descent, at);
    descent->star -= step->star;
    descent->depth--;
    return !step->star || descent->outcome.stopped;
}

static void s_visit(descent_t *descent, spot_t at)
{
    json_t *self = descent->json;
    const uint8_t *start = json_start(self, at.token);
    bool scalar = *start != '{' && *start != '[';
    self->row = scalar ? json_scalar_text(self, at.token)
                       : slice_of(start, self->now.size - self->starts[at.token]);
    descent->outcome.reached = true;
    json_forget_fields(self);
    s_take(self, at, self->tree->nodes);
    descent->outcome.stopped = !descent->visit(descent->context, descent->matches);
}

// Down the steps of `rows`.
static void s_descend(descent_t *descent, spot_t at)
{
    const pointer_t *rows = descent->rows;
    if (descent->depth == rows->count) {
        s_visit(descent, at);
        return;
    }
    uint8_t first = *json_start(descent->json, at.token);
    if (first != '{' && first != '[')
        return; // a scalar has no members
    if (rows->tokens[descent->depth].star && descent->depth + 1 == rows->count)
        descent->outcome.reached = true; // even if it is empty
    s_each(descent->json, at, s_descend_step, descent);
}

json_rows_t json_rows(json_t *self, const pointer_t *rows, const pointer_tree_t *tree,
                      field_t *fields, json_visit_t *visit, void *context)
{
    descent_t descent = { .json = self, .rows = rows, .visit = visit, .context = context };
    self->tree = tree;
    self->fields = fields;
    if (self->count)
        s_descend(&descent, (spot_t){ 0 });
    return descent.outcome;
}
