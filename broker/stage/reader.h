/*  reader -- the inside of a stage_reader_t, shared with the writer's recovery.
 *
 *  Private to broker/stage. A cursor: a file of the stream, a place in it, a buffer of bytes
 *  around that place.
 */
#pragma once
#include "broker/stage/stage.h"

enum { READER_ERROR_MAX = 255 };

struct stage_reader {
    int directory;
    uint64_t *firsts; // first seq of every segment that was there when we last looked
    size_t count;
    uint64_t segment;   // first seq of the one that is open; trimming may have removed it since
    uint64_t successor; // of the one after it, 0 = there was none when we last looked
    int file;           // -1 = none
    bool headed;        // its head was looked at
    uint32_t mark;      // 0 = not known yet
    uint64_t offset;    // in the file, where the next record begins
    uint64_t expected;  // the next seq
    uint64_t promised;  // how far the caller said it is durable when the buffer was filled
    bool skim;          // old payloads are skipped, see reader_skim

    uint8_t *data; // bytes of the file from data_offset on
    size_t capacity, size;
    uint64_t data_offset;
    char error[READER_ERROR_MAX + 1]; // "" = none
};

stage_reader_t *reader_new(int directory); // takes the descriptor over; NULL: out of memory

// From now on payloads of sources come empty, and unchecked where a later segment
// exists: opening a large log must not read all of it.
void reader_skim(stage_reader_t *self);

// Does the segment first_seq..last begin with all that its writer knew? Only control records stand
// there before RECORD_KNOWN_END. Moves the cursor.
bool reader_is_headed(stage_reader_t *self, uint64_t first_seq, uint64_t last);

// At the end of the stream: which seq was surely never given away, and *end, where the last
// intact record of the last segment ends (untouched without segments). What stands behind *end
// is either torn, never promised and void; or it was whole once and rotted: then its seqs may
// be known downstream and must not be used for something else. Moves the cursor.
uint64_t reader_next_free(stage_reader_t *self, uint64_t *end);
