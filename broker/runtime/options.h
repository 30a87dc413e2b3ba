/*  options -- the command line that all actors share. */
#pragma once
#include <stdbool.h>

#include "broker/runtime/log.h"
#include "broker/runtime/settings.h"

typedef struct {
    const char *config; // -c, --config FILE; required
    const char *name;   // --name N; default "<role>"
    const char *dir;    // --dir DIR; default ".tidewire": sockets, stage, embedded Redis
    bool log_json;      // --log-format logfmt|json
    log_level_t log_level;
} options_t;

// Parse the words after `tidewire <role>`. True: go on. False: print nothing more and exit with
// *status (--help was printed, or the mistake was told on stderr). Sets up the log, and
// what is said to a service manager (notify.h).
bool options_parse(options_t *options, const char *role, const char *purpose, int argc, char **argv,
                   int *status);

// The configuration of -c. NULL after telling what is wrong, for EXIT_CONFIG: as
// `file:line:col: message` on stderr, with --log-format json as an event of the log.
settings_t *options_settings(const options_t *options);

// Tell what is wrong with the configuration that we were started with.
void options_tell_bad(const options_t *options, const fault_t *fault);
// SIGHUP found a configuration that is bad: one event of the log, with the place.
void options_tell_kept(const options_t *options, const fault_t *fault);
