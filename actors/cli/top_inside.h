/*  top_inside -- what top_board.c fills and top_draw.c shows; of these two alone. */
#pragma once
#include "actors/cli/top_board.h"
#include "proto/arena.h"

enum { TOP_TABLES_MAX = 64 }; // shown; series of further ones are counted

typedef struct {
    const char *name; // of the series, without its table
    int64_t ts_us;
    const char *values[TOP_COLUMNS_MAX]; // NULL: none
} top_row_t;

typedef struct {
    char name[TOP_NAME_MAX + 1];
    size_t columns;
    char titles[TOP_COLUMNS_MAX][TOP_NAME_MAX + 1];
    top_row_t *rows;
    size_t count;
} top_table_t;

typedef struct {
    const char *rule, *series, *state, *severity;
    int64_t since_us;
} top_incident_t;

struct top_board {
    arena_t *memory;
    top_table_t tables[TOP_TABLES_MAX];
    size_t tables_count;
    top_incident_t incidents[TOP_INCIDENTS_MAX];
    size_t incidents_count;
    uint64_t series, firing; // all there are
    uint64_t actors, records_s, rows_s, alerts_s, lag;
    bool failed; // no memory
};
