/*  course -- see course.h. */
#include "actors/transform/course.h"

#include <assert.h>

enum { US_PER_S = 1000000, US_PER_S_ZEROS = 6 };

void course_open(course_t *self)
{
    mpz_inits(self->area, self->number, NULL);
    course_clear(self, false);
}

void course_close(course_t *self)
{
    mpz_clears(self->area, self->number, NULL);
}

void course_clear(course_t *self, bool weighed)
{
    self->weighed = weighed;
    self->any = false;
    mpz_set_ui(self->area, 0);
}

void course_copy(course_t *self, const course_t *from)
{
    self->weighed = from->weighed;
    self->any = from->any;
    self->first = from->first;
    self->last = from->last;
    mpz_set(self->area, from->area);
}

static unsigned long lapse_us(const ring_t *ring, uint64_t from, uint64_t to)
{
    return (unsigned long) (ring_ts(ring, to) - ring_ts(ring, from)); // in order of time
}

void course_enter(course_t *self, const ring_t *ring, unsigned column, uint64_t position)
{
    if (!self->any)
        self->first = position;
    else if (self->weighed) {
        ring_mantissa(ring, column, self->last, self->number);
        mpz_addmul_ui(self->area, self->number, lapse_us(ring, self->last, position));
    }
    self->last = position;
    self->any = true;
}

void course_leave(course_t *self, const ring_t *ring, unsigned column, uint64_t position)
{
    assert(self->any && (position == self->first || position == self->last));
    if (self->first == self->last) {
        self->any = false;
        return;
    }
    bool old = position == self->first;
    uint64_t next = position;
    do
        next = old ? next + 1 : next - 1;
    while (ring_null(ring, column, next));
    if (self->weighed) {
        uint64_t from = old ? position : next;
        ring_mantissa(ring, column, from, self->number);
        mpz_submul_ui(self->area, self->number, lapse_us(ring, from, old ? next : position));
    }
    *(old ? &self->first : &self->last) = next;
}

// ---- values -----------------------------------------------------------------------------------

// What it is divided by, in microseconds; 0: NULL.
static uint64_t divisor_us(const course_view_t *self)
{
    const course_t *course = self->course;
    if (!course->any)
        return 0;
    switch ((int) self->kind) {
    case AGGREGATE_DELTA:
        return 1;
    case AGGREGATE_RATE:
        return lapse_us(self->ring, course->first, course->last);
    default:
        assert(self->kind == AGGREGATE_TWAVG);
        return (uint64_t) (self->ts - ring_ts(self->ring, course->first));
    }
}

// The last number is in force until now.
static uint64_t rest_us(const course_view_t *self)
{
    return (uint64_t) (self->ts - ring_ts(self->ring, self->course->last));
}

bool course_exact(const course_view_t *self, mpq_t value)
{
    const course_t *course = self->course;
    uint64_t divisor = divisor_us(self);
    if (divisor == 0)
        return false;
    mpz_t number;
    mpz_init(number);
    mpz_ptr top = mpq_numref(value);
    ring_mantissa(self->ring, self->column, course->last, top);
    if (self->kind == AGGREGATE_TWAVG) {
        mpz_mul_ui(top, top, rest_us(self));
        mpz_add(top, top, course->area);
    } else {
        ring_mantissa(self->ring, self->column, course->first, number);
        mpz_sub(top, top, number);
    }
    if (self->kind == AGGREGATE_RATE)
        mpz_mul_ui(top, top, US_PER_S);
    mpz_set_ui(mpq_denref(value), divisor);
    mpq_canonicalize(value);
    exact_scale(value, self->ring->columns[self->column].exponent);
    mpz_clear(number);
    return true;
}

// In doubles, if the column is narrow and nothing can cancel out.
static bool nearly(const course_view_t *self, uint64_t divisor, double *value, double *error)
{
    const column_t *column = &self->ring->columns[self->column];
    if (!column->narrow)
        return false;
    uint64_t mask = self->ring->mask;
    int64_t last = column->narrow[self->course->last & mask];
    if (self->kind != AGGREGATE_TWAVG) {
        int128_t delta = (int128_t) last - column->narrow[self->course->first & mask];
        int zeros = self->kind == AGGREGATE_RATE ? US_PER_S_ZEROS : 0;
        return exact_approximate((double) delta / (double) divisor, column->exponent + zeros, 3,
                                 value, error);
    }
    double area = mpz_get_d(self->course->area); // towards zero: up to two halves of an ulp
    double rest = (double) last * (double) rest_us(self);
    bool same = (area >= 0) == (rest >= 0) || area == 0 || rest == 0;
    return same &&
           exact_approximate((area + rest) / (double) divisor, column->exponent, 6, value, error);
}

approximate_t course_approximate(const course_view_t *self, double *value, double *error)
{
    uint64_t divisor = divisor_us(self);
    if (divisor == 0)
        return APPROXIMATE_NULL;
    if (nearly(self, divisor, value, error))
        return APPROXIMATE_VALUE;
    mpq_t exact;
    mpq_init(exact);
    (void) course_exact(self, exact); // there is a divisor
    bool near = exact_estimate(exact, value, error);
    mpq_clear(exact);
    return near ? APPROXIMATE_VALUE : APPROXIMATE_UNSURE;
}
