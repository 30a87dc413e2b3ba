/*  outline_print -- the shape for people. Pure. */
#include <inttypes.h>
#include <stdio.h>

#include "actors/infer/outline.h"

enum { LINES_MAX = 80 };

static void s_kind(buffer_t *out, uint64_t count, const char *what, bool *any)
{
    if (count == 0)
        return;
    buffer_printf(out, "%s%s", *any ? " or " : "", what);
    *any = true;
}

static void s_what(const outline_node_t *node, buffer_t *out)
{
    bool any = false;
    bool list = node->first && node->first->star;
    s_kind(out, node->count.objects, list ? "map" : "object", &any);
    s_kind(out, node->count.arrays, list ? "list" : "array", &any);
    s_kind(out, node->count.numbers, "number", &any);
    s_kind(out, node->count.numerals, "number in a text", &any);
    s_kind(out, node->count.texts, "text", &any);
    s_kind(out, node->count.flags, "true or false", &any);
    s_kind(out, node->count.nulls, "null", &any);
    if (!any)
        buffer_text(out, "nothing");
}

// Bytes that would be more than text on a terminal or in a comment become '?'.
static void s_plain(const char *text, buffer_t *out)
{
    for (; *text; text++) {
        char byte = *text < ' ' || *text > '~' ? '?' : *text;
        buffer_append(out, &byte, 1);
    }
}

static void s_node(const outline_node_t *node, const char *prefix, unsigned *lines, buffer_t *out)
{
    if (*lines == LINES_MAX)
        return;
    if (++*lines == LINES_MAX) {
        buffer_printf(out, "%s...\n", prefix);
        return;
    }
    buffer_printf(out, "%s%*s", prefix, (int) (2 * node->depth), "");
    s_plain(node->parent ? node->token : "document", out);
    if (node->star)
        buffer_printf(out, " (%" PRIu64 ")", outline_all(node));
    buffer_text(out, ": ");
    s_what(node, out);
    if (node->sample && !node->first) {
        buffer_text(out, ", ");
        s_plain(node->sample, out);
    }
    buffer_text(out, "\n");
    for (const outline_node_t *child = node->first; child; child = child->next)
        s_node(child, prefix, lines, out);
}

void outline_print(const outline_t *self, const char *prefix, buffer_t *out)
{
    unsigned lines = 0;
    s_node(self->root, prefix, &lines, out);
    if (self->cut)
        buffer_printf(out, "%s(larger than what is looked at)\n", prefix);
}
