/*  journal_baselines -- what windows held that stand still, in bases and deltas: see
 *  journal_format.h and baseline.h.
 *
 *  Whether a row has what the one before it has is told by value: so state that was read is written
 *  as the same bytes.
 */
#include <assert.h>

#include "actors/transform/journal_reader.h"

// Of a numerator or denominator, whatever figures a journal has: a quotient of two squared ones.
enum { WHOLE_BYTES_MAX = 8 * FIGURE_BYTES_MAX };

// ---- writing ------------------------------------------------------------------------------------

// Size and sign, then the magnitude.
static void write_whole(mpz_srcptr number, buffer_t *out)
{
    size_t size = mpz_sgn(number) ? (mpz_sizeinbase(number, 2) + 7) / 8 : 0;
    assert(size <= WHOLE_BYTES_MAX);
    pack_u64(out, 2 * size + (mpz_sgn(number) < 0));
    uint8_t *place = buffer_extend(out, size);
    if (place && size > 0)
        mpz_export(place, NULL, -1, 1, 0, 0, number);
}

static void write_value(const baseline_value_t *value, buffer_t *out)
{
    pack_u64(out, 2 * (uint64_t) value->coarse + value->known);
    pack_u64(out, value->rows);
    if (!value->known)
        return;
    write_whole(mpq_numref(value->value), out);
    write_whole(mpq_denref(value->value), out);
}

static void write_baseline(const series_t *series, const baseline_t *baseline, buffer_t *out)
{
    pack_u64(out, (uint64_t) (series->newest - baseline->since_us));
    pack_u64(out, 2 * baseline->nth + baseline->resolves);
    for (size_t i = 0; i < baseline->count; i++)
        write_value(&baseline->values[i], out);
}

// Those behind the row before the open ones. While an anomaly lasts they are what they were.
static void write_held(const series_t *series, size_t held, bool whole, buffer_t *out)
{
    const baselines_t *baselines = &series->baselines;
    pack_u64(out, held);
    for (size_t i = 0; i < held; i++) {
        const baseline_row_t *row = baselines_row(baselines, i);
        const baseline_t *told = whole ? NULL : standings_find(&baselines->told, row->rule);
        bool same = told && baseline_same(told, row->baseline);
        pack_u64(out, 2 * (uint64_t) row->rule + same);
        if (!same)
            write_baseline(series, row->baseline, out);
    }
}

void baselines_write(const series_t *series, uint64_t from, bool whole, buffer_t *out)
{
    const baselines_t *baselines = &series->baselines;
    uint64_t first = series->open.rows[series->open.first].position, end = series->ring.tail;
    write_held(series, baselines_from(baselines, first), whole, out);
    size_t next = baselines_from(baselines, from > first ? from : first);
    pack_u64(out, baselines->count - next);
    for (; next < baselines->count; next++) {
        const baseline_row_t *row = baselines_row(baselines, next);
        const baseline_t *before =
            row->position > 0 ? baselines_find(baselines, row->position - 1, row->rule) : NULL;
        bool same = before && baseline_same(before, row->baseline);
        pack_u64(out, 2 * (end - row->position) + same);
        pack_u64(out, row->rule);
        if (!same)
            write_baseline(series, row->baseline, out);
    }
}

// ---- reading ------------------------------------------------------------------------------------

static void read_whole(journal_reader_t *self, mpz_ptr number)
{
    uint64_t size = unpack_up_to(&self->in, 2 * (uint64_t) WHOLE_BYTES_MAX + 1);
    slice_t magnitude = unpack_raw(&self->in, size / 2);
    if (self->in.bad)
        return;
    mpz_import(number, magnitude.size, -1, 1, 0, 0, magnitude.data);
    if (size % 2)
        mpz_neg(number, number);
    bool small = magnitude.size > 0 && magnitude.data[magnitude.size - 1] == 0;
    if (small || (magnitude.size == 0 && size % 2)) // it has been written otherwise
        self->in.bad = true;
}

static void read_value(journal_reader_t *self, baseline_value_t *value)
{
    uint64_t flags = unpack_up_to(&self->in, 3);
    value->known = flags & 1;
    value->coarse = flags & 2;
    value->rows = unpack_u64(&self->in);
    if (self->in.bad || !value->known)
        return;
    read_whole(self, mpq_numref(value->value));
    read_whole(self, mpq_denref(value->value));
    mpz_t common;
    mpz_init(common);
    mpz_gcd(common, mpq_numref(value->value), mpq_denref(value->value));
    if (mpz_sgn(mpq_denref(value->value)) <= 0 || mpz_cmp_ui(common, 1) != 0)
        self->in.bad = true; // not in lowest terms
    mpz_clear(common);
}

// With one reference; NULL: refused.
static baseline_t *read_baseline(journal_reader_t *self, const series_t *series, uint64_t rule)
{
    baseline_t *made = baseline_new(baseline_size(&series->layout->plan->rules[rule]));
    if (!made)
        return journal_no_memory(self), NULL;
    uint64_t ago = unpack_up_to(&self->in, 2 * (uint64_t) ROWS_TS_MAX);
    uint64_t nth = unpack_u64(&self->in);
    made->since_us = series->newest - (int64_t) ago;
    made->nth = nth / 2;
    made->resolves = nth % 2;
    for (size_t i = 0; !self->in.bad && i < made->count; i++)
        read_value(self, &made->values[i]);
    bool resolve = series->layout->plan->rules[rule].resolve != NULL;
    if (self->in.bad || (made->resolves && !resolve)) {
        baseline_release(&made);
        journal_refused(self, "windows that stand still");
    }
    return made;
}

typedef struct {
    uint64_t rule;
    uint64_t *next; // of this row no rule before that comes
    bool same;      // it is a baseline that is known
} reading_t;

static bool read_standing(journal_reader_t *self, const series_t *series, const reading_t *what,
                          baseline_t *known)
{
    const table_plan_t *plan = series->layout->plan;
    if (self->in.bad || what->rule < *what->next || what->rule >= plan->rule_count ||
        !plan->rules[what->rule].rule.freeze || (what->same && !known))
        return journal_refused(self, "windows that stand still");
    *what->next = what->rule + 1;
    baseline_t *behind =
        what->same ? baseline_share(known) : read_baseline(self, series, what->rule);
    return behind && (standings_add(&self->standing, (uint32_t) what->rule, behind) ||
                      journal_no_memory(self));
}

// All of this row were read.
static bool set_row(journal_reader_t *self, series_t *series, uint64_t position)
{
    return baselines_set(&series->baselines, position, &self->standing) || journal_no_memory(self);
}

static bool read_held(journal_reader_t *self, series_t *series, uint64_t first)
{
    uint64_t held = unpack_u64(&self->in), next = 0;
    baselines_forget(&series->baselines, first);
    if (held > 0 && first == 0)
        return journal_refused(self, "windows that stand still");
    for (; held > 0; held--) {
        reading_t what = { .rule = unpack_u64(&self->in), .next = &next };
        if (self->version > JOURNAL_VERSION_REPEATED) {
            what.same = what.rule % 2;
            what.rule /= 2;
        }
        baseline_t *told =
            what.same ? standings_find(&series->baselines.told, (uint32_t) what.rule) : NULL;
        if (!read_standing(self, series, &what, told))
            return false;
    }
    return first == 0 || set_row(self, series, first - 1);
}

bool journal_read_baselines(journal_reader_t *self, series_t *series, uint64_t from)
{
    uint64_t first = series->open.rows[series->open.first].position, tail = series->ring.tail;
    uint64_t next = 0, position = from > first ? from : first;
    if (!read_held(self, series, first))
        return false;
    for (uint64_t count = unpack_u64(&self->in); count > 0; count--) {
        uint64_t back = unpack_u64(&self->in);
        reading_t what = { .rule = unpack_u64(&self->in), .next = &next, .same = back % 2 };
        if (self->in.bad || back / 2 == 0 || back / 2 > tail - position)
            return journal_refused(self, "windows that stand still");
        if (tail - back / 2 > position) {
            if (!set_row(self, series, position))
                return false;
            next = 0;
        }
        position = tail - back / 2;
        baseline_t *before =
            what.same && position > 0
                ? baselines_find(&series->baselines, position - 1, (uint32_t) what.rule)
                : NULL;
        if (!read_standing(self, series, &what, before))
            return false;
    }
    return self->in.bad ? journal_refused(self, "windows that stand still")
                        : set_row(self, series, position);
}
