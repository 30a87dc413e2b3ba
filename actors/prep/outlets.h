/*  outlets -- prep's links to the transform workers, by endpoint. */
#pragma once
#include "broker/bus.h"

typedef struct outlets outlets_t;

outlets_t *outlets_new(void);
void outlets_destroy(outlets_t **self_p);

// Give a frame to the worker at this endpoint, connecting if need be. A worker that takes nothing
// for a while is gone or stuck: the frame is dropped (it asks for it again) and counted.
bool outlets_send(outlets_t *self, slice_t endpoint, slice_t frame, int64_t now_us, fault_t *fault);

// Close links unused for a minute.
void outlets_sweep(outlets_t *self, int64_t now_us);
