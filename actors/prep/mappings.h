/*  mappings -- compiled mappings, remembered by the text of their definition.
 *
 *  Definitions travel with every RAW message, so prep keeps no plan; compiling one again for
 *  each message would cost more than mapping it. Bounded: when full, all are forgotten.
 */
#pragma once
#include "actors/prep/mapping.h"

typedef struct mappings mappings_t;

mappings_t *mappings_new(void);
void mappings_destroy(mappings_t **self_p);

// The mapping of this definition, owned by the table and good until the next call with another
// definition. NULL with fault if it does not compile; the refusal is remembered too.
mapping_t *mappings_get(mappings_t *self, slice_t definition, fault_t *fault);
