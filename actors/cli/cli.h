/*  cli -- the words of `tidewire` that are no actor. Each takes the words after its own and
 *  returns an exit code (broker/runtime/life.h).
 */
#pragma once
#include "broker/runtime/settings.h"

#define CLI_DIR ".tidewire" // DIR where nothing else is said

int cli_up(int argc, char **argv);
int cli_down(int argc, char **argv);
int cli_status(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_backtest(int argc, char **argv);
int cli_rule(int argc, char **argv);
int cli_tail(int argc, char **argv);
int cli_demo(int argc, char **argv);

// The configuration, or NULL after printing `file:line:col: message` on stderr.
settings_t *cli_settings(const char *path);

// Say on stderr what is wrong with the words given to `tidewire <word>`; returns EXIT_USAGE.
int cli_misuse(const char *word, const char *what, const char *value);
