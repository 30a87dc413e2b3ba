/*  fold_state -- the state behind fold.h, for fold*.c only. */
#pragma once
#include "actors/transform/fold.h"
#include "actors/transform/jury.h"
#include "actors/transform/partition.h"

struct fold {
    fold_alert_t *alert;
    void *context;
    bool owned[PARTITIONS];
    partition_t partitions[PARTITIONS];
    size_t plan_count, plan_capacity;
    layouts_t **plans; // in force somewhere
    jury_t *jury;
    fold_count_t count;
    size_t column_capacity, argument_capacity;
    decimal_t *values; // of the row in hand, as in its table's columns
    int *columns;      // where they are in the block; -1 = nowhere
    figure_t *arguments;
};
