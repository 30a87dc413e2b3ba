/*  parse_memo -- parses a condition as parse.h does, but texts that differ in their constants alone
 *  only once.
 *
 *  Pure: the trees are those of parse_condition to the last place, because what PostgreSQL's parser
 *  said of one text is taken for another only where its grammar cannot tell them apart
 *  (skeleton.h). Parsing is most of what a rule costs: of a hundred thousand it is seconds.
 */
#pragma once
#include "actors/rules/parse.h"

typedef struct parse_memo parse_memo_t;

parse_memo_t *parse_memo_new(void);
void parse_memo_destroy(parse_memo_t **self_p);

// parse_condition; `self` may be NULL. The tree lives as long as both arena and memo.
const syntax_t *parse_memo_condition(parse_memo_t *self, arena_t *arena, slice_t text,
                                     fault_t *fault);
