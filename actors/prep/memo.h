/*  memo -- which number a series has in the block in hand, by the texts of its key.
 *
 *  Pure. Most rows of a record repeat a few keys; this spares them the making of a series id.
 *  It may forget (entries push each other out), it never mixes up: the whole text is compared.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "proto/slice.h"

enum { MEMO_NONE = -1 };

typedef struct memo memo_t;

memo_t *memo_new(void);
void memo_destroy(memo_t **self_p);
void memo_forget(memo_t *self); // a new block begins

// The keys of this block do not repeat: nothing will be found any more.
bool memo_is_vain(const memo_t *self);

// MEMO_NONE if it is not known.
int memo_find(memo_t *self, slice_t key);
void memo_put(memo_t *self, slice_t key, int series); // too long a key is not kept
