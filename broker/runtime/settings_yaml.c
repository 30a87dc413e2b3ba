/*  settings_yaml -- see settings_tree.h; the only file that includes libyaml. */
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "broker/runtime/settings_expand.h"
#include "broker/runtime/settings_tree.h"
#include "proto/buffer.h"

typedef struct {
    yaml_parser_t parser;
    yaml_event_t event; // the one being looked at
    bool held;          // it has to be given back
    const char *text;
    size_t size;
    size_t index, at; // the character and byte that were last looked at
    int line;         // its line, which begins at byte `line_start`
    size_t line_start;
    int node_count;
    arena_t *arena;
    fault_t *fault;
    buffer_t expanded;
} reader_t;

// ---- places -------------------------------------------------------------------------------

// Does the character that begins at `at` end a line? As libyaml counts lines.
static bool s_ends_line(const reader_t *self, size_t at)
{
    const char *p = self->text + at;
    size_t left = self->size - at;
    return *p == '\n' || (*p == '\r' && !(left > 1 && p[1] == '\n')) ||
           (left > 1 && memcmp(p, "\xc2\x85", 2) == 0) ||
           (left > 2 && (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0));
}

static void s_step(reader_t *self)
{
    bool ends = s_ends_line(self, self->at);
    do
        self->at++;
    while (self->at < self->size && ((unsigned char) self->text[self->at] & 0xc0) == 0x80);
    self->index++;
    if (ends) {
        self->line++;
        self->line_start = self->at;
    }
}

static void s_rewind(reader_t *self)
{
    self->index = self->at = self->line_start = 0;
    self->line = 1;
}

// libyaml counts characters, our places are in bytes. Marks nearly always rise, so that the
// walk goes on from the last one.
static void s_place(reader_t *self, yaml_mark_t mark, int *line, int *column)
{
    if (mark.index < self->index)
        s_rewind(self);
    while (self->index < mark.index && self->at < self->size)
        s_step(self);
    *line = self->line;
    *column = (int) (self->at - self->line_start) + 1;
}

static bool s_refuse(reader_t *self, yaml_mark_t mark, const char *why)
{
    int line, column;
    s_place(self, mark, &line, &column);
    return fault_set_at(self->fault, line, column, "%s", why);
}

// Where the characters of a scalar begin: behind the quote, or on the line after | and >. The
// node was made just now: the walk stands at its mark.
static void s_place_text(reader_t *self, node_t *node)
{
    size_t at = self->at;
    switch (self->event.data.scalar.style) {
    case YAML_SINGLE_QUOTED_SCALAR_STYLE:
    case YAML_DOUBLE_QUOTED_SCALAR_STYLE:
        node->column++;
        return;
    case YAML_LITERAL_SCALAR_STYLE:
    case YAML_FOLDED_SCALAR_STYLE:
        while (at < self->size && !s_ends_line(self, at))
            at++;
        at++; // more than one byte only for exotic line ends, where no harm is done
        node->line++;
        for (node->column = 1; at < self->size && self->text[at] == ' '; at++)
            node->column++;
        return;
    case YAML_ANY_SCALAR_STYLE:
    case YAML_PLAIN_SCALAR_STYLE:
        return;
    }
}

// ---- events -------------------------------------------------------------------------------

static bool s_parser_fault(reader_t *self)
{
    const yaml_parser_t *parser = &self->parser;
    if (parser->error == YAML_MEMORY_ERROR)
        return fault_set(self->fault, "out of memory");
    if (parser->error == YAML_READER_ERROR) { // has an offset in place of a mark
        s_rewind(self);
        while (self->at < parser->problem_offset && self->at < self->size)
            s_step(self);
        return fault_set_at(self->fault, self->line, (int) (self->at - self->line_start) + 1, "%s",
                            parser->problem ? parser->problem : "not UTF-8");
    }
    s_refuse(self, parser->problem_mark, parser->problem ? parser->problem : "not YAML");
    if (parser->context && self->fault) {
        fault_t inner = *self->fault;
        fault_set_at(self->fault, inner.line, inner.column, "%.200s (%s)", inner.text,
                     parser->context);
    }
    return false;
}

static void s_give_back(reader_t *self)
{
    if (self->held)
        yaml_event_delete(&self->event);
    self->held = false;
}

static bool s_next(reader_t *self)
{
    s_give_back(self);
    if (!yaml_parser_parse(&self->parser, &self->event))
        return s_parser_fault(self);
    self->held = true;
    return true;
}

// ---- nodes --------------------------------------------------------------------------------

static node_t *s_refuse_node(reader_t *self, const char *why)
{
    s_refuse(self, self->event.start_mark, why);
    return NULL;
}

static node_t *s_new(reader_t *self, node_kind_t kind)
{
    if (++self->node_count > SETTINGS_NODES_MAX)
        return s_refuse_node(self, "too many values in this file");
    node_t *node = (node_t *) arena_take(self->arena, sizeof *node);
    if (!node)
        return s_refuse_node(self, "out of memory");
    node->kind = kind;
    s_place(self, self->event.start_mark, &node->line, &node->column);
    return node;
}

static bool s_is_text(const uint8_t *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((text[i] < 0x20 && text[i] != '\t' && text[i] != '\n') || text[i] == 0x7f)
            return false;
    }
    return true;
}

static node_t *s_scalar(reader_t *self, bool expand)
{
    if (self->event.data.scalar.anchor)
        return s_refuse_node(self, "YAML anchors are not allowed here");
    if (self->event.data.scalar.tag)
        return s_refuse_node(self, "YAML tags are not allowed here");
    const uint8_t *value = self->event.data.scalar.value;
    size_t size = self->event.data.scalar.length;
    node_t *node = s_new(self, NODE_TEXT);
    if (!node)
        return NULL;
    s_place_text(self, node);
    fault_t why = { 0 };
    buffer_clear(&self->expanded);
    if (!expand)
        buffer_append(&self->expanded, value, size);
    else if (!settings_expand(slice_of(value, size), getenv, &self->expanded, &why))
        return s_refuse_node(self, why.text);
    if (self->expanded.failed || self->expanded.size > SETTINGS_SCALAR_MAX)
        return s_refuse_node(self, "a value of more than 64 KB, or no memory for it");
    if (!s_is_text(self->expanded.data, self->expanded.size))
        return s_refuse_node(self, "control characters are not allowed in a value");
    node->text = arena_text(self->arena, buffer_slice(&self->expanded));
    return node->text ? node : s_refuse_node(self, "out of memory");
}

static node_t *s_value(reader_t *self, int depth);

static node_t *s_list(reader_t *self, int depth)
{
    if (self->event.data.sequence_start.anchor)
        return s_refuse_node(self, "YAML anchors are not allowed here");
    if (self->event.data.sequence_start.tag)
        return s_refuse_node(self, "YAML tags are not allowed here");
    node_t *list = s_new(self, NODE_LIST);
    if (!list)
        return NULL;
    node_t **end = &list->first;
    for (;;) {
        if (!s_next(self))
            return NULL;
        if (self->event.type == YAML_SEQUENCE_END_EVENT)
            return list;
        node_t *item = s_value(self, depth + 1);
        if (!item)
            return NULL;
        *end = item;
        end = &item->next;
        list->count++;
    }
}

static int s_compare_names(const void *a, const void *b)
{
    const node_t *left = *(const node_t *const *) a, *right = *(const node_t *const *) b;
    int order = strcmp(left->name, right->name);
    if (order != 0)
        return order;
    order = (left->name_line > right->name_line) - (left->name_line < right->name_line);
    return order ? order : left->name_column - right->name_column;
}

// By sorting, because a hostile file may have very many keys.
static bool s_has_unique_names(reader_t *self, const node_t *map)
{
    if (map->count < 2)
        return true;
    const node_t **sorted = (const node_t **) calloc(map->count, sizeof *sorted);
    if (!sorted)
        return fault_set(self->fault, "out of memory");
    size_t count = 0;
    for (const node_t *member = map->first; member; member = member->next)
        sorted[count++] = member;
    qsort(sorted, count, sizeof *sorted, s_compare_names);
    bool unique = true;
    for (size_t i = 1; unique && i < count; i++) {
        if (strcmp(sorted[i - 1]->name, sorted[i]->name) == 0)
            unique = fault_set_at(self->fault, sorted[i]->name_line, sorted[i]->name_column,
                                  "duplicate key '%s': first on line %d", sorted[i]->name,
                                  sorted[i - 1]->name_line);
    }
    free(sorted);
    return unique;
}

static node_t *s_map(reader_t *self, int depth)
{
    if (self->event.data.mapping_start.anchor)
        return s_refuse_node(self, "YAML anchors are not allowed here");
    if (self->event.data.mapping_start.tag)
        return s_refuse_node(self, "YAML tags are not allowed here");
    node_t *map = s_new(self, NODE_MAP);
    if (!map)
        return NULL;
    node_t **end = &map->first;
    for (;;) {
        if (!s_next(self))
            return NULL;
        if (self->event.type == YAML_MAPPING_END_EVENT)
            return s_has_unique_names(self, map) ? map : NULL;
        if (self->event.type != YAML_SCALAR_EVENT)
            return s_refuse_node(self, "a key must be a plain word");
        node_t *name = s_scalar(self, false);
        node_t *member = name && s_next(self) ? s_value(self, depth + 1) : NULL;
        if (!member)
            return NULL;
        member->name = name->text;
        member->name_line = name->line;
        member->name_column = name->column;
        *end = member;
        end = &member->next;
        map->count++;
    }
}

// The event at hand begins a value.
static node_t *s_value(reader_t *self, int depth)
{
    if (depth > SETTINGS_DEPTH_MAX)
        return s_refuse_node(self, "nested too deeply");
    switch (self->event.type) {
    case YAML_SCALAR_EVENT:
        return s_scalar(self, true);
    case YAML_SEQUENCE_START_EVENT:
        return s_list(self, depth);
    case YAML_MAPPING_START_EVENT:
        return s_map(self, depth);
    case YAML_ALIAS_EVENT:
        return s_refuse_node(self, "YAML aliases are not allowed here");
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        break;
    }
    return s_refuse_node(self, "a value is missing");
}

static node_t *s_document(reader_t *self)
{
    if (!s_next(self) || !s_next(self)) // stream start, document start
        return NULL;
    if (self->event.type == YAML_STREAM_END_EVENT) {
        fault_set_at(self->fault, 1, 1, "the file is empty");
        return NULL;
    }
    node_t *root = s_next(self) ? s_value(self, 1) : NULL;
    if (!root || !s_next(self) || !s_next(self)) // document end, stream end
        return NULL;
    if (self->event.type != YAML_STREAM_END_EVENT)
        return s_refuse_node(self, "a second YAML document is not allowed here");
    return root;
}

node_t *settings_tree(const char *text, size_t size, arena_t *arena, fault_t *fault)
{
    if (size > SETTINGS_BYTES_MAX) {
        fault_set(fault, "larger than %d MB", SETTINGS_BYTES_MAX >> 20);
        return NULL;
    }
    if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { // a byte order mark
        text += 3;
        size -= 3;
    }
    reader_t self = { .text = text, .size = size, .line = 1, .arena = arena, .fault = fault };
    self.expanded.limit = 2 * SETTINGS_SCALAR_MAX;
    if (!yaml_parser_initialize(&self.parser)) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    yaml_parser_set_encoding(&self.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&self.parser, (const unsigned char *) text, size);
    node_t *root = s_document(&self);
    s_give_back(&self);
    yaml_parser_delete(&self.parser);
    buffer_destroy(&self.expanded);
    return root;
}

const node_t *settings_member(const node_t *map, const char *name)
{
    const node_t *member = map->kind == NODE_MAP ? map->first : NULL;
    while (member && strcmp(member->name, name) != 0)
        member = member->next;
    return member;
}
