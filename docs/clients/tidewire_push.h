/*  tidewire_push -- push rows into a Tidewire feed; what was acknowledged is on disk.
 *
 *      tidewire_push_t *feed =
 *          tidewire_push_new("tcp://127.0.0.1:5570", "tcp://127.0.0.1:5560", "trades", "me");
 *      uint64_t done;                          // frames of this client that are on disk already
 *      if (!tidewire_push_open(feed, 30000, &done)) ... tidewire_push_error(feed) ...
 *      tidewire_push_rows(feed, columns, 3, rows, -1);              // as often as there are rows
 *      tidewire_push_settle(feed, -1);                              // until everything is on disk
 *      tidewire_push_destroy(&feed);
 *
 *  Frames are numbered 1, 2, 3 ... and kept, within bounds, until the collector has announced their
 *  number on the broker's topic staged/<source>/<client>; after a silence, a broken link, or when
 *  the collector says that one is missing, all above the announced number is sent again, in order.
 *  So every row is taken once, whoever dies: the collector, the broker, or this client, which asks
 *  when it opens how far its earlier life came. That needs rows that can be made again: frame n
 *  must hold the same rows in every life. Who pushes what cannot be made again takes a new client
 *  name each time.
 *
 *  No threads: work is done inside the calls, so call something (tidewire_push_work will do) every
 *  second or so. One tidewire_push_t is one client and serves one thread; two must not share a
 *  name. Times are milliseconds, -1 waits without end. C11 on libzmq, msgpack-c and zlib.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TIDEWIRE_FRAME_BYTES_MAX = 64 << 20, // a larger frame would end the connection
    TIDEWIRE_FRAME_ROWS_MAX = 262144,
    TIDEWIRE_SERIES_MAX = 255, // bytes of a series id
};

typedef struct tidewire_push tidewire_push_t;

typedef enum {
    TIDEWIRE_I64,  // values: int64_t, one a row
    TIDEWIRE_F64,  // double; NaN is NULL
    TIDEWIRE_DEC,  // int64_t mantissas of value * 10^exponent, exactly; INT64_MIN is NULL
    TIDEWIRE_TEXT, // const char *; NULL is NULL; numbers may stand in texts
    TIDEWIRE_DICT, // uint32_t indexes into `texts`: few texts, many rows
} tidewire_type_t;

typedef struct {
    const char *name;
    tidewire_type_t type;
    const void *values;
    int exponent;             // TIDEWIRE_DEC
    const char *const *texts; // TIDEWIRE_DICT
    uint32_t text_count;
} tidewire_column_t;

// feed: the endpoint of the source; alerts: that of the broker, or of several brokers, separated by
// commas, of which one that lives is enough. NULL: no memory, or something is too long. Everything
// given is copied.
tidewire_push_t *tidewire_push_new(const char *feed, const char *alerts, const char *source,
                                   const char *client);
// Where Tidewire has keys: our key file, NAME.key_secret (tidewire_curve.h). Before opening. False:
// it is none.
bool tidewire_push_key(tidewire_push_t *self, const char *file);
// At once; what is not acknowledged may be lost (settle first).
void tidewire_push_destroy(tidewire_push_t **self_p);

// How much is kept unacknowledged before sending waits; 256 frames and 64 MiB if nothing is said.
// False: no memory, or frames are under way.
bool tidewire_push_bound(tidewire_push_t *self, size_t frames_max, size_t bytes_max);

// Connect, and ask how many frames of this client are on disk; the next one will be the number
// behind it. False: an endpoint that is none, we are refused, or the time is over.
bool tidewire_push_open(tidewire_push_t *self, int wait_ms, uint64_t *acknowledged);

// Number a frame and send it. Waits for room, if need be. Returns n; 0: it was not taken.
uint64_t tidewire_push_rows(tidewire_push_t *self, const tidewire_column_t *columns,
                            unsigned column_count, uint32_t rows, int wait_ms);
// The same with bytes that the source's mapping reads.
uint64_t tidewire_push_raw(tidewire_push_t *self, const void *bytes, size_t size, int wait_ms);

// Send, hear, send again; returns when there was news, or after so long.
void tidewire_push_work(tidewire_push_t *self, int wait_ms);

// Until everything is on disk. False: the time is over.
bool tidewire_push_settle(tidewire_push_t *self, int wait_ms);

uint64_t tidewire_push_acknowledged(const tidewire_push_t *self); // up to here all is on disk
uint64_t tidewire_push_resent(const tidewire_push_t *self);   // times that frames were sent again
const char *tidewire_push_error(const tidewire_push_t *self); // why the last call failed

// ---- shards ---------------------------------------------------------------------------------

// The series id of a row: table and key values in the order of the configuration. False: it is
// longer than TIDEWIRE_SERIES_MAX.
bool tidewire_series(char id[TIDEWIRE_SERIES_MAX + 1], const char *table, const char *const *values,
                     unsigned count);
// Push its rows to source "<name>.<shard>" of a feed with that many shards.
unsigned tidewire_shard(const char *id, unsigned shards);
