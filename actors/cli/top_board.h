/*  top_board -- what `top` shows at one moment: sums, what fires, and a table of series. Pure.
 *
 *  Filled by visits of what Redis says (store_actors, store_incidents, store_latest), drawn as
 *  lines for a screen of given size, then emptied. Whatever stands in Redis, only printable ASCII
 *  is drawn: no name can steer a terminal.
 */
#pragma once
#include <stdbool.h>

#include "broker/store.h"
#include "proto/buffer.h"

enum {
    TOP_SERIES_MAX = 100000,  // kept; more are counted
    TOP_INCIDENTS_MAX = 1000, // the same
    TOP_COLUMNS_MAX = 12,     // of one table that are shown
    TOP_NAME_MAX = 63,        // bytes of a column's name, as in a configuration
};

typedef struct {
    unsigned lines, width;       // of the screen, 1 and 20 at least
    char sort[TOP_NAME_MAX + 1]; // column by whose values series are ordered; empty: by name
    bool smallest_first;
    bool halted; // what is shown is not new any more
    bool colour;
    int64_t now_us;     // Unix time
    const char *health; // its one line
    bool ill;
} top_view_t;

typedef struct top_board top_board_t;

top_board_t *top_board_new(void); // NULL: no memory
void top_board_destroy(top_board_t **self_p);
void top_board_clear(top_board_t *self);

// Visits. What there is no memory for is not shown, and drawing fails.
void top_board_actor(void *self, const store_actor_t *actor);
void top_board_incident(void *self, const store_rule_t *incident); // "<rule>:<series>"
void top_board_series(void *self, const store_rule_t *series);     // "<table>:<value>..."

// At most view->lines lines of at most view->width columns; each ends with a newline, the last too.
// False: no memory.
bool top_board_draw(top_board_t *self, const top_view_t *view, buffer_t *out);

// Another column to sort by, after the one in `sort`: of all tables, in the order in which they
// were seen; behind the last none, which is by name.
void top_board_next_sort(const top_board_t *self, char sort[TOP_NAME_MAX + 1]);
