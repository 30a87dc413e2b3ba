/*  journal_reader -- reading a base or delta, for journal_*.c only: see journal.h. */
#pragma once
#include "actors/transform/journal.h"
#include "actors/transform/journal_format.h"

#define POSITION_MAX (INT64_C(1) << 61)

typedef struct {
    unpack_t in;
    partition_t *partition;
    branch_t *branch; // of the section before
    journal_find_t *find;
    void *context;
    fault_t *fault;
    uint8_t version;
    // Scratch, grown to the table in hand.
    size_t column_capacity;
    column_reader_t *columns;
    figure_t *figures;
    size_t value_capacity;
    decimal_t *values;
    standings_t standing;
} journal_reader_t;

bool journal_no_memory(journal_reader_t *self);                 // false, and says so
bool journal_refused(journal_reader_t *self, const char *what); // false, and says so
// Room for the columns of a series, or for this many.
bool journal_room(journal_reader_t *self, const layout_t *layout);
bool journal_room_for_columns(journal_reader_t *self, size_t count);

// journal_baselines.c; open rows from there on were told again.
bool journal_read_baselines(journal_reader_t *self, series_t *series, uint64_t from);
bool journal_read_entry(journal_reader_t *self, series_t *series); // journal_entry.c
// journal_cells.c; the floor is theirs already, so that nothing is merged twice.
bool journal_read_cells(journal_reader_t *self, series_t *series, int64_t floor);
