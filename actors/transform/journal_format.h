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
 *      fired         what rules have said of those open rows: distance from the end (times 16, plus
 *                    SAID_*), and the rule, whether or not the plan has it
 *      topics        those that changed: index of the rule, seq and id of the last entry, minute
 *                    (back from that of the newest time), alerts in it, how many were held back,
 *                    and the incident: its state (plus INCIDENT_TOLD if it was told, ever, plus
 *                    INCIDENT_SILENT, plus INCIDENT_CHANGES if it has a flap), when last (back from
 *                    the newest time), if it is silent since when (likewise), if it is not well
 *                    since when (likewise), if it fires its `opened`; of the flap how many changes
 *                    (times 2, plus 1 if it is on), when (likewise), and if it is on since when
 *                    (likewise) and its `opened`
 *      left          if ENTRY_LEFT: the row that was open last: distances from the end and from the
 *                    newest time, columns
 *      recalls       if the plan has rules that recall: those that held for the row before the open
 *                    ones; those that do not know how they stood: index, since when they know (back
 *                    from the end; 0: they do not)
 *      baselines     if the plan has rules whose windows stand still: how many do behind the row
 *                    before the open ones: index of the rule (times 2, plus 1 if it is the baseline
 *                    that the entry before this one had there), and if it is another the baseline;
 *                    then behind the open rows among the rows above: distance from the end (times
 *                    2, plus 1 if it is that behind the row before it), index of the rule, and if
 *                    it is another the baseline. A baseline: time of its row (back from the newest
 *                    time), how many of its time are before that (times 2, plus 1 if `resolve` can
 *                    be judged), and for each aggregate of the rule and of its `resolve` 1 if it is
 *                    known plus 2 if it is coarse, its rows, and if it is known numerator and
 *                    denominator in lowest terms (size in bytes, times 2, plus 1 if it is below 0,
 *                    and the magnitude)
 *      heard         if ENTRY_HEARD: receipt of the last row, back from the newest time
 *      covered       if ENTRY_KNOWN: covered_us, covered_position, known of each argument
 *      cells         if ENTRY_COARSE, in a whole entry: exact_us, rows not taken, how many widths;
 *                    of each: bits, known of each trace, count, distances of times from the cell
 *                    before, columns
 *
 *  Positions count back from the end, so they are small.
 *
 *  Version 11 has all baselines behind the row before the open ones, and of them the plain index of
 *  the rule. Version 10 has no `baselines`. Version 9 knows no flaps. Version 8 has no `recalls`,
 *  and fired times 8. Version 7 knows nothing of silence. Version 6 has no incidents. Version 5 has
 *  no `left` either, no `said`, and of a topic no more than seq and id.
 */
#pragma once
#include "actors/rules/ruleset.h"
#include "actors/transform/pack.h"
#include "actors/transform/ring.h"
#include "actors/transform/series.h"

enum {
    JOURNAL_VERSION = 12,
    JOURNAL_VERSION_LEAST = 5,
    JOURNAL_VERSION_EIGHTS = 8,
    JOURNAL_VERSION_MOVING = 10,
    JOURNAL_VERSION_REPEATED = 11
};
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
    ENTRY_HEARD = 128,
    ENTRY_ALL = 255,
};
enum {
    INCIDENT_TOLD = 4,
    INCIDENT_SILENT = 8,
    INCIDENT_CHANGES = 16,
    INCIDENT_SAYS = 31
}; // beside its state
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

// What windows held that stand still behind the row before the open ones, and behind open rows from
// this position on (journal_baselines.c); whole: whoever reads it knows of none.
void baselines_write(const series_t *series, uint64_t from, bool whole, buffer_t *out);

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
