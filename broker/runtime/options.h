/*  options -- the command line that all actors share. */
#pragma once
#include <stdbool.h>

#include "broker/runtime/log.h"

typedef struct {
    const char *config; // -c, --config FILE; required
    const char *name;   // --name N; default "<role>"
    const char *dir;    // --dir DIR; default ".tidewire": sockets, stage, embedded Redis
    bool log_json;      // --log-format logfmt|json
    log_level_t log_level;
} options_t;

// Parse the words after `tidewire <role>`. True: go on. False: print nothing more and exit with
// *status (--help was printed, or the mistake was told on stderr). Sets up the log.
bool options_parse(options_t *options, const char *role, const char *purpose, int argc, char **argv,
                   int *status);
