/*  guess -- what the values of a survey mean: private to infer. Pure. */
#pragma once
#include "actors/infer/names.h"
#include "actors/infer/survey.h"

enum { GUESS_COLUMNS_MAX = 16, GUESS_KEYS_MAX = 3, GUESS_NONE = -1 };

typedef struct {
    int time;         // leaf, or GUESS_NONE: the time of receipt
    const char *unit; // as in a configuration
    bool newest_first;
    unsigned key_count;
    int keys[GUESS_KEYS_MAX];
    int identity; // leaf beyond time, or GUESS_NONE
    bool same;    // rows of one key and time remain
    unsigned column_count;
    int columns[GUESS_COLUMNS_MAX];
    int value;    // the column that people watch first
    bool present; // it is in every row
} guess_t;

// How well rows of these nodes would do; below 0: they are none.
double guess_rows(const outline_node_t *node);

void guess_time(const survey_t *survey, guess_t *guess); // time, unit, newest_first
bool guess_keys(const survey_t *survey, guess_t *guess); // keys, identity; false: no memory
void guess_columns(const survey_t *survey, guess_t *guess);

// A leaf whose values are numbers nearly always.
bool guess_is_number(const survey_t *survey, unsigned leaf);
