/*  The fold against a model that keeps every row for ever and scans: random rows with ties,
 *  duplicates, revisions, late rows, equal times and NULLs, without and with lateness, must give
 *  the same alerts and corrections, in order. Then the promise itself: once everything has closed,
 *  alerts minus corrections are the verdicts over all rows in their last revision.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <gmp.h>

#include "feeds.h"
#include "flap_model.h"
#include "numbers.h"
#include "tests/unit/proto/seeded.h"

enum { SERIES = 3, ROWS_MAX = 3000, BLOCK_MAX = 12, RULES = 8 };

enum { DEALS = 1, HIGHEST = 2, RISES = 4, SAME = 5, TOPS = 6, TRIPLES = 7 };
enum { DEALS_MAX = 20 }; // alerts of "deals" in a minute

static const feed_rule_t rules[] = {
    { "average", "volume > 3 * avg(volume) OVER last_1s", 3 },
    { "deals", "sum(volume * price) OVER rows_4 > 20", 1 },
    { "highest", "price >= max(price) OVER rows_5", 2 },
    { "least", "count(*) OVER last_1s >= 4 AND volume < min(volume) OVER last_1s", 1 },
    { "rises", "price > 0.1", 1 },
    { "same", "volume = lag(volume, 2) OVER rows_3", 1 },
    { "tops", "price >= max(price) OVER rows_5", 2 },
    { "triples", "volume > 3 * avg(volume) OVER last_1s", 3 },
    { 0 },
};

// What is asked of incidents; that of HIGHEST ends when the price is below 0.2.
static const struct {
    int64_t for_us, cooldown_us;
    uint32_t flap_changes;
    int64_t flap_us;
} terms[RULES] = { { 0, 1000000, 0, 0 }, { 300000, 0, 4, 3000000 }, { 0, 0, 3, 1000000 },
                   { 0, 0, 0, 0 },       { 0, 700000, 3, 6000000 }, { 100000, 2000000, 0, 0 },
                   { 0, 0, 4, 2000000 }, { 0, 300000, 0, 0 } };

static void say_more(const char *name, rule_t *rule)
{
    if (strcmp(name, "deals") == 0)
        rule->alerts_max = DEALS_MAX;
    if (strcmp(name, "rises") == 0 || strcmp(name, "tops") == 0 || strcmp(name, "triples") == 0)
        rule->emit = RULE_EMIT_EDGE;
    for (int i = 0; i < RULES; i++) {
        if (strcmp(name, rules[i].name) != 0)
            continue;
        rule->for_us = terms[i].for_us;
        rule->cooldown_us = terms[i].cooldown_us;
        rule->flap_changes = terms[i].flap_changes;
        rule->flap_us = terms[i].flap_us;
        rule->resolve = slice_text(i == HIGHEST ? "price < 0.2" : "");
    }
}

typedef struct {
    int64_t ts;
    char identity[8];
    bool ordinal;
    decimal_t values[2];
    bool closed, due;
    bool fired[RULES];  // published and not corrected
    bool silent[RULES]; // fired, but held back
    bool began[RULES];  // an incident
    bool held[RULES];   // the condition, when it was judged last
    uint64_t serial;    // of all rows
} kept_t;

typedef struct {
    int rule;
    int64_t ts;
    const char *kind;
    bool late;
    int64_t since;
    uint64_t suppressed;
} told_t;

typedef struct {
    enum { WELL, PENDING, FIRING } state;
    int64_t since, told_us;
    bool told;
    uint64_t opened; // serial of the row
    flap_model_t flap;
} life_t;

typedef struct {
    size_t count;
    kept_t rows[ROWS_MAX];
    int64_t lateness, floor;
    size_t open_max; // rows that are not closed; counted with lateness only
    size_t told_count;
    told_t told[8 * ROWS_MAX];
    uint64_t late, duplicates, revisions, squeezed;
    int64_t minute; // of "deals"
    uint64_t deals, held_back, suppressed, serials;
    life_t lives[RULES];
} model_t; // of one series

static model_t models[SERIES];

// ---- the model --------------------------------------------------------------------------------

typedef struct {
    uint64_t rows, count;
    mpq_t sum, least, most;
} window_sum_t;

static void sum_up(const model_t *model, size_t low, size_t high, int which, window_sum_t *out)
{
    mpq_t value;
    mpq_init(value);
    mpq_inits(out->sum, out->least, out->most, NULL);
    out->rows = high - low;
    out->count = 0;
    for (size_t i = low; i < high; i++) {
        if (!argument(model->rows[i].values, which, value))
            continue;
        mpq_add(out->sum, out->sum, value);
        if (out->count == 0 || mpq_cmp(value, out->least) < 0)
            mpq_set(out->least, value);
        if (out->count == 0 || mpq_cmp(value, out->most) > 0)
            mpq_set(out->most, value);
        out->count++;
    }
    mpq_clear(value);
}

static const size_t by_rows[RULES] = { 0, 4, 5, 0, 0, 3, 5, 0 };

static bool is_high(const kept_t *row) // price > 0.1
{
    static const decimal_t tenth = { .mantissa = 1, .exponent = -1 };
    return !decimal_is_null(row->values[1]) && decimal_compare(row->values[1], tenth) > 0;
}

typedef enum { SAYS_NO, SAYS_YES, SAYS_NOTHING } says_t; // nothing: a guard fails

static says_t says(const model_t *model, size_t at, int rule)
{
    if (rule == RISES)
        return is_high(&model->rows[at]) ? SAYS_YES : SAYS_NO;
    static const int which[RULES] = { 0, 2, 1, 0, 0, 0, 1, 0 };
    size_t low = 0, high = at;
    if (by_rows[rule]) {
        low = at > by_rows[rule] ? at - by_rows[rule] : 0;
    } else {
        while (high > 0 && model->rows[high - 1].ts == model->rows[at].ts)
            high--;
        while (low < high && model->rows[low].ts < model->rows[at].ts - 1000000)
            low++;
    }
    window_sum_t w;
    sum_up(model, low, high, which[rule], &w);
    mpq_t own, other;
    mpq_inits(own, other, NULL);
    bool known = argument(model->rows[at].values, which[rule] == 2 ? 0 : which[rule], own);
    static const uint64_t least[RULES] = { 3, 1, 2, 1, 0, 1, 2, 3 };
    bool holds = false, warming = w.count < least[rule];
    switch (rule) {
    case 0:
    case TRIPLES: // volume * count > 3 * sum
        mpq_set_ui(other, w.count, 1);
        mpq_mul(own, own, other);
        mpq_set_ui(other, 3, 1);
        mpq_mul(other, other, w.sum);
        warming = warming || mpq_sgn(w.sum) <= 0;
        holds = known && mpq_cmp(own, other) > 0;
        break;
    case 1:
        warming = warming || mpq_sgn(w.sum) <= 0;
        holds = mpq_cmp_ui(w.sum, 20, 1) > 0;
        break;
    case HIGHEST:
    case TOPS:
        holds = known && w.count >= 2 && mpq_cmp(own, w.most) >= 0;
        break;
    case 3:
        holds = known && w.count >= 1 && w.rows >= 4 && mpq_cmp(own, w.least) < 0;
        break;
    case SAME:
        holds = known && w.count >= 1 && at >= 2 &&
                argument(model->rows[at - 2].values, 0, other) && mpq_equal(own, other);
        break;
    }
    mpq_clears(own, other, w.sum, w.least, w.most, NULL);
    return warming ? SAYS_NOTHING : holds ? SAYS_YES : SAYS_NO;
}

// Over windows a step goes by how the row before stood when it was judged last.
static bool is_step(const model_t *model, size_t at, int rule)
{
    if (at == 0 || (rule != RISES && rule < TOPS))
        return true;
    return rule == RISES ? !is_high(&model->rows[at - 1]) : !model->rows[at - 1].held[rule];
}

// In the end: over all rows as they are. Without lateness a row without identity is judged once.
static bool verdict(const model_t *model, size_t at, int rule)
{
    if (says(model, at, rule) != SAYS_YES)
        return false;
    if (at == 0 || rule < TOPS || (model->lateness == 0 && model->rows[at - 1].ordinal))
        return is_step(model, at, rule);
    return says(model, at - 1, rule) != SAYS_YES;
}

// Is this alert one of those that alerts_max holds back?
static bool held_back(model_t *model, size_t at, int rule)
{
    if (rule != DEALS)
        return false;
    int64_t minute = model->rows[at].ts / 60000000 - (model->rows[at].ts % 60000000 < 0);
    if (model->deals == 0 || minute > model->minute) {
        model->minute = minute;
        model->deals = 0;
    }
    if (model->deals == DEALS_MAX) {
        model->held_back++;
        model->suppressed++;
        return true;
    }
    model->deals++;
    return false;
}

static told_t *put(model_t *model, size_t at, int rule, const char *kind)
{
    assert_true(model->told_count < sizeof model->told / sizeof model->told[0]);
    told_t *told = &model->told[model->told_count++];
    *told = (told_t){ .rule = rule, .ts = model->rows[at].ts, .kind = kind };
    return told;
}

static void tell(model_t *model, size_t at, int rule, bool correction, bool late)
{
    kept_t *row = &model->rows[at];
    row->fired[rule] = !correction;
    if (correction ? row->silent[rule] : held_back(model, at, rule)) {
        row->silent[rule] = true;
        return;
    }
    told_t *told = put(model, at, rule, correction ? "correction" : "alert");
    told->late = late;
    if (rule == DEALS && !correction) {
        told->suppressed = model->held_back;
        model->held_back = 0;
    }
}

// What is told of what would be, NULL for nothing.
static void guard(model_t *model, size_t at, int rule, const char *would, bool decides)
{
    life_t *life = &model->lives[rule];
    int64_t ts = model->rows[at].ts;
    bool over, fires = life->state == FIRING;
    const char *kind = flap_model_tell(&life->flap, terms[rule].flap_changes, terms[rule].flap_us,
                                       would, ts, decides, fires, &over);
    if (!kind)
        return;
    bool flaps = life->flap.flaps || (over && !fires);
    put(model, at, rule, kind)->since = flaps ? life->flap.since : life->since;
    if (over && fires && ts > life->told_us)
        life->told_us = ts;
}

// The row may make an incident begin, last or end; an old one only begin, and at once.
static const char *move(model_t *model, size_t at, int rule, says_t says)
{
    life_t *life = &model->lives[rule];
    kept_t *row = &model->rows[at];
    bool newest = at == model->count - 1;
    bool rested = !life->told || terms[rule].cooldown_us == 0 ||
                  row->ts - life->told_us >= terms[rule].cooldown_us;
    bool low = !decimal_is_null(row->values[1]) &&
               decimal_compare(row->values[1], (decimal_t){ .mantissa = 2, .exponent = -1 }) < 0;
    if (says == SAYS_YES && life->state == FIRING) {
        if (!newest || !rested || terms[rule].cooldown_us == 0)
            return NULL;
        life->told_us = row->ts;
        return "still";
    } else if (says == SAYS_YES) {
        int64_t since = life->state == PENDING ? life->since : row->ts;
        bool begins = rested && !row->began[rule] && row->ts >= since + terms[rule].for_us;
        if (begins || newest)
            life->since = since;
        if (newest)
            life->state = PENDING;
        if (!begins)
            return NULL;
        life->state = FIRING;
        life->told_us = life->told && life->told_us > row->ts ? life->told_us : row->ts;
        life->told = row->began[rule] = true;
        life->opened = row->serial;
        return "firing";
    } else if (newest && life->state == PENDING) {
        life->state = WELL;
    } else if (newest && life->state == FIRING && says == SAYS_NO && row->ts >= life->since &&
               (rule != HIGHEST || low)) {
        life->state = WELL;
        return "resolved";
    }
    return NULL;
}

static void live(model_t *model, size_t at, int rule, says_t says)
{
    bool decides = at == model->count - 1 && says != SAYS_NOTHING;
    guard(model, at, rule, move(model, at, rule, says), decides);
}

static void stand(model_t *model, size_t at)
{
    for (int rule = TOPS; rule < RULES; rule++)
        model->rows[at].held[rule] = says(model, at, rule) == SAYS_YES;
}

static void judge(model_t *model, size_t at)
{
    stand(model, at);
    for (int rule = 0; rule < RULES; rule++) {
        if (model->rows[at].fired[rule])
            continue;
        says_t said = says(model, at, rule);
        bool alerts = said == SAYS_YES && is_step(model, at, rule);
        if (alerts)
            tell(model, at, rule, false, false);
        if (alerts || at == model->count - 1)
            live(model, at, rule, said);
    }
}

static void take_back(model_t *model, size_t at, int rule)
{
    life_t *life = &model->lives[rule];
    if (life->state == PENDING && model->rows[at].ts >= life->since)
        life->state = WELL;
    if (life->state != FIRING || life->opened != model->rows[at].serial)
        return;
    life->state = WELL;
    life->told = false;
    flap_model_retract(&life->flap);
    if (!life->flap.flaps)
        put(model, at, rule, "resolved")->since = life->since;
}

static void close_rule(model_t *model, size_t at, int rule)
{
    says_t said = says(model, at, rule);
    bool holds = said == SAYS_YES && is_step(model, at, rule);
    bool changes = holds != model->rows[at].fired[rule];
    if (changes)
        tell(model, at, rule, !holds, holds);
    if (said != SAYS_YES)
        take_back(model, at, rule);
    if (at == model->count - 1 || (holds && changes))
        live(model, at, rule, said);
}

static void close_row(model_t *model, size_t i)
{
    kept_t *row = &model->rows[i];
    if (!row->closed && row->due)
        stand(model, i);
    for (int rule = 0; rule < RULES && !row->closed && row->due; rule++)
        close_rule(model, i, rule);
    row->closed = true;
}

static void close_before(model_t *model, int64_t floor)
{
    model->floor = floor > model->floor ? floor : model->floor;
    for (size_t i = 0; i < model->count && model->rows[i].ts < floor; i++)
        close_row(model, i);
}

static size_t first_open(const model_t *model)
{
    size_t first = model->count;
    while (first > 0 && !model->rows[first - 1].closed)
        first--;
    return first;
}

static bool is_full(const model_t *model)
{
    return model->lateness > 0 && model->count - first_open(model) == model->open_max;
}

// Is there no room for this new row in a full series, whose oldest open rows are next to close?
static bool no_room(const model_t *model, int64_t ts, bool ordinal, int64_t newest)
{
    if (!is_full(model) || ts > newest)
        return false;
    int64_t oldest = model->rows[first_open(model)].ts;
    return ts < oldest || (ts == oldest && (oldest < newest || !ordinal));
}

static void make_room(model_t *model, int64_t ts, int64_t newest)
{
    if (!is_full(model))
        return;
    size_t first = first_open(model);
    int64_t oldest = model->rows[first].ts;
    if (oldest < newest || ts > newest)
        close_before(model, oldest + 1);
    else
        close_row(model, first);
    model->squeezed++;
}

static bool same_number(decimal_t a, decimal_t b)
{
    if (decimal_is_null(a) || decimal_is_null(b))
        return decimal_is_null(a) && decimal_is_null(b);
    return decimal_compare(a, b) == 0;
}

static bool is_duplicate(const kept_t *kept, const feed_row_t *row)
{
    return same_number(kept->values[0], row->values[0]) &&
           same_number(kept->values[1], row->values[1]);
}

// Another content for the row at `i`: those of its time that see it are judged again at the end.
static void revise(model_t *model, size_t i, const feed_row_t *row)
{
    kept_t *kept = &model->rows[i];
    memcpy(kept->values, row->values, sizeof kept->values);
    model->revisions++;
    kept->due = true;
    for (size_t behind = i + 1; behind < model->count; behind++)
        if (model->rows[behind].ts == kept->ts && !model->rows[behind].ordinal)
            model->rows[behind].due = true;
    judge(model, i);
}

static void take(model_t *model, const feed_row_t *row, bool ordinal)
{
    int64_t newest = model->count > 0 ? model->rows[model->count - 1].ts : row->ts;
    int64_t floor = (row->ts > newest ? row->ts : newest) - model->lateness;
    floor = floor > model->floor ? floor : model->floor;
    if (row->ts < floor) {
        model->late++;
        return;
    }
    const char *identity = row->identity ? row->identity : "";
    for (size_t i = 0; !ordinal && i < model->count; i++) {
        kept_t *kept = &model->rows[i];
        if (kept->closed || kept->ts != row->ts || kept->ordinal ||
            strcmp(kept->identity, identity) != 0)
            continue;
        if (is_duplicate(kept, row))
            model->duplicates++;
        else
            revise(model, i, row);
        return;
    }
    if (no_room(model, row->ts, ordinal, newest)) {
        model->late++;
        return;
    }
    close_before(model, floor);
    make_room(model, row->ts, newest);
    size_t at = model->count++;
    for (; at > 0 && model->rows[at - 1].ts > row->ts; at--)
        model->rows[at] = model->rows[at - 1];
    kept_t *kept = &model->rows[at];
    const kept_t *before = at > 0 ? &model->rows[at - 1] : NULL;
    bool follows = before && before->ts == row->ts && before->due && !before->closed && !ordinal;
    *kept = (kept_t){ .ts = row->ts,
                      .ordinal = ordinal,
                      .due = model->lateness > 0 || follows,
                      .serial = ++model->serials };
    strcpy(kept->identity, identity);
    memcpy(kept->values, row->values, sizeof kept->values);
    judge(model, at);
}

// What the theorem says of rows that have closed. Without lateness a row without identity is judged
// once, whatever becomes of those before it.
static void compare_net(const model_t *model)
{
    for (size_t i = 0; i < model->count; i++)
        for (int rule = 0; rule < RULES && model->rows[i].closed; rule++)
            if (model->lateness > 0 || !model->rows[i].ordinal)
                assert_int_equal(model->rows[i].fired[rule], verdict(model, i, rule));
}

// ---- runs -------------------------------------------------------------------------------------

static int by_ts(const void *a, const void *b)
{
    const feed_row_t *x = *(const feed_row_t *const *) a, *y = *(const feed_row_t *const *) b;
    if (x->ts != y->ts)
        return x->ts < y->ts ? -1 : 1;
    return (x > y) - (x < y); // stable: they lie in one array
}

// A correction names an alert of the same row that stands.
static void compare_correction(const ear_t *ear, size_t at)
{
    const heard_t *correction = &ear->alerts[at];
    bool stands = false;
    for (size_t i = 0; i < at; i++) {
        const heard_t *heard = &ear->alerts[i];
        if (memcmp(&heard->id, &correction->corrects, sizeof heard->id) == 0) {
            assert_int_equal(heard->ts, correction->ts);
            assert_string_equal(heard->series, correction->series);
            assert_string_equal(heard->kind, "alert");
            stands = true;
        }
        assert_memory_not_equal(&heard->id, &correction->id, sizeof heard->id);
    }
    assert_true(stands);
}

static void compare(const ear_t *ear, int series, const char *pair)
{
    const model_t *model = &models[series];
    char id[64];
    feed_series(pair, id);
    size_t next = 0;
    uint64_t seqs[RULES] = { 0 };
    for (size_t i = 0; i < ear->count; i++) {
        const heard_t *heard = &ear->alerts[i];
        if (strcmp(heard->series, id) != 0)
            continue;
        assert_true(next < model->told_count);
        const told_t *told = &model->told[next++];
        assert_string_equal(heard->rule, rules[told->rule].name);
        assert_int_equal(heard->ts, told->ts);
        assert_string_equal(heard->kind, told->kind);
        assert_int_equal(heard->since, told->since);
        assert_int_equal(heard->late, told->late);
        assert_int_equal(heard->suppressed, told->suppressed);
        assert_int_equal(heard->seq, ++seqs[told->rule]);
        if (heard->correction)
            compare_correction(ear, i);
    }
    assert_int_equal(next, model->told_count);
    compare_net(model);
}

typedef struct {
    size_t alerts, late_alerts, corrections, squeezed, suppressed, firing, resolved, stills, flaps;
} tally_t;

static int64_t row_ts(seeded_t *seed, int64_t now, int64_t lateness)
{
    if (seeded_below(seed, 8) == 0)
        return now - 400000 - lateness;
    int64_t back = lateness > 0 && seeded_below(seed, 3) == 0
                       ? (int64_t) seeded_below(seed, (uint64_t) (lateness + lateness / 4))
                       : 0;
    return now - back / 100000 * 100000; // of few times, so that rows meet
}

static void run(uint64_t state, ruleset_t *set, int64_t lateness, tally_t *tally)
{
    static const char *const pairs[SERIES] = { "a", "b", "c" };
    static const char *const identities[] = { "", "1", "2", "3" };
    seeded_t seed = { .state = state };
    ear_t ear = { 0 };
    fold_t *fold = feed_fold(&ear, "s", set);
    memset(models, 0, sizeof models);
    for (int s = 0; s < SERIES; s++)
        models[s] =
            (model_t){ .lateness = lateness, .floor = INT64_MIN, .open_max = feed_open_max };
    int64_t now = 0;
    for (uint64_t block = 0; block < 400; block++) {
        feed_row_t rows[BLOCK_MAX];
        const feed_row_t *sorted[BLOCK_MAX];
        size_t count = 1 + seeded_below(&seed, seeded_below(&seed, 2) ? 1 : BLOCK_MAX);
        bool ordinal = seeded_below(&seed, 5) == 0;
        for (size_t i = 0; i < count; i++) {
            now += seeded_below(&seed, 2) ? 0 : 100000 * (int64_t) seeded_below(&seed, 4);
            rows[i] = (feed_row_t){ .pair = pairs[seeded_below(&seed, SERIES)] };
            rows[i].ts = row_ts(&seed, now, lateness);
            rows[i].identity = ordinal ? NULL : identities[seeded_below(&seed, 4)];
            rows[i].values[0] = number(&seed);
            rows[i].values[1] = number(&seed);
            sorted[i] = &rows[i];
        }
        assert_true(feed(fold, "s", block, rows, count, ordinal));
        qsort(sorted, count, sizeof *sorted, by_ts);
        for (size_t i = 0; i < count; i++)
            take(&models[sorted[i]->pair[0] - 'a'], sorted[i], ordinal);
    }
    fold_count_t counts = fold_count(fold);
    uint64_t accepted = 0, late = 0, duplicates = 0, revisions = 0, suppressed = 0;
    for (int s = 0; s < SERIES; s++) {
        compare(&ear, s, pairs[s]);
        accepted += models[s].count;
        late += models[s].late;
        duplicates += models[s].duplicates;
        revisions += models[s].revisions;
        suppressed += models[s].suppressed;
        tally->squeezed += models[s].squeezed;
    }
    assert_int_equal(counts.accepted, accepted);
    assert_int_equal(counts.late, late);
    assert_int_equal(counts.duplicates, duplicates);
    assert_int_equal(counts.revisions, revisions);
    assert_int_equal(counts.suppressed, suppressed);
    assert_true(late > 0 && duplicates > 0 && revisions > 0);
    tally->suppressed += suppressed;
    tally->alerts += counts.alerts;
    tally->corrections += counts.corrections;
    tally->firing += counts.firing;
    tally->resolved += counts.resolved;
    tally->flaps += counts.flapping;
    for (size_t i = 0; i < ear.count; i++) {
        tally->late_alerts += ear.alerts[i].late;
        tally->stills += strcmp(ear.alerts[i].kind, "still") == 0;
    }
    fold_destroy(&fold);
    ear_clear(&ear);
}

static tally_t run_all(int64_t lateness, uint64_t seeds)
{
    feed_lateness_us = lateness;
    feed_more = say_more;
    feed_incidents = true;
    ruleset_t *set = feed_rules(rules, NULL);
    feed_lateness_us = 0;
    tally_t tally = { 0 };
    for (uint64_t seed = 1; seed <= seeds; seed++)
        run(seed * 104729, set, lateness, &tally);
    ruleset_destroy(&set);
    return tally;
}

static void test_same_alerts(void **state)
{
    (void) state;
    tally_t tally = run_all(0, 40);
    assert_true(tally.alerts > 4000 && tally.corrections > 100 && tally.late_alerts > 20);
    assert_true(tally.suppressed > 500 && tally.firing > 1000);
    assert_true(tally.resolved > 900 && tally.stills > 20 && tally.flaps > 100);
}

static void test_same_alerts_with_lateness(void **state)
{
    (void) state;
    static const int64_t latenesses[] = { 1, 100000, 700000, 3000000, 40000000 };
    for (size_t i = 0; i < sizeof latenesses / sizeof latenesses[0]; i++) {
        tally_t tally = run_all(latenesses[i], 20);
        assert_true(tally.alerts > 2000 && tally.corrections > 100 && tally.flaps > 50);
        assert_true(latenesses[i] < 100000 || tally.late_alerts > 200);
    }
}

// Series that are full again and again: rows close early, and others find no room.
static void test_same_alerts_when_full(void **state)
{
    (void) state;
    static const struct {
        uint32_t open_max;
        int64_t lateness;
    } cases[] = {
        { OPEN_ROWS_LEAST, 3000000 }, { 5, 40000000 }, { 16, 3000000 }, { 16, 40000000 }
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        feed_open_max = cases[i].open_max;
        tally_t tally = run_all(cases[i].lateness, 20);
        feed_open_max = OPEN_ROWS_MAX;
        assert_true(tally.alerts > 2000 && tally.corrections > 100 && tally.late_alerts > 100);
        assert_true(tally.squeezed > 500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_alerts),
        cmocka_unit_test(test_same_alerts_with_lateness),
        cmocka_unit_test(test_same_alerts_when_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
