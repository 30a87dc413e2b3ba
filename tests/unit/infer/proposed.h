/*  proposed -- for tests of infer: what is proposed for a payload, and what prep makes of that. */
#pragma once
#include "actors/infer/infer.h"
#include "tests/unit/prep/mapped.h"

typedef struct {
    infer_result_t result;
    fault_t fault;
    buffer_t shape, yaml;
    settings_t *settings; // of the proposal, if there is one
    mapped_t mapped;      // its rows
} proposed_t;

// The proposal must be a configuration whose mapping compiles, whatever the payload is.
static inline void proposed_open(proposed_t *self, slice_t body)
{
    *self = (proposed_t){ 0 };
    const infer_origin_t origin = { "https://example.org/a?b=${C}&d=\"", "example.org", true };
    self->result = infer(body, &origin, &self->shape, &self->yaml, &self->fault);
    if (self->result != INFER_GOOD) {
        assert_true(self->result == INFER_NO_MEMORY || self->fault.text[0]);
        return;
    }
    self->settings = settings_parse((const char *) self->yaml.data, self->yaml.size, &self->fault);
    if (!self->settings)
        fail_msg("line %d: %s\n%s", self->fault.line, self->fault.text, buffer_string(&self->yaml));
    assert_string_equal(self->settings->sources[0].url, origin.url);
    source_t source = self->settings->sources[0];
    source.kind = SOURCE_FILE; // times may be old or new
    mapped_open(&self->mapped, &source);
    mapped_apply(&self->mapped, body);
}

static inline void proposed_close(proposed_t *self)
{
    if (self->settings)
        mapped_close(&self->mapped);
    settings_destroy(&self->settings);
    buffer_destroy(&self->shape);
    buffer_destroy(&self->yaml);
}
