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
int cli_test_rules(int argc, char **argv);
int cli_explain(int argc, char **argv);
int cli_replay(int argc, char **argv);
int cli_stage(int argc, char **argv);
int cli_rule(int argc, char **argv);
int cli_subscriber(int argc, char **argv);
int cli_silence(int argc, char **argv);
int cli_tail(int argc, char **argv);
int cli_top(int argc, char **argv);
int cli_feed(int argc, char **argv);
int cli_demo(int argc, char **argv);
int cli_keys(int argc, char **argv);
int cli_redis_acl(int argc, char **argv);
int cli_redis_functions(int argc, char **argv);

#define KEYS_OPERATOR "operator" // name of the key with which `tail` and others look

// The configuration, or NULL after printing `file:line:col: message` on stderr.
settings_t *cli_settings(const char *path);
// What is wrong with it, file:line:column: message.
void cli_tell_bad(const char *path, const fault_t *fault);

// Where to find what `up` started in dir: a configuration with its namespace, stage and Redis
// alone, so that `status`, `tail` and `stage` answer even after the file was changed for the worse,
// or when the environment that it names is another one. False with fault.
bool cli_note_running(const settings_t *settings, const char *dir, fault_t *fault);

// The configuration for a word that looks at what runs: FILE of -c, or what `up` noted in dir.
// NULL after saying why on stderr, *status is the exit code.
settings_t *cli_running(const char *word, const char *config, const char *dir, int *status);

// A time of the command line, as 2023-03-01T00:00:00Z, in microseconds. False: it is none.
bool cli_time(const char *text, int64_t *us);

// Say on stderr what is wrong with the words given to `tidewire <word>`; returns EXIT_USAGE.
int cli_misuse(const char *word, const char *what, const char *value);
