/*  proposal -- a guess as a configuration: private to infer. Pure. */
#pragma once
#include "actors/infer/guess.h"
#include "actors/infer/infer.h"

typedef struct {
    const char *format;      // json, jsonl, csv
    const char *rows;        // JSON: pointer to the rows
    const survey_csv_t *csv; // CSV: its dialect
    const survey_t *survey;
    const guess_t *guess;
} proposal_t;

void proposal_write(const proposal_t *self, const infer_origin_t *origin, buffer_t *yaml);
