/*  names -- what the names in a payload hint at, and names of our own made of them. Pure. */
#pragma once
#include <stdbool.h>

enum { NAMES_MAX = 64 }; // bytes of a name made, NUL included

// A column, key or table name from a token of a pointer or any text: "lastPrice" is last_price,
// "24h" is v24h; never a reserved word, never empty (then `fallback`, which must be a good name).
void names_make(const char *text, const char *fallback, char name[NAMES_MAX]);

// How much a name sounds like one of these: 0 = not at all; negative = like something else.
int names_time(const char *text);     // when something happened
int names_key(const char *text);      // which of many it is about
int names_identity(const char *text); // a number of its own
int names_value(const char *text);    // what people watch first: a price, a rate

// Does it say that it sums up a day?
bool names_rolling(const char *text);
