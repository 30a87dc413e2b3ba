/*  guess_time -- see guess.h: which of the values is when it happened. */
#include "actors/infer/guess.h"
#include "actors/prep/event_time.h"

// Times before or after are some other number.
#define PLAUSIBLE_FROM_US INT64_C(1230768000000000) // 2009-01-01
#define PLAUSIBLE_TO_US INT64_C(2051222400000000)   // 2035-01-01

enum {
    MISSING_PER_CENT = 10,
    ORDERED_WORTH = 2,
    ELEMENT_WORTH = 4,
    DOCUMENT_COST = 3,
    NUMBER_FORMATS = 4
};

// Numbers first; of texts, the first that reads all values.
static const char *const units[] = { "s",
                                     "ms",
                                     "us",
                                     "ns",
                                     "rfc3339",
                                     "%Y-%m-%d",
                                     "%Y-%m-%dT%H:%M:%S",
                                     "%Y-%m-%dT%H:%M:%S.%f",
                                     "%Y-%m-%d %H:%M:%S",
                                     "%Y-%m-%d %H:%M:%S.%f",
                                     "%Y/%m/%d",
                                     "%Y/%m/%d %H:%M:%S",
                                     "%d.%m.%Y",
                                     "%d %b %Y",
                                     "%m/%d/%Y" };
enum { UNITS = sizeof units / sizeof units[0] };

typedef struct {
    bool good, rises, falls;
} reading_t;

// All values of a leaf by one unit.
static reading_t s_read(const survey_t *survey, unsigned leaf, const char *unit)
{
    reading_t reading = { 0 };
    event_time_t format;
    fault_t fault;
    size_t missing = 0;
    int64_t before = 0;
    if (!event_time_compile(&format, slice_text(unit), &fault))
        return reading;
    for (size_t row = 0; row < survey->row_count; row++) {
        const field_t *cell = survey_cell(survey, row, leaf);
        int64_t us;
        if (cell->kind == FIELD_MISSING || cell->kind == FIELD_NULL) {
            missing++;
            continue;
        }
        if ((cell->kind != FIELD_NUMBER && cell->kind != FIELD_TEXT) ||
            event_time_read(&format, cell->text, &us) != EVENT_TIME_GOOD ||
            us < PLAUSIBLE_FROM_US || us > PLAUSIBLE_TO_US)
            return reading;
        reading.rises |= before && us > before;
        reading.falls |= before && us < before;
        before = us;
    }
    reading.good = before && 100 * missing <= MISSING_PER_CENT * survey->row_count;
    return reading;
}

static int s_worth(const survey_leaf_t *leaf, unsigned unit, const reading_t *reading)
{
    int hint = names_time(leaf->name);
    bool dated = unit >= NUMBER_FORMATS;
    if (hint < 0 || leaf->kind == LEAF_MATCH)
        return -1;
    // Without a name that says so a number may be anything, but for the places of an array.
    if (hint == 0 && !dated && !leaf->positional)
        return -1;
    if (leaf->kind == LEAF_DOCUMENT && hint == 0)
        return -1;
    bool ordered = reading->rises != reading->falls;
    return 1 + hint + (dated ? 1 : 0) + (leaf->positional && !dated ? ELEMENT_WORTH : 0) +
           (ordered ? ORDERED_WORTH : 0) - (leaf->kind == LEAF_DOCUMENT ? DOCUMENT_COST : 0);
}

void guess_time(const survey_t *survey, guess_t *guess)
{
    int best = 0;
    guess->time = GUESS_NONE;
    for (unsigned leaf = 0; leaf < survey->leaf_count; leaf++) {
        for (unsigned unit = 0; unit < UNITS; unit++) {
            reading_t reading = s_read(survey, leaf, units[unit]);
            if (!reading.good)
                continue;
            int worth = s_worth(&survey->leaves[leaf], unit, &reading);
            if (worth > best) {
                best = worth;
                guess->time = (int) leaf;
                guess->unit = units[unit];
                guess->newest_first = reading.falls && !reading.rises;
            }
            break; // a value is a time in one unit only
        }
    }
}
