/*  guests -- the connections that are served, and since when each has been reading its answer.
 *
 *  An answer is in memory until it has been read; who takes a byte now and then would hold it for
 *  ever. One that reads for longer than GUESTS_READ_US is cut off. For any thread; a guest is that
 *  of one connection.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { GUESTS_READ_US = 60 * 1000 * 1000 };

typedef struct guests guests_t;
typedef struct guest guest_t;

guests_t *guests_new(void); // NULL: out of memory
void guests_destroy(guests_t **self_p);

// A connection begins; its descriptor is open until guests_go. NULL: out of memory.
guest_t *guests_come(guests_t *self, int fd);
void guests_go(guests_t *self, guest_t *guest); // NULL: nothing

void guests_reads(guests_t *self, guest_t *guest, int64_t now_us); // from now on
void guests_has_read(guests_t *self, guest_t *guest);
// Who has read for too long by then is cut off. How many were.
size_t guests_cut(guests_t *self, int64_t now_us);
