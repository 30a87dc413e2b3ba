/*  settings_names -- see settings_names.h. */
#include "broker/runtime/settings_names.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

bool settings_is_name(const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t size = strlen(text);
    return size > 0 && size <= NAME_BYTES_MAX && strspn(text, allowed) == size;
}

bool settings_is_identifier(const char *text)
{
    size_t size = strlen(text);
    return size > 0 && size <= IDENTIFIER_BYTES_MAX && text[0] >= 'a' && text[0] <= 'z' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

// pg_get_keywords() of PostgreSQL 15, categories "reserved" and "reserved (can be function or
// type)": none of them can stand for a column without quotes. And its system columns, which no
// table can have for its own: cmax, cmin, ctid, tableoid, xmax, xmin. Sorted.
static const char *const reserved[] = {
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "binary",
    "both",
    "case",
    "cast",
    "check",
    "cmax",
    "cmin",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "ctid",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "session_user",
    "similar",
    "some",
    "symmetric",
    "table",
    "tableoid",
    "tablesample",
    "then",
    "to",
    "trailing",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmax",
    "xmin",
};

static int s_compare(const void *text, const void *word)
{
    return strcmp((const char *) text, *(const char *const *) word);
}

bool settings_is_reserved(const char *text)
{
    // Every table has these two: event time and order of arrival.
    if (strcmp(text, "ts") == 0 || strcmp(text, "n") == 0)
        return true;
    return bsearch(text, reserved, sizeof reserved / sizeof *reserved, sizeof *reserved,
                   s_compare) != NULL;
}

// RFC 6901: empty, or tokens behind slashes in which "~" is "~0" or "~1".
bool settings_is_pointer(const char *text)
{
    if (*text != '\0' && *text != '/')
        return false;
    for (const char *tilde = strchr(text, '~'); tilde; tilde = strchr(tilde + 1, '~')) {
        if (tilde[1] != '0' && tilde[1] != '1')
            return false;
    }
    return true;
}

int settings_distance(const char *a, const char *b)
{
    enum { WORD_MAX = 31, FAR = 1000 };
    size_t rows = strlen(a), columns = strlen(b);
    if (rows > WORD_MAX || columns > WORD_MAX)
        return FAR;
    int cost[WORD_MAX + 1]; // of making the first j letters of b from the first i of a
    for (size_t j = 0; j <= columns; j++)
        cost[j] = (int) j;
    for (size_t i = 1; i <= rows; i++) {
        int diagonal = cost[0];
        cost[0] = (int) i;
        for (size_t j = 1; j <= columns; j++) {
            int best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = cost[j];
            best = cost[j] + 1 < best ? cost[j] + 1 : best;
            cost[j] = cost[j - 1] + 1 < best ? cost[j - 1] + 1 : best;
        }
    }
    return cost[columns];
}
