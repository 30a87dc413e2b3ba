/*  log -- one line per event on stderr: logfmt, or JSON with --log-format json.
 *
 *      ts=2026-11-23T18:55:27.622Z level=info actor=collector name=c1 msg="staged" records=12
 *
 *  Only actors and main log; everything below them returns a fault.
 */
#pragma once
#include <stdbool.h>

typedef enum { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR } log_level_t;

void log_setup(const char *actor, const char *name, log_level_t least, bool json);
bool log_level_parse(const char *text, log_level_t *level); // debug info warning error

// `pairs` is a printf format that yields further "key=value" text, or NULL. Values with blanks
// are quoted by the caller with %s through log_quote.
void log_event(log_level_t level, const char *message, const char *pairs, ...)
    __attribute__((format(printf, 3, 4)));

// text as a logfmt value: quoted and escaped if it has to be. One of 8 static buffers.
const char *log_quote(const char *text);
