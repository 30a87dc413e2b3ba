/*  settings_channels -- see settings_read.h: the operator's ways to tell subscribers. Templates are
 *  compiled by the notifier, and by `check`.
 */
#include <inttypes.h>
#include <string.h>

#include "broker/runtime/settings_names.h"
#include "broker/runtime/settings_read.h"

static bool s_is_one_of(const char *text, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, words[i]) == 0)
            return true;
    return false;
}

static bool s_begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

// A map of maps: room for what is read of it.
static bool s_begin(settings_reader_t *self, const setting_t *setting, const node_t *node,
                    size_t size, void **items)
{
    if (node->kind != NODE_MAP)
        return settings_refuse(self, node, "%s: expected a map from names to maps", setting->name);
    if ((int64_t) node->count > setting->most)
        return settings_refuse(self, node, "%s: more than %" PRId64 " entries", setting->name,
                               setting->most);
    for (const node_t *member = node->first; member; member = member->next)
        if (member->kind != NODE_MAP)
            return settings_refuse(self, member, "%s: expected a map", setting->name);
    *items = arena_take(self->arena, (node->count + 1) * size);
    return *items || settings_refuse(self, node, "out of memory");
}

// ---- smtp -----------------------------------------------------------------------------------

static bool s_read_smtp(settings_reader_t *self, const node_t *node, settings_t *settings)
{
    smtp_settings_t *smtp = &settings->smtp;
    if (node->kind != NODE_MAP)
        return settings_refuse(self, node, "smtp: expected a map, { url: ..., from: ... }");
    if (!settings_read_map(self, IN_SMTP, "smtp", node, smtp))
        return false;
    smtp->line = node->line;
    smtp->column = node->column;
    const char *url = smtp->url.text;
    bool plain = s_begins(url, "smtp://");
    if ((!plain && !s_begins(url, "smtps://")) || strchr(url, '@'))
        return settings_refuse(self, settings_member(node, "url"),
                               "smtp: url: expected smtps://host:port or smtp://host:port, and the "
                               "user in `user`");
    if (!smtp->user != !smtp->password_file)
        return settings_refuse(self, node, "smtp: user and password_file need each other");
    if (smtp->plaintext && (strcmp(smtp->plaintext, "accept") != 0 || !plain))
        return settings_refuse(self, settings_member(node, "plaintext"),
                               "smtp: plaintext: expected accept, and only with smtp://");
    return true;
}

// ---- gateways -------------------------------------------------------------------------------

static bool s_check_gateway(settings_reader_t *self, const node_t *node,
                            const gateway_settings_t *gateway)
{
    static const char *const methods[] = { "POST", "PUT", "GET" };
    if (!s_begins(gateway->url.text, "http://") && !s_begins(gateway->url.text, "https://"))
        return settings_refuse(self, settings_member(node, "url"),
                               "gateways: url: expected http:// or https://");
    if (!s_is_one_of(gateway->method, methods, sizeof methods / sizeof methods[0]))
        return settings_refuse(self, settings_member(node, "method"),
                               "gateways: method: expected POST, PUT or GET, not '%.20s'",
                               gateway->method);
    return strcmp(gateway->method, "GET") != 0 || !gateway->body.text ||
           settings_refuse(self, settings_member(node, "body"), "gateways: body: not with GET");
}

static bool s_read_gateways(settings_reader_t *self, const setting_t *setting, const node_t *node,
                            settings_t *settings)
{
    // Fields of a subscriber that mean something else.
    static const char *const taken[] = { "webhook", "slack", "email", "command", "secret",
                                         "format",  "gone",  "rate",  "quiet" };
    void *items;
    if (!s_begin(self, setting, node, sizeof *settings->gateways, &items))
        return false;
    settings->gateways = (gateway_settings_t *) items;
    for (const node_t *member = node->first; member; member = member->next) {
        if (!settings_is_identifier(member->name) ||
            s_is_one_of(member->name, taken, sizeof taken / sizeof taken[0]))
            return settings_refuse_name(
                self, member,
                "gateways: '%.60s' is no name for one: a small letter, then "
                "small letters, digits and '_', and no other field of a "
                "subscriber",
                member->name);
        gateway_settings_t *gateway = &settings->gateways[settings->gateway_count++];
        gateway->line = member->name_line;
        gateway->column = member->name_column;
        gateway->name = member->name;
        if (!settings_read_map(self, IN_GATEWAY, "gateways", member, gateway) ||
            !s_check_gateway(self, member, gateway))
            return false;
    }
    return true;
}

// ---- commands -------------------------------------------------------------------------------

static bool s_read_commands(settings_reader_t *self, const setting_t *setting, const node_t *node,
                            settings_t *settings)
{
    void *items;
    if (!s_begin(self, setting, node, sizeof *settings->commands, &items))
        return false;
    settings->commands = (command_settings_t *) items;
    for (const node_t *member = node->first; member; member = member->next) {
        if (!settings_is_name(member->name))
            return settings_refuse_name(self, member,
                                        "commands: '%.60s' is no name: letters, digits, '.', '_' "
                                        "and '-', at most %d bytes",
                                        member->name, NAME_BYTES_MAX);
        command_settings_t *command = &settings->commands[settings->command_count++];
        command->name = member->name;
        if (!settings_read_map(self, IN_COMMAND, "commands", member, command))
            return false;
        if (command->run[0] != '/')
            return settings_refuse(self, settings_member(member, "run"),
                                   "commands: run: expected an absolute path, not '%.100s'",
                                   command->run);
    }
    return true;
}

bool settings_read_means(settings_reader_t *self, const setting_t *setting, const node_t *node,
                         settings_t *settings)
{
    if (strcmp(setting->name, "smtp") == 0)
        return s_read_smtp(self, node, settings);
    return strcmp(setting->name, "gateways") == 0 ? s_read_gateways(self, setting, node, settings)
                                                  : s_read_commands(self, setting, node, settings);
}
