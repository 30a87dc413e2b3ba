/*  settings_shards -- see settings_read.h: one pushed feed in several shards, each a source with a
 *  stream of its own.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "broker/runtime/settings_names.h"
#include "broker/runtime/settings_read.h"
#include "proto/buffer.h"
#include "proto/owned.h"
#include "proto/series.h"

_Static_assert(SERIES_SHARDS_MAX <= 64, "a set of shards is one uint64_t");

// The number at *text, moving it behind; -1 if none stands there, or one of too many digits.
static int s_number(const char **text)
{
    enum { DIGITS_MAX = 3 };
    size_t digits = strspn(*text, "0123456789");
    if (digits == 0 || digits > DIGITS_MAX)
        return -1;
    int number = atoi(*text);
    *text += digits;
    return number;
}

static bool s_refuse_form(settings_reader_t *self, const node_t *node)
{
    return settings_refuse(self, node,
                           "shards: expected a number such as 3, or those that are here of how "
                           "many, such as 0,2/3, not '%.60s'",
                           node->text);
}

static bool s_check_total(settings_reader_t *self, const node_t *node, int total)
{
    return (total >= 1 && total <= SERIES_SHARDS_MAX) ||
           settings_refuse(self, node, "shards: %d is outside 1 to %d", total, SERIES_SHARDS_MAX);
}

// "0,2/3": the numbers before the slash, each of them below the one behind it.
static bool s_read_some(settings_reader_t *self, const node_t *node, source_t *source)
{
    const char *text = strchr(node->text, '/') + 1;
    int total = s_number(&text);
    if (total < 0 || *text != '\0')
        return s_refuse_form(self, node);
    if (!s_check_total(self, node, total))
        return false;
    source->shards = (unsigned) total;
    text = node->text;
    do {
        text += text != node->text; // the comma
        int number = s_number(&text);
        if (number < 0)
            return s_refuse_form(self, node);
        if (number >= total)
            return settings_refuse(self, node, "shards: there is no %d among %d, which are 0 to %d",
                                   number, total, total - 1);
        uint64_t bit = UINT64_C(1) << number;
        if (source->shards_here & bit)
            return settings_refuse(self, node, "shards: %d is named twice", number);
        source->shards_here |= bit;
    } while (*text == ',');
    return *text == '/' || s_refuse_form(self, node);
}

bool settings_read_shards(settings_reader_t *self, const node_t *node, source_t *source)
{
    if (node->kind != NODE_TEXT)
        return settings_refuse(self, node, "shards: expected one value");
    if (strchr(node->text, '/'))
        return s_read_some(self, node, source);
    const char *text = node->text;
    int total = s_number(&text);
    if (total < 0 || *text != '\0')
        return s_refuse_form(self, node);
    if (!s_check_total(self, node, total))
        return false;
    source->shards = (unsigned) total;
    source->shards_here = UINT64_MAX >> (64 - total);
    return true;
}

size_t settings_shard_count(const source_t *source)
{
    return source->shards ? (size_t) __builtin_popcountll(source->shards_here) : 1;
}

// "<text>.<number>", of at most `most` bytes; NULL with fault.
static const char *s_numbered(settings_reader_t *self, const node_t *node, const char *text,
                              unsigned number, size_t most)
{
    owned(buffer_destroy) buffer_t name = { 0 };
    buffer_printf(&name, "%s.%u", text, number);
    if (name.size > most) {
        settings_refuse(self, node, "shards: '%.80s' and '.%u' are longer than %zu bytes together",
                        text, number, most);
        return NULL;
    }
    const char *copy = name.failed ? NULL : arena_text(self->arena, buffer_slice(&name));
    if (!copy)
        settings_refuse(self, node, "out of memory");
    return copy;
}

bool settings_spread(settings_reader_t *self, const node_t *node, const source_t *source,
                     source_t *out)
{
    if (!source->shards) {
        *out = *source;
        return true;
    }
    for (unsigned number = 0; number < source->shards; number++) {
        if (!(source->shards_here & UINT64_C(1) << number))
            continue;
        *out = *source;
        out->shard = number;
        out->name = s_numbered(self, node, source->name, number, NAME_BYTES_MAX);
        if (!out->name)
            return false;
        out->stream = s_numbered(self, node, source->stream ? source->stream : source->name, number,
                                 STREAM_BYTES_MAX);
        if (!out->stream)
            return false;
        out++;
    }
    return true;
}
