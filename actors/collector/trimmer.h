/*  trimmer -- which part of which log may be removed: what the archivist's thread finds out, and
 *  the collector's loop allows.
 *
 *  The loop knows what is held in a copy of Redis and which edition is told; the thread looks at
 *  files. So the thread offers a place to begin at, the loop takes it back if the stream is told
 *  anew since, and only what the loop has accepted, and counts on no more, is removed.
 */
#pragma once
#include "broker/stage/trim.h"

enum { TRIMMER_STREAMS_MAX = 64 };

typedef struct trimmer trimmer_t;

trimmer_t *trimmer_new(void); // NULL: no memory
void trimmer_destroy(trimmer_t **self_p);

// ---- of the loop ------------------------------------------------------------------------------

// This stream, told in this edition, needs no record up to `floor`. False: no memory, or too many.
bool trimmer_tell(trimmer_t *self, const char *stream, uint64_t edition, uint64_t floor);
// It begins with record `first`, and could begin with *offer. False: with none after that.
bool trimmer_offer(trimmer_t *self, const char *stream, uint64_t edition, uint64_t first,
                   uint64_t *offer);
// The offer was taken: remove what lies before that record.
void trimmer_accept(trimmer_t *self, const char *stream, uint64_t first_seq);

// ---- of the thread ----------------------------------------------------------------------------

// Look at this stream; remove what was accepted. False with fault.
bool trimmer_work(trimmer_t *self, const char *root, const char *namespace, const char *stream,
                  int64_t keep_us, int64_t now_us, fault_t *fault);

uint64_t trimmer_count(trimmer_t *self); // segments removed in this life
