/*  names -- see names.h. Names are compared in lower case, without anything between the words. */
#include "actors/infer/names.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "broker/runtime/settings_names.h"

enum { PLAIN_MAX = 64, EXACT = 6, PART = 3, AGAINST = -6 };

static char s_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char) (byte + 32) : byte;
}

static bool s_is_letter(char byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool s_is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static void s_plain(const char *text, char plain[PLAIN_MAX])
{
    size_t size = 0;
    for (; *text && size + 1 < PLAIN_MAX; text++) {
        char byte = s_lower(*text);
        if (s_is_letter(byte) || s_is_digit(byte))
            plain[size++] = byte;
    }
    plain[size] = '\0';
}

static bool s_is_one_of(const char *plain, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(plain, *words) == 0)
            return true;
    return false;
}

static bool s_has_one_of(const char *plain, const char *const *words)
{
    for (; *words; words++)
        if (strstr(plain, *words))
            return true;
    return false;
}

// Earlier words count a little more.
static int s_rank(const char *plain, const char *const *words)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(plain, words[i]) == 0)
            return 100 - i;
    return 0;
}

// "createdAt", "created_at", but not "format".
static bool s_ends_at(const char *text)
{
    size_t length = strlen(text);
    return length > 2 && (strcmp(text + length - 2, "At") == 0 ||
                          (length > 3 && strcmp(text + length - 3, "_at") == 0));
}

int names_time(const char *text)
{
    static const char *const exact[] = { "timestamp", "time",        "ts",          "date",
                                         "t",         "datetime",    "timestampms", "at",
                                         "dt",        "period",      "timeperiod",  "tradetime",
                                         "updated",   "lastupdated", "createtime",  "closetime",
                                         NULL };
    static const char *const part[] = { "time", "date", "stamp", NULL };
    static const char *const against[] = { "next",    "expir",  "list",   "launch", "deliver",
                                           "settle",  "front",  "zone",   "open24", "funding",
                                           "sun",     "online", "offset", "config", "period1",
                                           "timeout", NULL };
    char plain[PLAIN_MAX];
    s_plain(text, plain);
    if (s_is_one_of(plain, exact))
        return EXACT;
    if (!s_has_one_of(plain, part) && !s_ends_at(text))
        return 0;
    return s_has_one_of(plain, against) ? AGAINST : PART;
}

int names_key(const char *text)
{
    static const char *const words[] = {
        "symbol",       "pair",      "market",      "instrumentname", "instrument", "instid",
        "currencypair", "productid", "productcode", "product",        "contract",   "ticker",
        "seriesid",     "currency",  "code",        "coin",           "asset",      "station",
        "city",         "country",   "basecur",     "name",           "fullname",   "libdevise",
        "key",          NULL
    };
    char plain[PLAIN_MAX];
    s_plain(text, plain);
    return s_rank(plain, words);
}

int names_identity(const char *text)
{
    static const char *const words[] = { "tradeid",      "tid",      "id",  "execid", "trdmatchid",
                                         "sequentialid", "tradeseq", "seq", "hash",   "txid",
                                         "uuid",         "guid",     NULL };
    char plain[PLAIN_MAX];
    s_plain(text, plain);
    int rank = s_rank(plain, words);
    size_t length = strlen(text); // "orderId", "order_id", but not "bid"
    bool ends = length > 2 &&
                (strcmp(text + length - 2, "Id") == 0 || strcmp(text + length - 2, "ID") == 0 ||
                 strcmp(text + length - 3, "_id") == 0);
    if (names_key(text) > 0)
        return 0;
    return rank ? rank : ends ? 1 : 0;
}

int names_value(const char *text)
{
    static const char *const words[] = { "price", "last", "lastprice", "close", "value",
                                         "rate",  "mid",  "obsvalue",  "mag",   "markprice",
                                         "temp",  "p",    "px",        "c",     NULL };
    static const char *const price[] = { "price", "last", "mark", "close", "value", NULL };
    static const char *const other[] = { "rate", "vol",      "amount", "bid",  "ask",
                                         "high", "interest", "size",   "temp", NULL };
    char plain[PLAIN_MAX];
    s_plain(text, plain);
    int rank = s_rank(plain, words);
    return rank ? rank : s_has_one_of(plain, price) ? 2 : s_has_one_of(plain, other) ? 1 : 0;
}

bool names_rolling(const char *text)
{
    static const char *const words[] = { "24h", "1day", "24hr", NULL };
    char plain[PLAIN_MAX];
    s_plain(text, plain);
    return s_has_one_of(plain, words) && (strstr(plain, "vol") || strstr(plain, "turnover"));
}

void names_make(const char *text, const char *fallback, char name[NAMES_MAX])
{
    enum { ROOM = NAMES_MAX - 8 }; // for what is put before or behind
    // Good names, but in an expression PostgreSQL wants them in quotes.
    static const char *const awkward[] = {
        "between",   "bigint",    "bit",     "boolean",  "char",     "character", "coalesce",
        "dec",       "decimal",   "exists",  "extract",  "float",    "greatest",  "grouping",
        "inout",     "int",       "integer", "interval", "least",    "national",  "nchar",
        "none",      "normalize", "nullif",  "numeric",  "out",      "overlay",   "position",
        "precision", "real",      "row",     "setof",    "smallint", "substring", "time",
        "timestamp", "treat",     "trim",    "values",   "varchar",  NULL
    };
    size_t size = 0;
    char before = '\0';
    if (s_is_digit(*text))
        name[size++] = 'v';
    for (; *text && size + 2 < ROOM; text++) {
        char byte = s_lower(*text);
        bool good = s_is_letter(byte) || s_is_digit(byte);
        bool word = byte != *text && (s_is_letter(before) || s_is_digit(before));
        if ((word || !good) && size > 0 && name[size - 1] != '_')
            name[size++] = '_';
        if (good && (size > 0 || s_is_letter(byte)))
            name[size++] = byte;
        if (*text == '~' && text[1])
            text++;     // what a pointer escapes
        before = *text; // as it was: no new word between two capitals
    }
    while (size > 0 && name[size - 1] == '_')
        size--;
    name[size] = '\0';
    if (size == 0)
        snprintf(name, NAMES_MAX, "%s", fallback);
    if (settings_is_reserved(name) || s_is_one_of(name, awkward))
        memcpy(name + strlen(name), "_value", sizeof "_value"); // there is room for it
}
