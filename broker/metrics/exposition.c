/*  exposition -- see exposition.h. */
#include "broker/metrics/exposition.h"

#include <stdlib.h>

#include "broker/metrics/metrics_table.h"
#include "proto/owned.h"

struct exposition {
    const char *role;
    buffer_t samples[]; // for each row of the table, its lines
};

exposition_t *exposition_new(const char *role)
{
    exposition_t *self = calloc(1, sizeof *self + metrics_table_count * sizeof self->samples[0]);
    if (self)
        self->role = role;
    return self;
}

void exposition_destroy(exposition_t **self_p)
{
    exposition_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < metrics_table_count; i++)
        buffer_destroy(&self->samples[i]);
    free(self);
    *self_p = NULL;
}

void exposition_begin(exposition_t *self)
{
    for (size_t i = 0; i < metrics_table_count; i++)
        buffer_clear(&self->samples[i]);
}

static const char *s_value_of(const store_field_t *figures, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(figures[i].name, name) == 0)
            return figures[i].value;
    return NULL;
}

// Names of streams hold neither quotes nor backslashes (settings_is_name).
static void s_sample(buffer_t *out, const metric_row_t *row, const char *stream, const char *value)
{
    char *end;
    double figure = strtod(value, &end);
    if (end == value || *end != '\0')
        return;
    buffer_printf(out, "tidewire_%s", row->name);
    if (stream)
        buffer_printf(out, "{stream=\"%s\"}", stream);
    if (row->unit == 1)
        buffer_printf(out, " %s\n", value); // exactly as it was told
    else
        buffer_printf(out, " %.9g\n", figure * row->unit);
}

void exposition_add(exposition_t *self, const char *stream, const store_field_t *figures,
                    size_t count)
{
    for (size_t i = 0; i < metrics_table_count; i++) {
        const metric_row_t *row = &metrics_table[i];
        const char *value =
            strcmp(row->role, self->role) == 0 ? s_value_of(figures, count, row->field) : NULL;
        if (value)
            s_sample(&self->samples[i], row, stream, value);
    }
}

void exposition_end(const exposition_t *self, buffer_t *out)
{
    buffer_clear(out);
    for (size_t i = 0; i < metrics_table_count; i++) {
        const metric_row_t *row = &metrics_table[i];
        if (self->samples[i].size == 0)
            continue;
        buffer_printf(out, "# HELP tidewire_%s %s\n# TYPE tidewire_%s %s\n", row->name, row->help,
                      row->name, row->type == METRIC_COUNTER ? "counter" : "gauge");
        buffer_append(out, self->samples[i].data, self->samples[i].size);
    }
}
