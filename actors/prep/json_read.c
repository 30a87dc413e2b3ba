/*  json_read -- the first walk through a document: is all of it JSON? Pure. */
#include <assert.h>

#include "actors/prep/json_inside.h"

enum { LINKS_AT_ONCE = 1024 }; // room is made for so many

// Past the digits at `at`: eight at a time while so many bytes are left.
static inline const uint8_t *s_digits(const uint8_t *at, const uint8_t *end)
{
    for (; end - at >= 8; at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        word ^= 0x3030303030303030;                                       // a digit becomes 0 to 9
        word = (word | (word + 0x7676767676767676)) & 0x8080808080808080; // marks what is none
        if (word)
            return at + __builtin_ctzll(word) / 8;
    }
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

// The kind of a scalar that is no string. Most are plain numbers, which are seen here.
static inline field_kind_t s_scalar_kind(const json_t *self, slice_t text)
{
    const uint8_t *limit = self->now.data + self->now.size; // of what may be read
    const uint8_t *at = text.data + (text.data[0] == '-'), *end = text.data + text.size;
    const uint8_t *point = s_digits(at, limit), *last = point;
    if (point < end && *point == '.')
        last = s_digits(point + 1, limit);
    bool plain = last == end && point > at && (*at != '0' || point == at + 1) && last != point + 1;
    return plain ? FIELD_NUMBER : json_scalar(text);
}

static uint32_t s_unexpected(json_t *self, uint32_t token)
{
    if (token < self->count)
        return json_fail(self, json_start(self, token), "unexpected text");
    return json_fail(self, self->now.data + self->now.size, "no closing bracket at the end");
}

// Number a bracket that opens; the caller puts its link. False: no memory.
static inline bool s_open(json_t *self, uint32_t *number)
{
    *number = self->opened++;
    if (self->opened * sizeof(spot_t) <= self->links.size)
        return true;
    self->no_memory = !buffer_extend(&self->links, LINKS_AT_ONCE * sizeof(spot_t));
    return !self->no_memory;
}

// ---- the first walk: what nobody wants ------------------------------------------------------

// The brackets that are open, as s_pass goes through them.
typedef struct {
    uint32_t numbers[JSON_DEPTH_MAX];
    uint64_t objects; // which of them are objects, the innermost in the lowest bit
    int open;
} brackets_t;

static inline uint32_t s_push(json_t *self, brackets_t *brackets, uint32_t token, bool object)
{
    if (brackets->open == JSON_DEPTH_MAX)
        return json_fail(self, json_start(self, token), "nested too deeply");
    if (!s_open(self, &brackets->numbers[brackets->open++]))
        return JSON_FAILED;
    brackets->objects = brackets->objects << 1 | object;
    return token + 1;
}

static inline uint32_t s_pop(json_t *self, brackets_t *brackets, uint32_t token)
{
    json_links(self)[brackets->numbers[--brackets->open]] = (spot_t){ token + 1, self->opened };
    brackets->objects >>= 1;
    return token + 1;
}

// A scalar. The token after it.
static inline uint32_t s_pass_scalar(json_t *self, uint32_t token, uint8_t first)
{
    slice_t text;
    if (first == '"')
        return !self->escapes || json_string(self, token, &text) ? token + 1 : JSON_FAILED;
    bool good =
        token < self->count && s_scalar_kind(self, json_scalar_text(self, token)) != FIELD_MISSING;
    return good ? token + 1 : s_unexpected(self, token);
}

// A value with all it holds; `depth` brackets are open around it. The token after it.
static uint32_t s_pass(json_t *self, uint32_t token, int depth)
{
    const uint8_t *text = self->now.data; // in registers: nobody changes them meanwhile
    const uint32_t *starts = self->starts;
    uint32_t count = self->count;
    brackets_t brackets = { .open = depth };
    for (;;) {
        uint8_t first = token < count ? text[starts[token]] : 0;
        bool opens = first == '{' || first == '[';
        token = opens ? s_push(self, &brackets, token, first == '{')
                      : s_pass_scalar(self, token, first);
        if (token == JSON_FAILED)
            return JSON_FAILED;
        uint8_t next = token < count ? text[starts[token]] : 0;
        while (brackets.open > depth && next == (brackets.objects & 1 ? '}' : ']')) {
            opens = false;
            token = s_pop(self, &brackets, token);
            next = token < count ? text[starts[token]] : 0;
        }
        if (brackets.open == depth)
            return token;
        if (!opens && next != ',') // a comma, but not behind a bracket that just opened
            return s_unexpected(self, token);
        token += !opens;
        if (!(brackets.objects & 1))
            continue;
        if (token >= count || text[starts[token]] != '"')
            return s_unexpected(self, token);
        if (token + 1 >= count || text[starts[token + 1]] != ':')
            return s_unexpected(self, token + 1);
        if (s_pass_scalar(self, token, '"') == JSON_FAILED)
            return JSON_FAILED;
        token += 2;
    }
}

// ---- the first walk: what is wanted ---------------------------------------------------------

static uint32_t s_check(json_t *self, uint32_t token, const pointer_node_t *node, int depth);

static uint32_t s_check_object(json_t *self, uint32_t open, const pointer_node_t *node, int depth)
{
    uint32_t token = open + 1;
    if (json_first(self, token) == '}')
        return token + 1;
    for (;; token++) {
        slice_t name;
        if (json_first(self, token) != '"')
            return s_unexpected(self, token);
        if (json_first(self, token + 1) != ':')
            return s_unexpected(self, token + 1);
        if (!json_string(self, token, &name))
            return JSON_FAILED;
        token = s_check(self, token + 2, pointer_tree_member(self->tree, node, name, NULL), depth);
        if (token == JSON_FAILED)
            return JSON_FAILED;
        uint8_t next = json_first(self, token);
        if (next == '}')
            return token + 1;
        if (next != ',')
            return s_unexpected(self, token);
    }
}

static uint32_t s_check_array(json_t *self, uint32_t open, const pointer_node_t *node, int depth)
{
    uint32_t token = open + 1;
    if (json_first(self, token) == ']')
        return token + 1;
    for (uint32_t index = 0;; index++, token++) {
        const pointer_node_t *child =
            index < node->elements ? pointer_tree_element(self->tree, node, index) : NULL;
        token = s_check(self, token, child, depth);
        if (token == JSON_FAILED)
            return JSON_FAILED;
        uint8_t next = json_first(self, token);
        if (next == ']')
            return token + 1;
        if (next != ',')
            return s_unexpected(self, token);
    }
}

static uint32_t s_check_scalar(json_t *self, uint32_t token, const pointer_node_t *node)
{
    slice_t text;
    if (token >= self->count)
        return s_unexpected(self, token);
    if (json_first(self, token) == '"') {
        if (!json_string(self, token, &text))
            return JSON_FAILED;
        json_put(self, node, FIELD_TEXT, text);
        return token + 1;
    }
    text = json_scalar_text(self, token);
    field_kind_t kind = s_scalar_kind(self, text);
    if (kind == FIELD_MISSING)
        return s_unexpected(self, token);
    json_put(self, node, kind, text);
    return token + 1;
}

// A value with all it holds; `node` NULL: nothing of it is wanted. The token after it.
static uint32_t s_check(json_t *self, uint32_t token, const pointer_node_t *node, int depth)
{
    uint8_t first = json_first(self, token);
    uint32_t number;
    if (!node)
        return s_pass(self, token, depth);
    if (first != '{' && first != '[')
        return s_check_scalar(self, token, node);
    if (depth == JSON_DEPTH_MAX)
        return json_fail(self, json_start(self, token), "nested too deeply");
    if (!s_open(self, &number))
        return JSON_FAILED;
    json_put(self, node, FIELD_CONTAINER, slice_of(json_start(self, token), 1));
    uint32_t end = first == '{' ? s_check_object(self, token, node, depth + 1)
                                : s_check_array(self, token, node, depth + 1);
    json_links(self)[number] = (spot_t){ end, self->opened };
    return end;
}

static json_result_t s_index(json_t *self, size_t from, json_fault_t *fault)
{
    json_flaw_t flaw = JSON_FLAW_UNCLOSED;
    switch (json_index_build(self->index, self->now)) {
    case JSON_INDEX_GOOD:
        self->starts = json_index_starts(self->index, &self->count);
        return JSON_GOOD;
    case JSON_INDEX_NO_MEMORY:
        return JSON_NO_MEMORY;
    case JSON_INDEX_EMPTY:
        *fault = (json_fault_t){ from + self->now.size, "empty" };
        return JSON_BAD;
    case JSON_INDEX_UTF8:
        flaw = JSON_FLAW_UTF8;
        fault->what = "not UTF-8";
        break;
    case JSON_INDEX_CONTROL:
        flaw = JSON_FLAW_CONTROL;
        fault->what = "a control character inside a string";
        break;
    case JSON_INDEX_UNCLOSED:
        fault->what = "a string without end";
        break;
    }
    fault->at = from + json_locate(flaw, self->now);
    return JSON_BAD;
}

// For the strings that will be unescaped, each at most once in each of the two walks.
static bool s_make_room(json_t *self)
{
    self->escapes = self->padded && memchr(self->now.data, '\\', self->now.size);
    buffer_clear(&self->escaped);
    if (self->escapes && !buffer_extend(&self->escaped, 2 * (self->now.size + JSON_INDEX_PADDING)))
        return false;
    self->escaped_next = self->escaped.data;
    return true;
}

json_result_t json_read(json_t *self, size_t from, size_t to, const pointer_tree_t *tree,
                        field_t *fields, size_t *end, json_fault_t *fault)
{
    assert(from <= to && to <= self->text.size);
    self->now = slice_of(self->text.data + from, to - from);
    self->tree = tree;
    self->fields = fields;
    self->row = self->now;
    self->no_memory = false;
    self->count = self->opened = 0;
    buffer_clear(&self->links);
    json_forget_fields(self);
    json_result_t result = s_index(self, from, fault);
    if (result != JSON_GOOD)
        return result;
    if (!s_make_room(self))
        return JSON_NO_MEMORY;
    uint32_t next = s_check(self, 0, tree->nodes, 0);
    if (next != JSON_FAILED) {
        *end = from + self->starts[next];
        return JSON_GOOD;
    }
    self->count = 0; // no rows in it
    if (self->no_memory)
        return JSON_NO_MEMORY;
    *fault = (json_fault_t){ from + (size_t) (self->flaw - self->now.data), self->what };
    return JSON_BAD;
}
