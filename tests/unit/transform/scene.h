/*  scene -- a fold of one series, fed row by row, for tests of the fold. */
#pragma once
#include "feeds.h"

#define MINUTE INT64_C(60000000)

static const feed_rule_t spike[] = { { "spike", "volume > 3 * avg(volume) OVER last_1h", 10 },
                                     { 0 } };

typedef struct {
    ear_t ear;
    fold_t *fold;
    uint64_t seq;
} scene_t;

// The fold holds a pointer to the ear, so a scene is opened in place.
static inline void scene_open(scene_t *self, const feed_rule_t *rules, const char *derived)
{
    *self = (scene_t){ .seq = 0 };
    ruleset_t *set = feed_rules(rules, derived);
    self->fold = feed_fold(&self->ear, "s", set);
    ruleset_destroy(&set);
}

static inline void scene_close(scene_t *self)
{
    fold_destroy(&self->fold);
    ear_clear(&self->ear);
}

static inline void row(scene_t *self, int64_t ts, const char *volume, const char *identity,
                       bool ordinal)
{
    feed_row_t fresh = { .pair = "a", .ts = ts, .identity = identity };
    fresh.values[0] = feed_number(volume);
    fresh.values[1] = feed_number("100.5");
    assert_true(feed(self->fold, "s", ++self->seq, &fresh, 1, ordinal));
}

static inline void minutes(scene_t *self, int from, int to, const char *volume)
{
    for (int i = from; i < to; i++)
        row(self, i * MINUTE, volume, NULL, false);
}

static inline void plan(scene_t *self, const feed_rule_t *rules)
{
    ruleset_t *set = feed_rules(rules, NULL);
    partitions_t all = feed_everything();
    assert_true(fold_plan(self->fold, slice_text("s"), &all, set, ++self->seq, 0));
    ruleset_destroy(&set);
}

// What was heard: a letter for each entry.
static inline void assert_heard(const scene_t *scene, const char *letters)
{
    static const char *const kinds[] = { "alert", "correction", "firing",
                                         "still", "resolved",   "flapping" };
    char heard[64] = "";
    for (size_t i = 0; i < scene->ear.count; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            if (strcmp(scene->ear.alerts[i].kind, kinds[k]) == 0)
                heard[i] = "acfsrx"[k];
    assert_string_equal(heard, letters);
}
