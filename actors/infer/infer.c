/*  infer -- see infer.h. */
#include "actors/infer/infer.h"

#include "actors/infer/proposal.h"
#include "actors/prep/inflate.h"
#include "proto/owned.h"

enum { ARENA_BYTES_MAX = 256 << 20 };

typedef struct {
    const outline_node_t *rows;
    double worth;
} best_t;

static void s_best_rows(const outline_node_t *node, best_t *best)
{
    double worth = guess_rows(node);
    if (worth > best->worth)
        *best = (best_t){ node, worth };
    for (const outline_node_t *child = node->first; child; child = child->next)
        s_best_rows(child, best);
}

// What a survey means, written down.
static infer_result_t s_propose(const infer_origin_t *origin, proposal_t *proposal, buffer_t *yaml,
                                fault_t *fault)
{
    guess_t guess = { 0 };
    guess_time(proposal->survey, &guess);
    if (!guess_keys(proposal->survey, &guess))
        return INFER_NO_MEMORY;
    guess_columns(proposal->survey, &guess);
    if (guess.column_count == 0) {
        fault_set(fault, "no numbers are there to keep");
        return INFER_NOTHING;
    }
    proposal->guess = &guess;
    proposal_write(proposal, origin, yaml);
    return yaml->failed ? INFER_NO_MEMORY : INFER_GOOD;
}

static infer_result_t s_infer_json(documents_t *documents, const infer_origin_t *origin,
                                   arena_t *arena, buffer_t *printed, buffer_t *yaml,
                                   fault_t *fault)
{
    outline_t outline;
    survey_t survey;
    owned(buffer_destroy) buffer_t place = { 0 };
    if (!outline_read(&outline, documents, arena))
        return INFER_NO_MEMORY;
    outline_print(&outline, "#   ", printed);
    best_t best = { .worth = 0 };
    s_best_rows(outline.root, &best);
    if (!best.rows) {
        fault_set(fault, "no rows with numbers are there");
        return INFER_NOTHING;
    }
    if (!survey_json(&survey, documents, &outline, best.rows, arena) ||
        !outline_place(best.rows, outline.root, &place))
        return INFER_NO_MEMORY;
    proposal_t proposal = {
        .format = documents->lines ? "jsonl" : "json",
        .rows = buffer_string(&place),
        .survey = &survey,
    };
    return s_propose(origin, &proposal, yaml, fault);
}

static infer_result_t s_infer_csv(slice_t text, const json_fault_t *not_json,
                                  const infer_origin_t *origin, arena_t *arena, buffer_t *printed,
                                  buffer_t *yaml, fault_t *fault)
{
    survey_t survey;
    survey_csv_t dialect;
    if (!survey_csv(&survey, text, &dialect, arena)) {
        fault_set(fault, "neither CSV nor JSON: at byte %zu %s", not_json->at, not_json->what);
        return arena_failed(arena) ? INFER_NO_MEMORY : INFER_NOTHING;
    }
    buffer_printf(printed, "#   CSV of %u columns and %zu%s records\n", survey.leaf_count,
                  survey.row_count, survey.row_count == SURVEY_ROWS_MAX ? " or more" : "");
    proposal_t proposal = { .format = "csv", .csv = &dialect, .survey = &survey };
    return s_propose(origin, &proposal, yaml, fault);
}

static slice_t s_trim(slice_t text)
{
    if (text.size >= 3 && memcmp(text.data, "\xef\xbb\xbf", 3) == 0)
        text = slice_of(text.data + 3, text.size - 3);
    while (text.size > 0 && memchr(" \t\r\n", text.data[0], 4))
        text = slice_of(text.data + 1, text.size - 1);
    return text;
}

static infer_result_t s_infer_text(slice_t text, const infer_origin_t *origin, buffer_t *printed,
                                   buffer_t *yaml, fault_t *fault)
{
    json_fault_t not_json = { 0, "empty" };
    text = s_trim(text);
    if (text.size == 0 || text.data[0] == '<') {
        fault_set(fault, text.size ? "a page of HTML or XML, neither JSON nor CSV" : "empty");
        return INFER_NOTHING;
    }
    owned(arena_destroy) arena_t *arena = arena_new(ARENA_BYTES_MAX);
    owned(documents_destroy) documents_t documents = { 0 };
    if (!arena)
        return INFER_NO_MEMORY;
    switch (documents_open(&documents, text, &not_json)) {
    case DOCUMENTS_GOOD:
        return s_infer_json(&documents, origin, arena, printed, yaml, fault);
    case DOCUMENTS_NONE:
        return s_infer_csv(text, &not_json, origin, arena, printed, yaml, fault);
    case DOCUMENTS_NO_MEMORY:
        break;
    }
    return INFER_NO_MEMORY;
}

infer_result_t infer(slice_t body, const infer_origin_t *origin, buffer_t *shape, buffer_t *yaml,
                     fault_t *fault)
{
    owned(buffer_destroy) buffer_t inflated = { 0 };
    if (!inflate_is_gzip(body))
        return s_infer_text(body, origin, shape, yaml, fault);
    switch (inflate_gzip(body, INFER_BODY_BYTES_MAX, &inflated)) {
    case INFLATE_GOOD:
        return s_infer_text(buffer_slice(&inflated), origin, shape, yaml, fault);
    case INFLATE_DAMAGED:
        fault_set(fault, "damaged gzip");
        return INFER_NOTHING;
    case INFLATE_TOO_LARGE:
        fault_set(fault, "gzip of more than %d MB", INFER_BODY_BYTES_MAX >> 20);
        return INFER_NOTHING;
    case INFLATE_NO_MEMORY:
        break;
    }
    return INFER_NO_MEMORY;
}
