/*  metrics_table -- what the figures of an actor are called in Prometheus' text format. Pure.
 *
 *  An actor tells one set of figures, to the registry and here: a row says under which name, unit
 *  and type a figure is exposed. Rates are not: whoever scrapes computes them.
 */
#pragma once
#include <stddef.h>

typedef enum { METRIC_COUNTER, METRIC_GAUGE } metric_type_t;

typedef struct {
    const char *role, *field; // as in the registry
    const char *name;         // without "tidewire_"; a counter's ends in _total
    metric_type_t type;
    double unit; // what one of the figure is in the unit of the name
    const char *help;
} metric_row_t;

extern const metric_row_t metrics_table[];
extern const size_t metrics_table_count;
