/*  replay_request -- what a person asks of the writer of a stream, as a file beside its log.
 *
 *  The file says it durably and needs nobody in between: a writer that was down finds it when it
 *  is back. One at a time: the next is refused while one waits. The id makes it safe to find one
 *  twice, and says whose it is.
 */
#pragma once
#include "broker/stage/stage.h"

enum { REQUEST_ID_BYTES = 32 };

typedef struct {
    char id[REQUEST_ID_BYTES + 1];          // hex digits, random
    char mappings[REQUEST_ID_BYTES + 1];    // which must be in force: a hash, hex digits
    int64_t from_us;                        // replay records received from here on
    char source[STAGE_SOURCE_NAME_MAX + 1]; // of this source; "" = of all
} replay_request_t;

// The stream must exist, and no request may wait there. False with fault.
bool replay_request_put(const char *root, const char *namespace, const char *stream,
                        const replay_request_t *request, fault_t *fault);

typedef enum {
    REQUEST_NONE,
    REQUEST_READ,
    REQUEST_BAD,    // there is a file that is none (fault)
    REQUEST_FAILED, // it cannot be read now (fault): perhaps it is a good one
} replay_request_result_t;

replay_request_result_t replay_request_get(const char *root, const char *namespace,
                                           const char *stream, replay_request_t *request,
                                           fault_t *fault);

// The one of this id was answered, or never will be; NULL: the file that is none. Another's stays.
bool replay_request_remove(const char *root, const char *namespace, const char *stream,
                           const char *id);
