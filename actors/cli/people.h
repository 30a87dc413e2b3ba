/*  people -- what the words `subscriber`, `silence` and `rule` have in common: options, the
 *  configuration, and of the first two Redis and lists.
 */
#pragma once
#include "actors/cli/cli.h"
#include "actors/cli/table.h"
#include "broker/store.h"

typedef struct {
    const char *word;
    const settings_t *settings;
    store_t *store;
    bool json;
} people_t;

typedef int people_run_t(people_t *self, int count, char **words);

// The letters for getopt_long. Options stand before `add`, so that what is behind it is taken as it
// is: a condition may well begin with '-'. Other words take them anywhere.
const char *people_letters(int argc, char **argv);
// The configuration of -c, or that which `up` was given in dir. NULL after saying why on stderr,
// *status is the exit code.
settings_t *people_settings(const char *word, const char *config, const char *dir, int *status);

// Read --dir, -c, --json and --help. Then open Redis, and run what is asked for.
int people_main(const char *word, const char *help, int argc, char **argv, people_run_t *run);

int people_failed(const people_t *self, const char *why); // says why, EXIT_FAILED

// The hashes of Redis that a list is of.
typedef store_status_t people_read_t(store_t *store, store_rule_visit_t *visit, void *context);
// Put one into the table, a cell for each title.
typedef void people_row_t(const people_t *self, const store_rule_t *hash, table_t *table);

typedef struct {
    people_read_t *read;
    people_row_t *row;
    const char *const *titles;
    size_t columns;
    const char *hidden; // field that in JSON is only said to be there; "" = none
} people_list_t;

// All of them as a table, or with --json one a line: the name, and each field as a text.
int people_list(people_t *self, const people_list_t *list);
const char *people_field(const store_rule_t *hash, const char *name); // NULL = absent
