/*  rule_book -- what is known of each rule, from three places, as one list by name. Pure.
 *
 *  What the configuration says; what Redis says, which hides it; and what the collector thinks of
 *  it. A rule that only one of them knows stands there, too.
 */
#pragma once
#include "broker/runtime/settings.h"
#include "broker/store.h"
#include "proto/buffer.h"

typedef struct rule_book rule_book_t;

typedef enum { RULE_CONFIGURED, RULE_WRITTEN, RULE_STATUS } rule_word_t;

rule_book_t *rule_book_new(void); // NULL: out of memory
void rule_book_destroy(rule_book_t **self_p);
void rule_book_clear(rule_book_t *self);
void rule_book_configured(rule_book_t *self, const settings_t *settings); // all of them
void rule_book_add(rule_book_t *self, rule_word_t word, const store_rule_t *rule);
// {"name":..,"from":..,"definition":{..}|null,"status":{..}|null} each. `out` fails without memory.
void rule_book_document(rule_book_t *self, buffer_t *out);
