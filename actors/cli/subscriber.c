/*  subscriber -- convenience over the subscribers in Redis, which are the interface
 *  (docs/channels.md), and their deliveries.
 *
 *      subscriber add NAME [--FIELD VALUE ...] [--rules RULE[:SERIES] ...]
 *      subscriber list [--json]
 *      subscriber rm NAME
 *      subscriber resend NAME [ALERT-ID]     what was given up waits again
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/people.h"
#include "actors/cli/subscriber_check.h"
#include "broker/runtime/life.h"
#include "broker/store_delivery.h"
#include "broker/store_people.h"
#include "proto/owned.h"

static const char word[] = "subscriber";

static int resend(people_t *self, int count, char **words)
{
    uint64_t again = 0;
    if (count != 1 && count != 2)
        return cli_misuse(word, "resend takes a name, and perhaps the id of an alert", NULL);
    slice_t alert_id = slice_text(count == 2 ? words[1] : "");
    if (store_delivery_again(self->store, words[0], alert_id, &again) != STORE_OK)
        return people_failed(self, store_error(self->store));
    printf("%" PRIu64 " deliveries to '%s' wait again\n", again, words[0]);
    return EXIT_OK;
}

// ---- add ------------------------------------------------------------------------------------

// "--quiet-except" is the field `quiet_except`.
static bool read_option(char *option)
{
    if (strncmp(option, "--", 2) != 0 || !option[2])
        return false;
    for (char *c = option + 2; *c; c++)
        if (*c == '-')
            *c = '_';
    return true;
}

static int add(people_t *self, int count, char **words)
{
    if (count < 3)
        return cli_misuse(word, "add takes NAME and --FIELD VALUE, or --rules RULE", NULL);
    store_subscriber_t made = { .name = words[0] };
    char **rules = NULL;
    size_t rule_count = 0;
    for (int i = 1; i < count && !rules; i += 2) {
        if (strcmp(words[i], "--rules") == 0) {
            rules = words + i + 1;
            rule_count = (size_t) (count - i - 1);
        } else if (i + 1 == count || made.count == STORE_FIELDS_MAX || !read_option(words[i])) {
            return cli_misuse(word, "add takes --FIELD VALUE, then --rules, not", words[i]);
        } else {
            made.fields[made.count++] = (store_field_t){ words[i] + 2, words[i + 1] };
        }
    }
    fault_t fault = { 0 };
    if (!subscriber_check(self->settings, &made, rules, rule_count, &fault)) {
        fprintf(stderr, "tidewire subscriber: %s: %s\n", words[0], fault.text);
        return EXIT_CONFIG; // nothing is written
    }
    if (store_subscriber_set(self->store, words[0], made.fields, made.count, rules, rule_count) !=
        STORE_OK)
        return people_failed(self, store_error(self->store));
    printf("set %zu fields of '%s', subscribed to %zu rules\n", made.count, words[0], rule_count);
    return EXIT_OK;
}

// ---- list, rm -------------------------------------------------------------------------------

static void put_subscriber(const people_t *self, const store_rule_t *hash, table_t *table)
{
    static const char *const fields[] = { "rate", "quiet", "group" };
    owned(buffer_destroy) buffer_t channels = { 0 };
    for (size_t i = 0; i < hash->count; i++)
        if (subscriber_is_channel(self->settings, hash->fields[i].name))
            buffer_printf(&channels, "%s%s=%s", channels.size ? " " : "", hash->fields[i].name,
                          hash->fields[i].value);
    table_cell(table, hash->name);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        table_cell(table, people_field(hash, fields[i]));
    table_cell(table, channels.size ? buffer_string(&channels) : NULL);
}

static int list_all(people_t *self)
{
    static const char *const titles[] = { "SUBSCRIBER", "RATE", "QUIET", "GROUP", "CHANNELS" };
    static const people_list_t list = { .read = store_people,
                                        .row = put_subscriber,
                                        .titles = titles,
                                        .columns = sizeof titles / sizeof *titles,
                                        .hidden = "secret" };
    return people_list(self, &list);
}

static int take_away(people_t *self, int count, char **words)
{
    bool found;
    uint64_t subscriptions;
    if (count != 1)
        return cli_misuse(word, "rm takes one name", NULL);
    if (store_subscriber_remove(self->store, words[0], &found, &subscriptions) != STORE_OK)
        return people_failed(self, store_error(self->store));
    if (!found && subscriptions == 0) {
        fprintf(stderr, "tidewire subscriber: no subscriber '%s'\n", words[0]);
        return EXIT_FAILED;
    }
    printf("removed '%s', and %" PRIu64 " subscriptions\n", words[0], subscriptions);
    return EXIT_OK;
}

static int run(people_t *self, int count, char **words)
{
    if (strcmp(words[0], "resend") == 0)
        return resend(self, count - 1, words + 1);
    if (strcmp(words[0], "add") == 0)
        return add(self, count - 1, words + 1);
    if (strcmp(words[0], "list") == 0 && count == 1)
        return list_all(self);
    if (strcmp(words[0], "rm") == 0)
        return take_away(self, count - 1, words + 1);
    return cli_misuse(word, "add, list, rm or resend, not", words[0]);
}

int cli_subscriber(int argc, char **argv)
{
    return people_main(
        word,
        "usage: tidewire subscriber [--dir DIR] [-c FILE] WORD ...\n\n"
        "  add NAME [--FIELD VALUE ...] [--rules RULE[:SERIES] ...]\n"
        "  list [--json]\n"
        "  rm NAME\n"
        "  resend NAME [ALERT-ID]\n\n"
        "add sets fields: --webhook URL, --slack URL, --email A, --command NAME, the name of a\n"
        "gateway, --format, --secret, --rate 10/1m, --quiet '22:00-07:00 Europe/Berlin',\n"
        "--quiet-except, --group 30s (docs/channels.md, docs/silences.md), and leaves the others. "
        "A\n"
        "bad one is not written: exit 78. rm takes the subscriptions away, too. resend: "
        "deliveries\n"
        "to NAME that were given up (`dead` in their record) wait again, as if they had never "
        "been\n"
        "tried: all that are remembered, or those of one alert; NAME is a subscriber, or one\n"
        "channel of one, alice/email. --dir DIR: where `up` runs (default .tidewire).",
        argc, argv, run);
}
