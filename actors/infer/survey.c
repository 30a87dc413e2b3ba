/*  survey -- see survey.h: the table, and rows of JSON in it. */
#include "actors/infer/survey.h"

#include <stdio.h>

#include "proto/owned.h"

enum {
    DEPTH_MAX = 4,        // steps below the row
    NESTED_ELEMENTS = 4,  // of an array inside a row
    ROW_ELEMENTS = 40,    // of a row that is an array
    DOCUMENT_LEAVES = 16, // beside the rows
};

void survey_put(survey_t *self, size_t row, unsigned leaf, field_kind_t kind, slice_t text)
{
    field_t *cell = &self->cells[row * self->leaf_count + leaf];
    if (text.size > SURVEY_TEXT_MAX)
        text.size = SURVEY_TEXT_MAX;
    char *copy = kind == FIELD_NUMBER || kind == FIELD_TEXT ? arena_text(self->arena, text) : NULL;
    cell->kind = kind;
    cell->text = copy ? slice_of(copy, text.size) : (slice_t){ 0 };
}

// ---- which places there are ---------------------------------------------------------------------

static void s_add_leaf(survey_t *self, leaf_kind_t kind, const outline_node_t *node,
                       const outline_node_t *above)
{
    owned(buffer_destroy) buffer_t place = { 0 };
    if (self->leaf_count == SURVEY_LEAVES_MAX)
        return;
    buffer_text(&place, kind == LEAF_DOCUMENT ? "^" : "");
    if (!outline_place(node, above, &place))
        return;
    const outline_node_t *named = node;
    while (named != above && named->index)
        named = named->parent;
    const outline_node_t *parent = named == above ? above : named->parent;
    bool has_name = parent != above && !parent->index && !parent->star;
    survey_leaf_t *leaf = &self->leaves[self->leaf_count];
    *leaf = (survey_leaf_t){
        .kind = kind,
        .place = arena_text(self->arena, buffer_slice(&place)),
        .name = named == above ? "" : named->token,
        .above = has_name ? parent->token : "",
        .positional = node->index,
    };
    self->leaf_count += leaf->place != NULL;
}

// The scalars below a node that are told apart, in order.
static void s_add_leaves(survey_t *self, leaf_kind_t kind, const outline_node_t *node,
                         const outline_node_t *above, unsigned depth)
{
    if (outline_scalars(node) > node->count.nulls)
        s_add_leaf(self, kind, node, above);
    if (depth == DEPTH_MAX || (node->first && node->first->star))
        return;
    unsigned elements = 0;
    for (const outline_node_t *child = node->first; child; child = child->next) {
        if (child->index && ++elements > (node == above ? ROW_ELEMENTS : NESTED_ELEMENTS))
            return;
        s_add_leaves(self, kind, child, above, depth + 1);
    }
}

static void s_add_matches(survey_t *self, const outline_node_t *rows)
{
    unsigned stars = outline_stars(rows);
    for (unsigned i = 0; i < stars && self->leaf_count < SURVEY_LEAVES_MAX; i++) {
        char *place = arena_printf(self->arena, "~%u", i + 1);
        self->leaves[self->leaf_count] = (survey_leaf_t){ LEAF_MATCH, place, "", "", false };
        self->leaf_count += place != NULL;
    }
}

// Scalars of the document on the way to the rows and beside it, not in them.
static void s_add_beside(survey_t *self, const outline_node_t *node, const outline_t *outline,
                         const outline_node_t *rows, unsigned *left)
{
    for (const outline_node_t *child = node->first; child && *left > 0; child = child->next) {
        if (child->star || child == rows || child->index)
            continue;
        if (outline_scalars(child) > child->count.nulls) {
            s_add_leaf(self, LEAF_DOCUMENT, child, outline->root);
            --*left;
        }
        if (child->depth < DEPTH_MAX)
            s_add_beside(self, child, outline, rows, left);
    }
}

// ---- the rows -----------------------------------------------------------------------------------

typedef struct {
    survey_t *survey;
    field_t fields[SURVEY_LEAVES_MAX];
} walk_t;

static bool s_visit_row(void *context, const json_match_t *matches)
{
    walk_t *self = context;
    survey_t *survey = self->survey;
    if (survey->row_count == SURVEY_ROWS_MAX)
        return false;
    unsigned star = 0;
    for (unsigned i = 0; i < survey->leaf_count; i++) {
        switch (survey->leaves[i].kind) {
        case LEAF_ROW:
            survey_put(survey, survey->row_count, i, self->fields[i].kind, self->fields[i].text);
            break;
        case LEAF_MATCH:
            survey_put(survey, survey->row_count, i,
                       matches[star].key.data ? FIELD_TEXT : FIELD_MISSING, matches[star].key);
            star++;
            break;
        case LEAF_DOCUMENT:
            break; // filled in afterwards
        }
    }
    survey->row_count++;
    return true;
}

static bool s_visit_document(void *context, const json_match_t *matches)
{
    (void) matches;
    walk_t *self = context;
    survey_t *survey = self->survey;
    for (size_t row = 0; row < survey->row_count; row++)
        for (unsigned i = 0; i < survey->leaf_count; i++)
            if (survey->leaves[i].kind == LEAF_DOCUMENT)
                survey_put(survey, row, i, self->fields[i].kind, self->fields[i].text);
    return false; // the first document is the only one
}

// Visit `rows` with the leaves of one kind in the tree.
static bool s_walk(walk_t *self, documents_t *documents, slice_t rows_text, leaf_kind_t kind,
                   json_visit_t *visit)
{
    survey_t *survey = self->survey;
    pointer_t *pointers[SURVEY_LEAVES_MAX] = { 0 };
    fault_t fault;
    owned(pointer_destroy) pointer_t *rows = pointer_new(rows_text, &fault);
    pointer_tree_t tree;
    pointer_tree_begin(&tree);
    bool good = rows != NULL;
    for (unsigned i = 0; i < survey->leaf_count; i++) {
        if (survey->leaves[i].kind != kind)
            continue;
        const char *place = survey->leaves[i].place + (kind == LEAF_DOCUMENT);
        pointers[i] = pointer_new(slice_text(place), &fault);
        good &= pointers[i] && pointer_tree_add(&tree, pointers[i], (int) i) == (int) i;
    }
    if (good)
        (void) documents_visit(documents, rows, &tree, self->fields, visit, self);
    for (unsigned i = 0; i < survey->leaf_count; i++)
        pointer_destroy(&pointers[i]);
    return good;
}

bool survey_json(survey_t *self, documents_t *documents, const outline_t *outline,
                 const outline_node_t *rows, arena_t *arena)
{
    *self = (survey_t){ .arena = arena };
    owned(buffer_destroy) buffer_t place = { 0 };
    unsigned left = DOCUMENT_LEAVES;
    s_add_matches(self, rows);
    if (rows != outline->root && documents->count == 1)
        s_add_beside(self, outline->root, outline, rows, &left);
    s_add_leaves(self, LEAF_ROW, rows, rows, 0);
    self->cells = arena_take(arena, (size_t) SURVEY_ROWS_MAX * SURVEY_LEAVES_MAX * sizeof(field_t));
    if (!self->cells || !outline_place(rows, outline->root, &place))
        return false;
    walk_t walk = { .survey = self };
    return s_walk(&walk, documents, buffer_slice(&place), LEAF_ROW, s_visit_row) &&
           s_walk(&walk, documents, slice_text(""), LEAF_DOCUMENT, s_visit_document) &&
           !arena_failed(arena);
}
