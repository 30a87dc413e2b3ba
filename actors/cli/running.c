/*  running -- what a configuration said when it was started: see cli_running in cli.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "actors/cli/cli.h"
#include "actors/cli/supervise.h"
#include "broker/runtime/life.h"
#include "broker/site.h"
#include "proto/json.h"
#include "proto/owned.h"

static bool note_path(const char *dir, const char *name, char path[SITE_PATH_MAX])
{
    int size = snprintf(path, SITE_PATH_MAX, "%s/%s", dir, name);
    return size > 0 && size < SITE_PATH_MAX;
}

// A text of JSON is one of YAML; what would be expanded again is escaped.
static void put_setting(buffer_t *out, const char *name, const char *value)
{
    owned(buffer_destroy) buffer_t text = { 0 };
    for (const char *c = value; *c; c++) {
        if (c[0] == '$' && c[1] == '{')
            buffer_text(&text, "$");
        buffer_append(&text, c, 1);
    }
    buffer_printf(out, "%s: ", name);
    json_text(out, buffer_slice(&text));
    buffer_text(out, "\n");
    out->failed |= text.failed;
}

bool cli_note_running(const settings_t *settings, const char *dir, fault_t *fault)
{
    char path[SITE_PATH_MAX], fresh[SITE_PATH_MAX];
    if (!note_path(dir, "running.yaml", path) || !note_path(dir, "running.yaml.new", fresh))
        return fault_set(fault, "the path of '%s' is too long", dir);
    owned(buffer_destroy) buffer_t text = { 0 };
    buffer_text(&text, "# Written by `up` for `status`, `tail` and `stage`.\n");
    put_setting(&text, "namespace", settings->namespace);
    put_setting(&text, "stage", settings->stage);
    put_setting(&text, "redis", settings->redis);
    if (settings->redis_password_file)
        put_setting(&text, "redis_password_file", settings->redis_password_file);
    if (settings->redis_plaintext)
        put_setting(&text, "redis_plaintext", settings->redis_plaintext);
    if (settings->keys)
        put_setting(&text, "keys", settings->keys);
    FILE *file = fopen(fresh, "we");
    if (!file)
        return fault_set(fault, "cannot write '%s': %s", fresh, strerror(errno));
    bool good = !text.failed && fwrite(text.data, 1, text.size, file) == text.size;
    good = fclose(file) == 0 && good && rename(fresh, path) == 0;
    return good || fault_set(fault, "cannot write '%s': %s", path, strerror(errno));
}

settings_t *cli_running(const char *word, const char *config, const char *dir, int *status)
{
    char noted[SITE_PATH_MAX];
    *status = EXIT_CONFIG;
    if (!config && note_path(dir, "running.yaml", noted) && access(noted, R_OK) == 0)
        config = noted;
    if (!config && supervise_config(dir, noted, sizeof noted))
        config = noted;
    if (config)
        return cli_settings(config);
    *status = cli_misuse(word, "nothing was started here: give -c FILE, or --dir", NULL);
    return NULL;
}
