/*  rerun -- what rules say of the files and the staged payloads of a configuration, in this
 *  process.
 *
 *  The same mapping, fold and alert code as the actors: no Redis, no stage written. The mappings
 *  are those of the configuration, the rules those given, in force from the first row. Ticks that
 *  were staged say who was silent, as they did live; files have none.
 */
#pragma once
#include "actors/transform/fold.h"
#include "broker/runtime/settings.h"

typedef struct {
    const settings_t *settings;
    const char *dir;     // where `up` runs, with the stage
    fold_alert_t *alert; // each, in the order of the rows; of incidents `nodata` and `data` alone
    void *context;
    bool progress; // on stderr
} rerun_t;

typedef struct {
    uint64_t rows, quarantined;
    uint64_t unreadable; // files, as a whole
    size_t series;
    fold_count_t fold;
} rerun_count_t;

// The first refused rows are told on stderr, all are counted. False with fault: a source that
// cannot be read or mapped, or no memory.
bool rerun(const rerun_t *self, ruleset_t *rules, rerun_count_t *count, fault_t *fault);
