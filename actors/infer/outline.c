/*  outline -- see outline.h. */
#include "actors/infer/outline.h"

#include <stdio.h>
#include <string.h>

#include "proto/decimal.h"
#include "proto/owned.h"

enum {
    MAP_ENTRIES_LEAST = 3,  // fewer objects side by side are members with a name each
    SCALAR_MAP_LEAST = 8,   // the same for numbers
    UNDERSCORES_LEAST = 24, // the same where only underscores say so
    GRANDCHILDREN_MAX = 64, // names of members told apart when objects are compared
    TOKEN_MAX = 2 * 128,    // bytes of a member's name, escaped
};

static outline_node_t *s_node(outline_t *self, outline_node_t *parent, const char *token)
{
    if (self->node_count == OUTLINE_NODES_MAX) {
        self->cut = true;
        return NULL;
    }
    outline_node_t *node = arena_take(self->arena, sizeof *node);
    if (!node)
        return NULL;
    self->node_count++;
    node->token = token;
    node->parent = parent;
    if (!parent)
        return node;
    node->depth = parent->depth + 1;
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    return node;
}

static void s_count(outline_t *self, outline_node_t *node, const field_t *field)
{
    decimal_t value;
    decimal_result_t parsed;
    switch (field->kind) {
    case FIELD_CONTAINER:
        if (field->text.data[0] == '{')
            node->count.objects++;
        else
            node->count.arrays++;
        return;
    case FIELD_NUMBER:
        node->count.numbers++;
        break;
    case FIELD_TEXT:
        parsed = decimal_parse(&value, (const char *) field->text.data, field->text.size);
        if (parsed == DECIMAL_EXACT || parsed == DECIMAL_ROUNDED)
            node->count.numerals++;
        else
            node->count.texts++;
        break;
    case FIELD_FALSE:
    case FIELD_TRUE:
        node->count.flags++;
        return;
    case FIELD_MISSING:
    case FIELD_NULL:
    case FIELD_TWICE:
        node->count.nulls++;
        return;
    }
    slice_t text = field->text;
    if (text.size > OUTLINE_SAMPLE_MAX)
        text.size = OUTLINE_SAMPLE_MAX;
    if (!node->sample)
        node->sample = arena_text(self->arena, text);
}

// ---- asking for members -------------------------------------------------------------------------

typedef struct {
    outline_t *outline;
    outline_node_t *node;
    unsigned star;       // which match tells members of the node apart
    unsigned members;    // told apart so far
    field_t field;       // the member itself
    outline_node_t rest; // counts members beyond those
} ask_t;

// A name as a token of a pointer: '~' and '/' escaped. False: too long, or it would be a star.
static bool s_token(slice_t key, char token[TOKEN_MAX + 1])
{
    size_t size = 0;
    for (size_t i = 0; i < key.size; i++) {
        uint8_t byte = key.data[i];
        if (size + 2 > TOKEN_MAX || byte < ' ' || byte == 0x7f)
            return false;
        if (byte == '~' || byte == '/')
            token[size++] = '~';
        token[size++] = byte == '~' ? '0' : byte == '/' ? '1' : (char) byte;
    }
    token[size] = '\0';
    return strcmp(token, "*") != 0;
}

static outline_node_t *s_member(ask_t *ask, const json_match_t *match)
{
    char token[TOKEN_MAX + 1];
    if (!match->key.data && match->index >= OUTLINE_MEMBERS_MAX)
        return &ask->rest; // long lists need not be searched
    if (!match->key.data)
        snprintf(token, sizeof token, "%u", match->index);
    else if (!s_token(match->key, token))
        return &ask->rest;
    for (outline_node_t *child = ask->node->first; child; child = child->next)
        if (strcmp(child->token, token) == 0)
            return child;
    if (ask->members == OUTLINE_MEMBERS_MAX)
        return &ask->rest;
    const char *copy = arena_text(ask->outline->arena, slice_text(token));
    outline_node_t *child = copy ? s_node(ask->outline, ask->node, copy) : NULL;
    if (!child)
        return &ask->rest;
    ask->members++;
    child->index = !match->key.data;
    return child;
}

static bool s_visit_member(void *context, const json_match_t *matches)
{
    ask_t *ask = context;
    s_count(ask->outline, s_member(ask, &matches[ask->star]), &ask->field);
    return true;
}

// Visit `place` (of a node) + `more`, with the node found there in *field.
static bool s_ask(outline_t *self, documents_t *documents, const outline_node_t *node,
                  const char *more, field_t *field, json_visit_t *visit, void *context)
{
    owned(buffer_destroy) buffer_t place = { 0 };
    fault_t fault;
    bool short_enough = outline_place(node, self->root, &place);
    buffer_text(&place, more);
    owned(pointer_destroy) pointer_t *rows =
        short_enough ? pointer_new(buffer_slice(&place), &fault) : NULL;
    owned(pointer_destroy) pointer_t *itself = pointer_new(slice_text(""), &fault);
    if (!rows || !itself) {
        self->cut = true;
        return false;
    }
    pointer_tree_t tree;
    pointer_tree_begin(&tree);
    pointer_tree_add(&tree, itself, 0);
    bool all = documents_visit(documents, rows, &tree, field, visit, context);
    self->cut |= !all;
    return all;
}

// ---- alike or not -------------------------------------------------------------------------------

typedef struct {
    unsigned names;
    char name[GRANDCHILDREN_MAX][TOKEN_MAX + 1];
    uint64_t containers; // of the members
    uint64_t seen;       // members of all objects
    unsigned star;       // the match that is a member's name
    bool many;           // more names than room
    field_t field;
} compare_t;

static bool s_visit_grandchild(void *context, const json_match_t *matches)
{
    compare_t *self = context;
    char token[TOKEN_MAX + 1];
    self->seen++;
    self->containers += self->field.kind == FIELD_CONTAINER;
    if (!matches[self->star].key.data || !s_token(matches[self->star].key, token))
        return true;
    for (unsigned i = 0; i < self->names; i++)
        if (strcmp(self->name[i], token) == 0)
            return true;
    if (self->names == GRANDCHILDREN_MAX) {
        self->many = true;
        return true;
    }
    strcpy(self->name[self->names++], token); // NOLINT: of the same size
    return true;
}

// Do the objects in this node have the same members, by and large? Are its arrays lists?
static bool s_members_alike(outline_t *self, documents_t *documents, const outline_node_t *node,
                            const outline_node_t *sum)
{
    compare_t *compare = arena_take(self->arena, sizeof *compare);
    if (!compare)
        return false;
    compare->star = outline_stars(node) + 1; // the second of those that are asked for
    if (!s_ask(self, documents, node, "/*/*", &compare->field, s_visit_grandchild, compare))
        return false;
    if (sum->count.arrays > 0)
        return sum->count.objects == 0 && 2 * compare->containers > compare->seen;
    return !compare->many && compare->names > 0 &&
           2 * compare->seen >= (uint64_t) compare->names * sum->count.objects;
}

// Do the names look like data: all codes in capitals, or all with the same sign inside? Names of
// parts have underscores too; of those it takes many.
static bool s_names_alike(const outline_node_t *node)
{
    static const char joints[] = { ':', '~', '-', '_' }; // '~': an escaped '/'
    enum { JOINTS = sizeof joints };
    bool capitals = true, joint[JOINTS] = { true, true, true, true };
    unsigned count = 0;
    for (const outline_node_t *child = node->first; child; child = child->next, count++) {
        for (const char *at = child->token; *at; at++)
            capitals &= (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9');
        for (int i = 0; i < JOINTS; i++)
            joint[i] &= strchr(child->token, joints[i]) != NULL;
    }
    joint[JOINTS - 1] &= count >= UNDERSCORES_LEAST;
    return capitals || joint[0] || joint[1] || joint[2] || joint[3];
}

// Are the members entries of a list or map rather than parts with a meaning each?
static bool s_is_collection(outline_t *self, documents_t *documents, const outline_node_t *node,
                            const outline_node_t *sum, bool many)
{
    uint64_t containers = outline_containers(sum), scalars = outline_scalars(sum);
    if (node->count.arrays > node->count.objects)
        return 2 * containers > scalars || many;
    unsigned with = 0, without = 0, numbers = 0;
    for (const outline_node_t *child = node->first; child; child = child->next) {
        with += outline_containers(child) > 0;
        without += outline_containers(child) == 0;
        numbers += child->count.numbers + child->count.numerals > 0;
    }
    if (with == 0)
        return numbers >= SCALAR_MAP_LEAST && numbers == without && s_names_alike(node);
    if (with < MAP_ENTRIES_LEAST || with < 4 * without)
        return false;
    return s_members_alike(self, documents, node, sum);
}

static void s_add(outline_node_t *sum, const outline_node_t *node)
{
    sum->count.objects += node->count.objects;
    sum->count.arrays += node->count.arrays;
    sum->count.numbers += node->count.numbers;
    sum->count.numerals += node->count.numerals;
    sum->count.texts += node->count.texts;
    sum->count.flags += node->count.flags;
    sum->count.nulls += node->count.nulls;
    if (!sum->sample)
        sum->sample = node->sample;
}

static void s_explore(outline_t *self, documents_t *documents, outline_node_t *node)
{
    if (outline_containers(node) == 0)
        return;
    if (node->depth == OUTLINE_DEPTH_MAX) {
        self->cut = true;
        return;
    }
    ask_t ask = { .outline = self, .node = node, .star = outline_stars(node) };
    s_ask(self, documents, node, "/*", &ask.field, s_visit_member, &ask);
    outline_node_t sum = { 0 };
    for (const outline_node_t *child = node->first; child; child = child->next)
        s_add(&sum, child);
    s_add(&sum, &ask.rest);
    bool many = outline_all(&ask.rest) > 0;
    if (s_is_collection(self, documents, node, &sum, many)) {
        node->first = node->last = NULL;
        outline_node_t *star = s_node(self, node, "*");
        if (!star)
            return;
        s_add(star, &sum);
        star->star = true;
    } else {
        self->cut |= many;
    }
    for (outline_node_t *child = node->first; child; child = child->next)
        s_explore(self, documents, child);
}

static bool s_visit_root(void *context, const json_match_t *matches)
{
    (void) matches;
    ask_t *ask = context;
    s_count(ask->outline, ask->node, &ask->field);
    return true;
}

bool outline_read(outline_t *self, documents_t *documents, arena_t *arena)
{
    *self = (outline_t){ .arena = arena };
    self->root = s_node(self, NULL, "");
    if (!self->root)
        return false;
    ask_t ask = { .outline = self, .node = self->root };
    s_ask(self, documents, self->root, "", &ask.field, s_visit_root, &ask);
    s_explore(self, documents, self->root);
    return !arena_failed(arena);
}

bool outline_place(const outline_node_t *node, const outline_node_t *above, buffer_t *out)
{
    const outline_node_t *steps[OUTLINE_DEPTH_MAX + 1];
    unsigned count = 0;
    for (; node && node != above; node = node->parent)
        steps[count++] = node;
    while (count > 0) {
        buffer_text(out, "/");
        buffer_text(out, steps[--count]->token);
    }
    return !out->failed && out->size + 4 <= POINTER_BYTES_MAX;
}
