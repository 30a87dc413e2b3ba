/*  journal_format -- the bytes of a base or delta, for journal*.c only.
 *
 *  One version byte, then sections. A section is one of SECTION_*; a plan or a series belongs to
 *  the branch named last, and SECTION_FORGET drops that branch. The entry of a series:
 *
 *      name          in SECTION_SERIES its id; in SECTION_KNOWN, of one that an entry before has
 *                    named and that no other can be taken for, its tag: the low SERIES_TAG_BITS of
 *                    its hash (hash.h)
 *      flags         ENTRY_*
 *      exact_us      if ENTRY_TURNED: windows longer than this turn coarse, before the rows below
 *      start         position of the first row below, from the end of the rows sent before:
 *                    more than 0 if rows came and went in between, less if some are replaced. If
 *                    ENTRY_ONLY none before it are kept: what was sent of them may not stand
 *      count         rows below
 *      times         distances from the row before, the first from the newest time sent before
 *      arguments     one column each
 *      floor         if ENTRY_FLOOR: distance from the newest time; else it is the lateness
 *      open rows     distance of the first from the end; those among the rows above, each with its
 *                    distance from the end (times 4, plus 2 if it is due, 1 if told apart by its
 *                    ordinal), how many of its time are before it, identity and columns
 *      fired         what rules have said of those open rows: distance from the end (times 8, plus
 *                    SAID_*), and the rule, whether or not the plan has it
 *      topics        those that changed: index of the rule, seq and id of the last entry, minute
 *                    (back from that of the newest time), alerts in it, how many were held back,
 * and the incident: its state (plus 4 if it was told, ever), when last (back from the newest time),
 * if it is not well since when (likewise), if it fires its `opened` left          if ENTRY_LEFT:
 * the row that was open last: distances from the end and from the newest time, columns covered if
 * ENTRY_KNOWN: covered_us, covered_position, known of each argument cells         if ENTRY_COARSE,
 * in a whole entry: exact_us, rows not taken, how many widths; of each: bits, known of each trace,
 * count, distances of times from the cell before, columns
 *
 *  Positions count back from the end, so they are small.
 *
 *  Version 6 has no incidents. Version 5 has no `left` either, no `said`, and of a topic no more
 * than seq and id.
 */
#pragma once
#include "actors/rules/ruleset.h"
#include "actors/transform/pack.h"
#include "actors/transform/ring.h"

enum { JOURNAL_VERSION = 7, JOURNAL_VERSION_LEAST = 5 };
enum {
    SECTION_BRANCH = 1,
    SECTION_PLAN = 2,
    SECTION_SERIES = 3,
    SECTION_FORGET = 4,
    SECTION_KNOWN = 5
};
enum {
    ENTRY_WHOLE = 1,
    ENTRY_FLOOR = 2,
    ENTRY_TURNED = 4,
    ENTRY_COARSE = 8,
    ENTRY_KNOWN = 16,
    ENTRY_ONLY = 32,
    ENTRY_LEFT = 64,
    ENTRY_ALL = 127,
};
enum { INCIDENT_TOLD = 4 }; // beside its state
enum { COLUMN_NULLS = 0, COLUMN_NARROW = 1, COLUMN_SOME_NULL = 2, COLUMN_WIDE = 3 };
// The largest that is kept: a product of two arguments, summed over the 2^64 rows of a cell. The
// compiler refuses larger arguments, so what is written can be read.
enum {
    FIGURE_EXPONENT_MAX = 2 * ARGUMENT_DIGITS_MAX + 20, // either way
    FIGURE_BYTES_MAX = FIGURE_EXPONENT_MAX,             // of a mantissa of 2.4 digits a byte
};

// What writing needs beside the buffer.
typedef struct {
    int64_t *numbers;
    uint8_t *nulls; // bitmap
    size_t capacity;
    figure_t figure;
    mpz_t big;
} column_writer_t;

void column_writer_init(column_writer_t *self);
void column_writer_close(column_writer_t *self);
bool column_writer_room(column_writer_t *self, size_t count); // for numbers and nulls

// The numbers of rows from .. to - 1, in the one form that their values have. False: no memory.
bool column_write(column_writer_t *self, const ring_t *ring, unsigned column, uint64_t from,
                  uint64_t to, buffer_t *out);
void figure_write(column_writer_t *self, figure_t *figure, buffer_t *out); // normalises it

// Numbers of a column in turn.
typedef struct {
    uint8_t kind;
    int exponent;
    unpack_list_t list;
    const uint8_t *nulls;
    unpack_t wide;
    size_t next;
} column_reader_t;

void column_read(column_reader_t *self, unpack_t *in, size_t count); // in->bad if refused
void column_next(column_reader_t *self, figure_t *figure);
void figure_read(unpack_t *in, figure_t *figure);
