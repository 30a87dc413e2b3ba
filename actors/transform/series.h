/*  series -- all that is remembered of one series.
 *
 *  Pure. Rows are kept in order of time, then arrival. Those before the floor have closed: none of
 *  them changes any more, and a row that comes for them is late. The floor is newest - lateness and
 *  never falls. Rows from there on are open: they may be revised, and others come between them.
 *  So there is an end for the windows that judge rows as they come (`windows`), anywhere among the
 *  open rows, and one for those that judge rows as they close (`trail`), which only moves forward
 *  and sees nothing that may change. What came between costs a copy of the trail and a walk over
 *  the open rows before it. Without lateness only rows of the newest time are open, and there is
 *  no trail.
 *
 *  What is kept is a suffix of all accepted rows: those with ts >= floor - keep_us, or among the
 *  keep_rows before the first open row, and the open rows. That is a function of the rows and the
 *  plan alone: nothing is visible of when memory was really freed, and a longer window added later
 *  finds exactly what the plans before it promised to keep.
 *
 *  More open rows than the fold allows: those of the oldest time close early, which lifts the
 *  floor.
 *
 *  Coarse. A window by time that holds too many rows turns coarse: from then on it sees cells
 *  (cells.h), until they have all left it, and rows are kept only for the longest window that is
 *  still exact, `exact_us`. A longer window holds no fewer rows than a shorter one, so coarse are
 *  always those longer than that; the others never notice. Cells take rows that have closed, so
 *  what lies ahead of the floor cannot look at them: such a rule judges a row when it closes.
 *
 *  Covered. After `covered_us` every row is here; `covered_position` says the same by order of
 *  arrival. A plan that keeps longer than the one before moves them up to where the old promise
 *  began, unless the very first row of the series is still here. Likewise each argument has a
 *  time and position from which on rows carry it: a plan that adds an argument which was not
 *  kept knows it only for rows that come later. A rule is judged only where its windows and
 *  their arguments are covered; until then the series is warming for it.
 *
 *  Open rows already here do not get a new argument computed from their columns, although they
 *  have them: an argument is known from one point on, for all rows alike.
 */
#pragma once
#include "actors/transform/baselines.h"
#include "actors/transform/cells.h"
#include "actors/transform/fired.h"
#include "actors/transform/open.h"
#include "actors/transform/recalls.h"
#include "actors/transform/spoken.h"
#include "actors/transform/windows.h"

typedef struct {
    int64_t us;        // rows with ts >= this have it
    uint64_t position; // rows from here on have it
} known_t;

// The row that was open last: the one before those that are, as long as it is needed to tell the
// step to true.
typedef struct {
    bool known;
    uint64_t position;
    int64_t ts;
    decimal_t *values; // as in the table's columns; NULL before the first
} left_t;

typedef struct series series_t;
struct series {
    const layout_t *layout;
    ring_t ring; // ring.tail = rows accepted so far
    windows_t windows;
    cells_t *cells;   // of windows by time longer than `exact_us`, narrow ones first; or NULL
    int64_t exact_us; // INT64_MAX without cells
    open_t open;
    int64_t newest;   // event time of the last row
    int64_t floor_us; // rows before it have closed
    uint64_t kept;    // first position kept for windows by time
    size_t due;       // open rows to be judged when they close
    // So far what every row touches, close together; below what most series seldom need.
    uint64_t taken;     // rows before this one are in cells
    windows_t trail;    // zeroed without lateness
    int64_t covered_us; // INT64_MIN = everything
    uint64_t covered_position;
    known_t *known;   // of each argument
    bool known_moved; // since the last delta
    bool partial;     // not everything is covered and known
    spoken_t topics;  // of rules that have said something
    roll_t *roll;     // rules that can hold for it; NULL until it is judged under this plan
    fired_t fired;    // what has been said of the open rows
    left_t left;      // of tables with edges
    recalls_t recalls;
    baselines_t baselines; // of rules whose windows stand still
    int64_t heard_us;      // receipt of the last row, if a rule asks for silence; 0 = unknown
    size_t silences;       // topics that are silent
    uint32_t
        *asking; // rules that miss its rows, in order (fold_silence.c); NULL: not looked up yet
    size_t asking_count;

    // For its partition and journal.
    uint64_t sent;   // rows that are in deltas already
    int64_t sent_ts; // newest time among them
    uint64_t resend; // those from here on must be sent, again if they were: revised, or moved up
    bool touched;    // it is in the list of those below
    bool changed;    // something is in no delta yet
    bool turned;     // coarser since the last delta, with this exact_us
    int64_t turned_us;
    bool hidden;  // its latest row was not shown yet
    bool settled; // what rules that settle (docket.h) said last follows from its newest row
    series_t *next_touched, *next_hidden;
    uint64_t hash;
    uint8_t id_size;
    uint8_t id[];
};

// A row on its way in. Values as in the table's columns, arguments as in its plan.
typedef struct {
    int64_t ts;
    const decimal_t *values;
    const figure_t *arguments;
    slice_t identity;
    bool ordinal;
} row_t;

typedef enum { ADMIT_NEW, ADMIT_LATE, ADMIT_DUPLICATE, ADMIT_REVISION } admit_t;

series_t *series_new(slice_t id, uint64_t hash, const layout_t *layout);
void series_destroy(series_t **self_p);

static inline slice_t series_name(const series_t *self)
{
    return slice_of(self->id, self->id_size);
}

// Where the floor is once a row of this time is in: before that, open rows below it have to close.
static inline int64_t series_floor(const series_t *self, int64_t ts)
{
    int64_t floor = (ts > self->newest ? ts : self->newest) - self->layout->plan->lateness_us;
    return floor > self->floor_us ? floor : self->floor_us;
}
// Without lateness a row of a later time takes the place of all open ones: they have closed.
static inline bool series_replaces(const series_t *self, int64_t ts)
{
    return ts > self->newest && self->layout->plan->lateness_us == 0;
}
static inline bool series_full(const series_t *self)
{
    return open_count(&self->open) == self->layout->open_rows_max;
}

// Is the last open row kept, told apart by its ordinal, when another of its time comes? Edges ask
// for the one before any that can be revised.
static inline bool series_keeps_ordinal(const series_t *self)
{
    return self->layout->plan->has_edges && open_count(&self->open) > 1;
}

// What is this row to the series? A duplicate or revision is of open row *open.
admit_t series_admit(const series_t *self, const row_t *row, size_t *open);
// Take a new row in, if there is room; *moment is the one to judge it. False: out of memory.
bool series_accept(series_t *self, const row_t *row, moment_t *moment);
bool series_revise(series_t *self, size_t open, const row_t *row);

// Judge an open row: windows are as it sees them afterwards.
bool series_look(series_t *self, size_t open, moment_t *moment);

// ---- closing (series_close.c) -------------------------------------------------------------------

static inline bool series_has_trail(const series_t *self)
{
    return self->trail.windows != NULL;
}

bool series_follow(series_t *self); // cells and trail, after the floor was raised
// Rows before this time have closed: none of them is open any more. False: out of memory.
static inline bool series_raise(series_t *self, int64_t floor)
{
    if (floor <= self->floor_us)
        return true;
    self->floor_us = floor;
    return (!self->cells && !series_has_trail(self)) || series_follow(self);
}

// Judge the first open row once more, as it closes; the floor is raised to its time.
bool series_look_closing(series_t *self, moment_t *moment);
bool series_close(series_t *self);                 // the first open row
bool series_leave(series_t *self, size_t open);    // this row is about to; false: out of memory
void series_forget(series_t *self, uint64_t open); // what was said of rows before this one
void series_void_windows(series_t *self);          // they are stale: built anew when needed

// The row before an open one. Unknown: it left before the plan had a rule that asks.
typedef enum { BEFORE_NONE, BEFORE_UNKNOWN, BEFORE_KNOWN } before_t;
before_t series_before(const series_t *self, uint64_t position, int64_t *ts,
                       const decimal_t **values);

bool series_covers(const series_t *self, unsigned aggregate, const moment_t *moment);
void series_note_partial(series_t *self); // after covered or known were set

// The plan changed (reshape.c).
bool series_reshape(series_t *self, const layout_t *layout);
// Does an exact window by time hold more rows than this? Then those that do turn coarse: all that
// are longer than series_bearable.
bool series_crowded(const series_t *self, uint32_t rows_max);
int64_t series_bearable(const series_t *self, uint32_t rows_max); // 0 = none
bool series_turn(series_t *self, int64_t exact_us);               // false: out of memory
// With cells: the floor was raised. False: out of memory.
bool series_settle(series_t *self);
bool series_take(series_t *self); // cells take the rows that can no longer be revised
bool series_look_cells(series_t *self, int64_t ts);
bool series_add_cells(series_t *self, cells_t *cells); // takes them over; false: they are NULL
void series_shed(series_t *self); // what runs empty makes its windows exact again
void series_drop_cells(series_t *self);

// Forget rows that the plan does not keep (with cells, only rows that are in a delta).
void series_trim(series_t *self);
size_t series_bytes(const series_t *self);
