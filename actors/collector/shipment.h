/*  shipment -- records of the log become one RAW message. Pure.
 *
 *  Each source that occurs is named once, with the definition in force at its records; when the
 *  plan or the definition changes in between, once more.
 */
#pragma once
#include "broker/lane.h"
#include "broker/stage/stage.h"
#include "proto/message.h"
#include "proto/seal.h"

enum {
    SHIPMENT_RECORD_BYTES = 64, // counted beyond the payload, so that small records use credit too
};

typedef struct shipment shipment_t;

shipment_t *shipment_new(void);
void shipment_destroy(shipment_t **self_p);

void shipment_begin(shipment_t *self); // empty; keeps its memory, unless it grew large

// False: out of memory. `definition` is that of a payload's source; as long as the plan is the
// same, equal ones are at the same place in memory.
bool shipment_add(shipment_t *self, const record_t *record, slice_t definition);

// May one more of this payload size go along? The first always may.
bool shipment_has_room(const shipment_t *self, size_t payload_size);
uint32_t shipment_records(const shipment_t *self);
size_t shipment_bytes(const shipment_t *self); // as counted for credit

// Append the message to `frame`, each route sealed. False: out of memory.
bool shipment_encode(shipment_t *self, slice_t stream, const seal_secret_t *secret,
                     const lane_ship_t *ship, uint64_t to, int64_t staged_us, buffer_t *frame);
