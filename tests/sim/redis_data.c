/*  redis_data -- bytes, dictionaries, objects and answers of the simulator's Redis. */
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <xxhash.h>

#include "tests/sim/redis_inside.h"

static void *must(void *memory)
{
    if (!memory)
        abort(); // a test that has no memory proves nothing
    return memory;
}

enum { NUMBER_TEXT = 24 };
static const double WHOLE_BELOW = 9007199254740992; // 2^53: a whole number is one beyond doubt

// ---- bytes ---------------------------------------------------------------------------------

blob_t *blob_new(const void *data, size_t size)
{
    blob_t *self = must(malloc(sizeof *self + size + 1));
    *self = (blob_t){ .size = size, .uses = 1 };
    if (size > 0)
        memcpy(self->data, data, size);
    self->data[size] = '\0';
    return self;
}

blob_t *blob_text(const char *text)
{
    return blob_new(text, strlen(text));
}

// By hand: most of what a run writes are numbers.
static size_t print_integer(char text[NUMBER_TEXT], int64_t number)
{
    char digits[NUMBER_TEXT];
    uint64_t rest = number < 0 ? -(uint64_t) number : (uint64_t) number;
    size_t count = 0, size = 0;
    do
        digits[count++] = (char) ('0' + rest % 10);
    while (rest /= 10);
    if (number < 0)
        text[size++] = '-';
    while (count > 0)
        text[size++] = digits[--count];
    return size;
}

blob_t *blob_integer(int64_t number)
{
    char text[NUMBER_TEXT];
    return blob_new(text, print_integer(text, number));
}

blob_t *blob_number(double number)
{
    char text[64];
    if (fabs(number) < WHOLE_BELOW && (number != 0 || !signbit(number)) &&
        number == (double) (int64_t) number)
        return blob_integer((int64_t) number); // as %.17g prints it
    if (isinf(number))
        return blob_text(number > 0 ? "inf" : "-inf");
    return blob_new(text, (size_t) snprintf(text, sizeof text, "%.17g", number));
}

blob_t *blob_keep(blob_t *self)
{
    self->uses++;
    return self;
}

void blob_drop(blob_t *self)
{
    if (self && --self->uses == 0)
        free(self);
}

uint32_t blob_hash(blob_t *self)
{
    if (self->hash == 0)
        self->hash = (uint32_t) XXH3_64bits(self->data, self->size) | 1;
    return self->hash;
}

bool blob_same(const blob_t *a, const blob_t *b)
{
    return a == b || (a->size == b->size && memcmp(a->data, b->data, a->size) == 0);
}

int blob_compare(const blob_t *a, const blob_t *b)
{
    int order = memcmp(a->data, b->data, a->size < b->size ? a->size : b->size);
    return order ? order : (a->size > b->size) - (a->size < b->size);
}

bool blob_is(const blob_t *self, const char *word)
{
    return strlen(word) == self->size && strncasecmp(self->data, word, self->size) == 0;
}

bool blob_to_integer(const blob_t *self, int64_t *to)
{
    char again[NUMBER_TEXT];
    *to = strtoll(self->data, NULL, 10);
    size_t size = print_integer(again, *to);
    return size == self->size && memcmp(again, self->data, self->size) == 0;
}

bool blob_to_number(const blob_t *self, double *to)
{
    char *end;
    if (self->size == 0 || strchr(" \t\n\r\v\f", self->data[0]))
        return false;
    *to = strtod(self->data, &end);
    return end == self->data + self->size && !isnan(*to);
}

static bool matches(const char *pattern, const char *end, const char *text, const char *stop)
{
    for (; pattern < end; pattern++) {
        if (*pattern == '*') {
            for (const char *at = text; at <= stop; at++)
                if (matches(pattern + 1, end, at, stop))
                    return true;
            return false;
        }
        if (text == stop)
            return false;
        if (*pattern == '[')
            abort(); // no pattern of ours has a class
        if (*pattern == '\\' && pattern + 1 < end)
            pattern++;
        else if (*pattern == '?') {
            text++;
            continue;
        }
        if (*pattern != *text++)
            return false;
    }
    return text == stop;
}

bool blob_matches(const blob_t *pattern, const char *text, size_t size)
{
    return matches(pattern->data, pattern->data + pattern->size, text, text + size);
}

void words_clear(words_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        blob_drop(self->words[i]);
    free(self->words);
    *self = (words_t){ 0 };
}

void words_add(words_t *self, blob_t *word)
{
    if ((self->count & (self->count - 1)) == 0) { // full at every power of two
        size_t room = self->count == 0 ? 1 : 2 * self->count;
        self->words = must(realloc(self->words, room * sizeof *self->words));
    }
    self->words[self->count++] = word;
}

// ---- dictionaries --------------------------------------------------------------------------

enum { DICT_FEW = 16, DICT_GONE = UINT32_MAX }; // so few are found without an index

static size_t slot_of(const dict_t *self, uint32_t hash)
{
    return (hash * 2654435761u) & (self->slots - 1);
}

static void index_item(dict_t *self, size_t place)
{
    size_t slot = slot_of(self, blob_hash(self->items[place]->name));
    while (self->index[slot] != 0)
        slot = (slot + 1) & (self->slots - 1);
    self->index[slot] = (uint32_t) place + 1;
}

// Close the holes, make room, index anew.
static void dict_settle(dict_t *self)
{
    size_t kept = 0;
    for (size_t i = 0; i < self->used; i++)
        if (self->items[i])
            self->items[kept++] = self->items[i];
    self->used = kept;
    if (self->room < 2 * kept + 4) {
        self->room = 2 * kept + 4;
        self->items = must(realloc(self->items, self->room * sizeof *self->items));
    }
    free(self->index);
    self->index = NULL;
    self->slots = 0;
    if (self->room <= DICT_FEW)
        return;
    for (self->slots = 32; self->slots < 2 * self->room; self->slots *= 2)
        ;
    self->index = must(calloc(self->slots, sizeof *self->index));
    for (size_t i = 0; i < kept; i++)
        index_item(self, i);
}

static bool is_named(const item_t *item, blob_t *name, uint32_t hash)
{
    return item && blob_hash(item->name) == hash && blob_same(item->name, name);
}

item_t *dict_find(const dict_t *self, blob_t *name)
{
    uint32_t hash = blob_hash(name);
    if (!self->index) {
        for (size_t i = 0; i < self->used; i++)
            if (is_named(self->items[i], name, hash))
                return self->items[i];
        return NULL;
    }
    for (size_t slot = slot_of(self, hash); self->index[slot] != 0;
         slot = (slot + 1) & (self->slots - 1)) {
        if (self->index[slot] == (uint32_t) DICT_GONE)
            continue;
        item_t *item = self->items[self->index[slot] - 1];
        if (is_named(item, name, hash))
            return item;
    }
    return NULL;
}

item_t *dict_add(dict_t *self, blob_t *name)
{
    if (self->used == self->room)
        dict_settle(self);
    item_t *item = must(calloc(1, sizeof *item));
    item->name = blob_keep(name);
    self->items[self->used++] = item;
    self->live++;
    if (self->index)
        index_item(self, self->used - 1);
    return item;
}

static void remove_place(dict_t *self, size_t place)
{
    blob_drop(self->items[place]->name);
    free(self->items[place]);
    self->items[place] = NULL;
    self->live--;
}

void dict_remove(dict_t *self, item_t *item)
{
    if (!self->index) {
        for (size_t i = 0; i < self->used; i++)
            if (self->items[i] == item)
                return remove_place(self, i);
        abort();
    }
    size_t slot = slot_of(self, blob_hash(item->name));
    for (;; slot = (slot + 1) & (self->slots - 1)) {
        uint32_t place = self->index[slot];
        assert(place != 0);
        if (place == (uint32_t) DICT_GONE || self->items[place - 1] != item)
            continue;
        self->index[slot] = (uint32_t) DICT_GONE;
        return remove_place(self, place - 1);
    }
}

item_t *dict_at(const dict_t *self, uint64_t seed, size_t i)
{
    if (seed == 0)
        return self->items[i];
    size_t first = 0;
    while (first < self->used && !self->items[first])
        first++;
    uint64_t start = first < self->used ? (blob_hash(self->items[first]->name) ^ seed) >> 3 : 0;
    return self->items[(start % self->used + self->used - i) % self->used];
}

void dict_clear(dict_t *self)
{
    for (size_t i = 0; i < self->used; i++)
        if (self->items[i])
            remove_place(self, i);
    free(self->items);
    free(self->index);
    *self = (dict_t){ 0 };
}

// ---- objects -------------------------------------------------------------------------------

object_t *object_new(kind_t kind)
{
    object_t *self = must(calloc(1, sizeof *self));
    self->kind = kind;
    return self;
}

void object_destroy(object_t **self_p)
{
    object_t *self = *self_p;
    if (!self)
        return;
    switch (self->kind) {
    case TEXT:
        blob_drop(self->text);
        break;
    case HASH:
        for (size_t i = 0; i < self->dict.used; i++)
            if (self->dict.items[i])
                blob_drop(self->dict.items[i]->text);
        dict_clear(&self->dict);
        break;
    case SET:
        dict_clear(&self->dict);
        break;
    case LIST:
        for (size_t i = self->list.first; i < self->list.end; i++)
            blob_drop(self->list.items[i]);
        free(self->list.items);
        break;
    case ZSET:
        dict_clear(&self->zset.dict);
        free(self->zset.sorted);
        break;
    case STREAM:
        for (size_t i = self->stream.first; i < self->stream.end; i++)
            words_clear(
                &(words_t){ self->stream.entries[i].count, self->stream.entries[i].fields });
        free(self->stream.entries);
        break;
    }
    free(self);
    *self_p = NULL;
}

const char *kind_name(kind_t kind)
{
    static const char *const names[] = { "string", "list", "set", "hash", "zset", "stream" };
    return names[kind];
}
