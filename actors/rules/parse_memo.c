/*  parse_memo -- see parse_memo.h. A template is the tree of the first text of its skeleton, with
 *  places in the key instead of the text; a constant's text there tells only its sign. */
#include "actors/rules/parse_memo.h"

#include <stdlib.h>

#include "actors/rules/skeleton.h"
#include "proto/owned.h"

enum {
    BUCKETS = 1024,
    TEMPLATES_MAX = 4096,
    MEMO_BYTES_MAX = 32 << 20, // of all templates
};

typedef struct template template_t;
struct template
{
    template_t *next;
    slice_t key;
    const syntax_t *tree; // NULL: of this skeleton each text has to be parsed
};

struct parse_memo {
    arena_t *arena;
    size_t count;
    template_t *buckets[BUCKETS];
    skeleton_t skeleton; // of the text at hand
};

parse_memo_t *parse_memo_new(void)
{
    owned(parse_memo_destroy) parse_memo_t *self = calloc(1, sizeof *self);
    if (!self || !(self->arena = arena_new(MEMO_BYTES_MAX)))
        return NULL;
    parse_memo_t *given = self;
    self = NULL;
    return given;
}

void parse_memo_destroy(parse_memo_t **self_p)
{
    if (!*self_p)
        return;
    arena_destroy(&(*self_p)->arena);
    free(*self_p);
    *self_p = NULL;
}

// ---- copies of trees --------------------------------------------------------------------------

// Both ways: a tree to a template, and a template to the tree of another text.
typedef struct {
    arena_t *arena;
    const skeleton_t *skeleton;
    bool make;        // the template, that is
    size_t constants; // met so far
    bool met[SKELETON_CONSTANTS_MAX];
} copier_t;

static bool copy_place(const copier_t *self, int from, int *to)
{
    *to = from;
    if (from >= 0)
        *to = self->make ? skeleton_find(self->skeleton, from) : self->skeleton->place[from];
    return from < 0 || *to >= 0;
}

static bool is_constant(const syntax_t *node)
{
    return node->kind == SYNTAX_NUMBER || node->kind == SYNTAX_STRING;
}

// Does the parser give the constant its text, with a minus in front where it stands behind one?
static bool check_constant(const skeleton_constant_t *constant, int at, const syntax_t *node)
{
    bool behind = constant->at != at, string = constant->kind == SKELETON_STRING;
    const char *text = node->text + (behind && *node->text == '-');
    return string == (node->kind == SYNTAX_STRING) && !(string && behind) &&
           behind == (text != node->text) && slice_is(constant->text, text);
}

static bool copy_constant(copier_t *self, const syntax_t *from, syntax_t *to)
{
    int at = self->make ? to->place : from->place;
    const skeleton_constant_t *constant = skeleton_constant(self->skeleton, at);
    if (at < 0 || !constant)
        return false;
    if (self->make) {
        size_t which = (size_t) (constant - self->skeleton->constants);
        bool first = !self->met[which];
        self->met[which] = true;
        self->constants++;
        return first && check_constant(constant, at, from);
    }
    bool negative = constant->at != at;
    if (negative && slice_is(constant->text, "0"))
        return false; // of which there is no negative
    to->text = arena_printf(self->arena, "%s%.*s", negative ? "-" : "", (int) constant->text.size,
                            (const char *) constant->text.data);
    return to->text != NULL;
}

static syntax_t *copy(copier_t *self, const syntax_t *from);

static bool copy_all(copier_t *self, size_t count, const syntax_t *const *from,
                     const syntax_t ***to)
{
    const syntax_t **list = arena_take(self->arena, (count ? count : 1) * sizeof *list);
    *to = list;
    for (size_t i = 0; list && i < count; i++)
        if (from[i] && !(list[i] = copy(self, from[i])))
            return false;
    return list != NULL;
}

static const over_t *copy_over(copier_t *self, const over_t *from)
{
    over_t *to = arena_take(self->arena, sizeof *to);
    if (!to)
        return NULL;
    *to = *from;
    if (from->name && self->make && !(to->name = arena_text(self->arena, slice_text(from->name))))
        return NULL;
    if (!copy_place(self, from->place, &to->place) ||
        !copy_all(self, from->partition_count, from->partition, &to->partition) ||
        !copy_all(self, from->order_count, from->order, &to->order) ||
        (from->from && !(to->from = copy(self, from->from))) ||
        (from->to && !(to->to = copy(self, from->to))))
        return NULL;
    return to;
}

// Words live as long as the memo.
static bool copy_words(const copier_t *self, syntax_t *to)
{
    if (!self->make)
        return true;
    if (to->text && !(to->text = arena_text(self->arena, slice_text(to->text))))
        return false;
    return !to->qualifier ||
           (to->qualifier = arena_text(self->arena, slice_text(to->qualifier))) != NULL;
}

static syntax_t *copy(copier_t *self, const syntax_t *from)
{
    syntax_t *to = arena_take(self->arena, sizeof *to);
    if (!to)
        return NULL;
    *to = *from;
    if (!copy_place(self, from->place, &to->place) || !copy_words(self, to) ||
        !copy_all(self, from->count, from->operands, &to->operands) ||
        (from->over && !(to->over = copy_over(self, from->over))) ||
        (is_constant(from) && !copy_constant(self, from, to)))
        return NULL;
    return to;
}

// ---- the memo ---------------------------------------------------------------------------------

static template_t **bucket_of(parse_memo_t *self)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325); // FNV-1a
    for (size_t i = 0; i < self->skeleton.size; i++)
        hash = (hash ^ self->skeleton.key[i]) * UINT64_C(0x100000001b3);
    return &self->buckets[(hash ^ hash >> 32) % BUCKETS];
}

static const template_t *find(const parse_memo_t *self, const template_t *from)
{
    slice_t key = slice_of(self->skeleton.key, self->skeleton.size);
    while (from && !slice_same(from->key, key))
        from = from->next;
    return from;
}

static void add(parse_memo_t *self, template_t **bucket, const syntax_t *tree)
{
    if (self->count == TEMPLATES_MAX || arena_failed(self->arena))
        return; // without: what follows is parsed
    copier_t copier = { .arena = self->arena, .skeleton = &self->skeleton, .make = true };
    template_t *made = arena_take(self->arena, sizeof *made);
    char *key = arena_text(self->arena, slice_of(self->skeleton.key, self->skeleton.size));
    const syntax_t *copied = copy(&copier, tree);
    if (!made || !key || arena_failed(self->arena))
        return;
    // A constant that left no trace in the tree has become part of something else in it.
    bool good = copied && copier.constants == self->skeleton.constant_count;
    *made = (template_t){ .next = *bucket,
                          .key = slice_of(key, self->skeleton.size),
                          .tree = good ? copied : NULL };
    *bucket = made;
    self->count++;
}

const syntax_t *parse_memo_condition(parse_memo_t *self, arena_t *arena, slice_t text,
                                     fault_t *fault)
{
    if (!self || !skeleton_read(&self->skeleton, text))
        return parse_condition(arena, text, fault);
    template_t **bucket = bucket_of(self);
    const template_t *known = find(self, *bucket);
    if (known && known->tree) {
        copier_t copier = { .arena = arena, .skeleton = &self->skeleton };
        const syntax_t *made = copy(&copier, known->tree);
        if (made || arena_failed(arena))
            return made;
    }
    const syntax_t *tree = parse_condition(arena, text, fault);
    if (tree && !known)
        add(self, bucket, tree);
    return tree;
}
