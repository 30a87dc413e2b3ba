/*  push_numbers -- may the frame that a client numbered n be taken now? Pure.
 *
 *  A link that breaks can lose frame 41 and deliver 42. Taking 42 would tell the client that 41 is
 *  durable too, so it is refused until the client has sent 41 again. A client that does not do so
 *  for PUSH_PATIENCE_US does not resend, or does not number 1, 2, 3: from then on its gaps are
 *  taken as they come, and counted.
 *
 *  A client we know nothing of is no exception: what it sent first may be what the link lost, or an
 *  earlier life of ours.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
    PUSH_GAPS_MAX = 256, // clients with a gap that are remembered
    PUSH_PATIENCE_US = 10000000,
};

typedef enum { NUMBER_NEXT, NUMBER_REPEATED, NUMBER_EARLY } number_t;

// A client whose next frame did not come.
typedef struct {
    uint64_t client; // 0 = free
    uint64_t expected;
    int64_t since_us;
    bool lenient;
} push_gap_t;

// Begins zeroed.
typedef struct {
    push_gap_t gaps[PUSH_GAPS_MAX];
    uint32_t oldest; // entry used again next
    uint64_t taken;  // gaps taken
} push_numbers_t;

// `client` is a hash of who it is; `known` the highest number taken, 0 if there is none.
number_t push_numbers_judge(push_numbers_t *self, uint64_t client, uint64_t known, uint64_t n,
                            int64_t mono_us);
