/*  store_notes -- what the tests of what the notifier needs of store write down and put in. */
#pragma once
#include "tests/unit/broker/store_fixture.h"

typedef struct {
    char text[8192];
    char last[GROUPS][OUTBOX_ID_MAX];
    size_t count;
} notes_t;

__attribute__((format(printf, 2, 3))) static inline void note(notes_t *to, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    size_t end = strlen(to->text);
    vsnprintf(to->text + end, sizeof to->text - end, format, arguments);
    va_end(arguments);
    to->count++;
}

static inline store_logged_t logged(const char *id, const char *body)
{
    return (store_logged_t){ .id = slice_text(id),
                             .rule = slice_text("r"),
                             .series = slice_text("t:s"),
                             .severity = slice_text("warning"),
                             .topic = slice_text("alert/r/t:s/"),
                             .ts_us = -5,
                             .seq = 7,
                             .body = slice_text(body) };
}
