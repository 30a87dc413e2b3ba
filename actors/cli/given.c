/*  given -- see cli.h: the configuration that a word was given, or what is wrong with its words. */
#include "actors/cli/cli.h"

#include <stdio.h>

#include "actors/prep/event_time.h"
#include "broker/runtime/life.h"

settings_t *cli_settings(const char *path)
{
    fault_t fault = { 0 };
    settings_t *settings = settings_load(path, &fault);
    if (!settings)
        cli_tell_bad(path, &fault);
    return settings;
}

void cli_tell_bad(const char *path, const fault_t *fault)
{
    if (fault->line > 0)
        fprintf(stderr, "%s:%d:%d: %s\n", path, fault->line, fault->column, fault->text);
    else
        fprintf(stderr, "%s: %s\n", path, fault->text);
}

bool cli_time(const char *text, int64_t *us)
{
    event_time_t format;
    fault_t fault;
    return event_time_compile(&format, slice_text("rfc3339"), &fault) &&
           event_time_read(&format, slice_text(text), us) == EVENT_TIME_GOOD;
}

int cli_misuse(const char *word, const char *what, const char *value)
{
    fprintf(stderr, "tidewire %s: %s%s%s%s; try 'tidewire %s --help'\n", word, what,
            value ? " '" : "", value ? value : "", value ? "'" : "", word);
    return EXIT_USAGE;
}
