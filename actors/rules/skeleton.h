/*  skeleton -- a condition without its constants: what a thousand rules that differ in them share.
 *
 *  Pure. PostgreSQL's grammar sees kinds of tokens, never the value of one, so that texts of the
 *  same skeleton have the same tree but for the constants in it. That holds only where it is
 *  certain what a token is; a text with anything else in it (comments, quotes in strings,
 *  exponents, letters that are not ASCII) has no skeleton.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "actors/rules/ruleset.h"

enum { SKELETON_CONSTANTS_MAX = 256 };

typedef enum {
    SKELETON_INTEGER = 1, // digits, at most nine: what PostgreSQL takes for an int
    SKELETON_FRACTION,    // digits, a point, digits
    SKELETON_STRING,
} skeleton_kind_t;

typedef struct {
    uint16_t at; // in the key
    skeleton_kind_t kind;
    slice_t text; // as written; of a string what is between its quotes
} skeleton_constant_t;

typedef struct {
    size_t size;
    uint8_t key[RULE_TEXT_MAX];    // the text, with one byte, its kind, for each constant
    uint16_t place[RULE_TEXT_MAX]; // where each byte of the key stands in the text; ascending
    size_t constant_count;
    skeleton_constant_t constants[SKELETON_CONSTANTS_MAX];
} skeleton_t;

// Points into the text. False: it has none.
bool skeleton_read(skeleton_t *self, slice_t text);

// The byte of the key that stands at this place of the text; -1: none does.
int skeleton_find(const skeleton_t *self, int place);

// The first constant that does not stand before this byte of the key; NULL: none.
const skeleton_constant_t *skeleton_constant(const skeleton_t *self, int at);
