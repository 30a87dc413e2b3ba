/*  silence -- convenience over the silences in Redis, which are the interface (docs/silences.md).
 *
 *  silence add NAME [--rule GLOB] [--series GLOB] [--for 2h | --until T] [--why TEXT] [--by WHO]
 *  silence list [--json] silence rm NAME
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/cli/people.h"
#include "actors/notifier/notice.h"
#include "actors/notifier/silence.h"
#include "broker/runtime/life.h"
#include "broker/store_silences.h"
#include "proto/owned.h"

static const char word[] = "silence";

static bool silence_check(const store_rule_t *written, fault_t *fault)
{
    owned(silences_destroy) silences_t *silences = silences_new();
    return silences ? silences_add(silences, written, INT64_MAX, fault)
                    : fault_set(fault, "out of memory");
}

static void put_field(store_rule_t *written, const char *name, const char *value)
{
    if (written->count < STORE_FIELDS_MAX)
        written->fields[written->count++] = (store_field_t){ name, value };
}

static int silence_add(people_t *self, int count, char **words)
{
    static const char *const names[] = { "rule", "series", "until", "why", "by" };
    char until[NOTICE_TIME_TEXT];
    fault_t fault = { 0 };
    if (count < 3 || count % 2 == 0)
        return cli_misuse(word,
                          "add takes NAME and options with a value each, --rule or --series "
                          "at least",
                          NULL);
    store_rule_t written = { .name = words[0] };
    for (int i = 1; i < count; i += 2) {
        const char *name = strncmp(words[i], "--", 2) == 0 ? words[i] + 2 : "";
        bool is_known = false;
        for (size_t n = 0; n < sizeof names / sizeof *names; n++)
            is_known |= strcmp(names[n], name) == 0;
        if (strcmp(name, "for") == 0) {
            int64_t us;
            if (!settings_duration(words[i + 1], &us))
                return cli_misuse(word, "--for takes a duration like 2h, not", words[i + 1]);
            notice_time((life_wall_us() + us) / 1000000 * 1000000, until);
            put_field(&written, "until", until);
        } else if (is_known) {
            put_field(&written, name, words[i + 1]);
        } else {
            return cli_misuse(word, "add knows no option", words[i]);
        }
    }
    if (!people_field(&written, "by") && getenv("USER"))
        put_field(&written, "by", getenv("USER"));
    if (!silence_check(&written, &fault)) { // a bad one is not written
        fprintf(stderr, "tidewire silence: %s: %s\n", words[0], fault.text);
        return EXIT_CONFIG;
    }
    if (store_silence_set(self->store, words[0], written.fields, written.count) != STORE_OK)
        return people_failed(self, store_error(self->store));
    const char *end = people_field(&written, "until");
    printf("silenced by '%s' until %s\n", words[0], end ? end : "it is removed");
    return EXIT_OK;
}

static void put_silence(const people_t *self, const store_rule_t *written, table_t *table)
{
    static const char *const fields[] = { "rule", "series", "until", "by", "why" };
    fault_t fault = { 0 };
    (void) self;
    table_cell(table, written->name);
    table_cell(table, silence_check(written, &fault) ? "ok" : "error");
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        table_cell(table, people_field(written, fields[i]));
}

static int silence_list(people_t *self)
{
    static const char *const titles[] = {
        "SILENCE", "STATE", "RULE", "SERIES", "UNTIL", "BY", "WHY"
    };
    static const people_list_t list = { .read = store_silences,
                                        .row = put_silence,
                                        .titles = titles,
                                        .columns = sizeof titles / sizeof *titles,
                                        .hidden = "" };
    return people_list(self, &list);
}

static int silence_remove(people_t *self, int count, char **words)
{
    bool found;
    if (count != 1)
        return cli_misuse(word, "rm takes one name", NULL);
    if (store_silence_remove(self->store, words[0], &found) != STORE_OK)
        return people_failed(self, store_error(self->store));
    if (!found) {
        fprintf(stderr, "tidewire silence: no silence '%s'\n", words[0]);
        return EXIT_FAILED;
    }
    printf("removed '%s'; who was not told of what fires still is told now\n", words[0]);
    return EXIT_OK;
}

static int silence_word(people_t *self, int count, char **words)
{
    if (strcmp(words[0], "add") == 0)
        return silence_add(self, count - 1, words + 1);
    if (strcmp(words[0], "list") == 0 && count == 1)
        return silence_list(self);
    if (strcmp(words[0], "rm") == 0)
        return silence_remove(self, count - 1, words + 1);
    return cli_misuse(word, "add, list or rm, not", words[0]);
}

int cli_silence(int argc, char **argv)
{
    return people_main(
        word,
        "usage: tidewire silence [--dir DIR] [-c FILE] WORD ...\n\n"
        "  add NAME [--rule GLOB] [--series GLOB] [--for 2h | --until T] [--why TEXT] [--by WHO]\n"
        "  list [--json]\n"
        "  rm NAME\n\n"
        "While there is one over a rule and a series, nobody who subscribes is told of it; at its\n"
        "end who was not told of what fires still is told (docs/silences.md). `*` in a GLOB "
        "stands\n"
        "for anything. T is a time like 2030-01-31T18:00:00Z. A bad silence is not written: exit\n"
        "78. --dir DIR: where `up` runs (default .tidewire).",
        argc, argv, silence_word);
}
