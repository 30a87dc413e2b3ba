/*  status_text -- `status` for people: a table for each kind of actor, the rules, the quarantine,
 *  and what gives trouble.
 */
#pragma once
#include "broker/store.h"
#include "proto/buffer.h"

// False: Redis did not answer (store_error), or out of memory (out->failed).
bool status_text(store_t *store, buffer_t *out);
