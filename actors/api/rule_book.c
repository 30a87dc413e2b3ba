/*  rule_book -- see rule_book.h. */
#include "actors/api/rule_book.h"

#include <stdlib.h>
#include <string.h>

#include "actors/api/document.h"
#include "proto/json.h"

enum { ENTRIES_FIRST = 64 };
#define NUMBERS "cost alerts last"

typedef struct {
    char *name;
    rule_word_t word;
    size_t begin, end; // of the object in `text`
} entry_t;

struct rule_book {
    entry_t *entries;
    size_t count, room;
    buffer_t text;
    bool failed;
};

rule_book_t *rule_book_new(void)
{
    return calloc(1, sizeof(rule_book_t));
}

void rule_book_clear(rule_book_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        free(self->entries[i].name);
    self->count = 0;
    self->failed = false;
    buffer_clear(&self->text);
}

void rule_book_destroy(rule_book_t **self_p)
{
    rule_book_t *self = *self_p;
    if (!self)
        return;
    rule_book_clear(self);
    buffer_destroy(&self->text);
    free(self->entries);
    free(self);
    *self_p = NULL;
}

static bool s_grow(rule_book_t *self)
{
    if (self->count < self->room)
        return true;
    size_t room = self->room ? 2 * self->room : ENTRIES_FIRST;
    entry_t *entries = realloc(self->entries, room * sizeof *entries);
    if (!entries)
        return false;
    self->entries = entries;
    self->room = room;
    return true;
}

void rule_book_add(rule_book_t *self, rule_word_t word, const store_rule_t *rule)
{
    char *name = s_grow(self) ? strdup(rule->name) : NULL;
    if (!name) {
        self->failed = true;
        return;
    }
    size_t begin = self->text.size;
    buffer_text(&self->text, "{");
    document_fields(&self->text, rule->fields, rule->count, word == RULE_STATUS ? NUMBERS : "");
    buffer_text(&self->text, "}");
    self->entries[self->count++] =
        (entry_t){ .name = name, .word = word, .begin = begin, .end = self->text.size };
}

void rule_book_configured(rule_book_t *self, const settings_t *settings)
{
    for (size_t i = 0; i < settings->rule_count; i++) {
        const rule_settings_t *from = &settings->rules[i];
        store_rule_t rule = { .name = from->name };
        const store_field_t fields[] = { { "on", from->on },
                                         { "when", from->when },
                                         { "severity", from->severity },
                                         { "note", from->note },
                                         { "emit", from->emit },
                                         { "resolve", from->resolve },
                                         { "enabled", from->enabled ? "1" : "0" } };
        for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
            if (fields[f].value && fields[f].value[0])
                rule.fields[rule.count++] = fields[f];
        rule_book_add(self, RULE_CONFIGURED, &rule);
    }
}

static int s_by_name(const void *a, const void *b)
{
    const entry_t *one = a, *other = b;
    int order = strcmp(one->name, other->name);
    return order ? order : (int) one->word - (int) other->word;
}

static void s_put(const rule_book_t *self, buffer_t *out, const char *member, const entry_t *entry)
{
    buffer_printf(out, ",\"%s\":", member);
    if (entry)
        buffer_append(out, self->text.data + entry->begin, entry->end - entry->begin);
    else
        buffer_text(out, "null");
}

void rule_book_document(rule_book_t *self, buffer_t *out)
{
    if (self->count > 0)
        qsort(self->entries, self->count, sizeof *self->entries, s_by_name);
    document_begin(out, "rules");
    for (size_t i = 0; i < self->count;) {
        const char *name = self->entries[i].name;
        const entry_t *definition = NULL, *status = NULL;
        for (; i < self->count && strcmp(self->entries[i].name, name) == 0; i++) {
            if (self->entries[i].word == RULE_STATUS)
                status = &self->entries[i];
            else
                definition = &self->entries[i]; // Redis comes after the configuration
        }
        document_next(out);
        buffer_text(out, "{\"name\":");
        json_text(out, slice_text(name));
        buffer_printf(out, ",\"from\":%s",
                      !definition                        ? "null"
                      : definition->word == RULE_WRITTEN ? "\"redis\""
                                                         : "\"configuration\"");
        s_put(self, out, "definition", definition);
        s_put(self, out, "status", status);
        buffer_text(out, "}");
    }
    document_end(out);
    out->failed = out->failed || self->failed || self->text.failed;
}
