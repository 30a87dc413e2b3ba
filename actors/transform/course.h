/*  course -- where the numbers of a window begin and end, and the area under them: delta, rate and
 *  twavg.
 *
 *  Pure. Rows with a number enter at the young end and leave at the old one, O(1) amortised. Cells
 *  leave at the young end too, when another row joins the last one. The area is that of each
 *  number until the time of the next one, exactly, so a row that has left leaves nothing behind.
 */
#pragma once
#include "actors/rules/evaluate.h"
#include "actors/transform/ring.h"

typedef struct {
    bool weighed;         // the area is kept
    bool any;             // rows with a number
    uint64_t first, last; // their positions
    mpz_t area;           // of mantissas, in microseconds
    mpz_t number;         // scratch
} course_t;

void course_open(course_t *self);
void course_close(course_t *self);
void course_clear(course_t *self, bool weighed); // also when the column changed its exponent
void course_copy(course_t *self, const course_t *from);

// A row whose number is not NULL.
void course_enter(course_t *self, const ring_t *ring, unsigned column, uint64_t position);
void course_leave(course_t *self, const ring_t *ring, unsigned column, uint64_t position);

// What delta, rate and twavg are read from.
typedef struct {
    const course_t *course;
    const ring_t *ring;
    unsigned column;
    aggregate_kind_t kind;
    int64_t ts; // of the row being judged
} course_view_t;

bool course_exact(const course_view_t *self, mpq_t value); // false: NULL
approximate_t course_approximate(const course_view_t *self, double *value, double *error);
