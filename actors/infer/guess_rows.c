/*  guess_rows -- see guess.h: where in a document the rows are. */
#include <math.h>
#include <string.h>

#include "actors/infer/guess.h"

enum {
    DEPTH_MAX = 4,
    ROWS_ENOUGH = 1024,
    NUMBERS_ENOUGH = 12,
    SECONDS_DIGITS = 10,
    MILLIS_DIGITS = 13
};

#define ROWS_WORTH 4.0  // of doubling the rows
#define TIME_WORTH 6.0  // of a time in the row
#define PLACE_COST 12.0 // of a list inside a list: what told the outer apart is lost

// An element of an array that looks like seconds or milliseconds since 1970.
static bool s_is_epoch(const outline_node_t *node)
{
    const char *text = node->index ? node->sample : NULL;
    size_t digits = text ? strspn(text, "0123456789") : 0;
    return text && *text == '1' && (digits == SECONDS_DIGITS || digits == MILLIS_DIGITS) &&
           (text[digits] == '\0' || text[digits] == '.');
}

static void s_see(const outline_node_t *node, unsigned depth, unsigned *numbers, bool *time)
{
    uint64_t scalars = outline_scalars(node), count = node->count.numbers + node->count.numerals;
    int hint = s_is_epoch(node) ? 1 : node->parent && !node->index ? names_time(node->token) : 0;
    *time |= scalars > 0 && hint > 0;
    *numbers += hint <= 0 && count > 0 && 2 * count >= scalars;
    if (depth == DEPTH_MAX || (node->first && node->first->star))
        return;
    for (const outline_node_t *child = node->first; child; child = child->next)
        s_see(child, depth + 1, numbers, time);
}

double guess_rows(const outline_node_t *node)
{
    unsigned numbers = 0, lists = 0;
    bool time = false;
    if (!node->star && node->parent)
        return -1;
    if (node->first && node->first->star && outline_scalars(node) == 0)
        return -1; // a list is no row; what is in it may be
    s_see(node, 0, &numbers, &time);
    if (numbers == 0)
        return -1;
    for (const outline_node_t *above = node; above->parent; above = above->parent)
        lists += above->star && above->parent->count.arrays > above->parent->count.objects;
    double rows = (double) outline_all(node);
    return ROWS_WORTH * log2(1 + fmin(rows, ROWS_ENOUGH)) + fmin(numbers, NUMBERS_ENOUGH) +
           (time ? TIME_WORTH : 0) - PLACE_COST * (lists > 1 ? lists - 1 : 0);
}
