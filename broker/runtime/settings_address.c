/*  settings_address -- see settings_read.h: where things may be, and who may reach us.
 *
 *  Without keys nothing listens but on loopback: a refusal here is better than an open door later.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "broker/runtime/settings_read.h"

enum { HOST_BYTES_MAX = 255 };

static const char *s_after(const char *text, const char *prefix)
{
    size_t size = strlen(prefix);
    return strncmp(text, prefix, size) == 0 ? text + size : NULL;
}

// "127.0.0.1:80", "[::1]:80", "localhost:*": into host and port.
static bool s_split(const char *address, char host[HOST_BYTES_MAX + 1], const char **port)
{
    const char *colon = strrchr(address, ':');
    size_t size = colon ? (size_t) (colon - address) : 0;
    if (size == 0 || size > HOST_BYTES_MAX)
        return false;
    memcpy(host, address, size);
    host[size] = '\0';
    *port = colon + 1;
    return host[0] == '[' || !strchr(host, ':');
}

static bool s_is_number(const char *text, long least, long most)
{
    size_t size = strlen(text);
    if (size == 0 || size > 9 || strspn(text, "0123456789") != size)
        return false;
    long number = strtol(text, NULL, 10);
    return number >= least && number <= most;
}

static bool s_is_loopback(const char *host)
{
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    // Four numbers, so that 127.0.0.1.example.org is none.
    int a, b, c, d, end = 0;
    return sscanf(host, "%3d.%3d.%3d.%3d%n", &a, &b, &c, &d, &end) == 4 && host[end] == '\0' &&
           a == 127 && b >= 0 && b < 256 && c >= 0 && c < 256 && d >= 0 && d < 256;
}

// What it takes to listen off loopback there.
typedef enum { REACH_KEYS, REACH_TOKENS, REACH_ANY } reach_t;

// host:port that we are to listen on.
static bool s_check_ours(settings_reader_t *self, const char *what, const node_t *node,
                         const char *address, reach_t reach)
{
    char host[HOST_BYTES_MAX + 1];
    const char *port;
    if (!s_split(address, host, &port) || (strcmp(port, "*") != 0 && !s_is_number(port, 1, 65535)))
        return settings_refuse(self, node, "%s: '%.100s' has no host and port (1 to 65535, or *)",
                               what, node->text);
    if (reach == REACH_ANY || (self->keys && reach == REACH_KEYS) || s_is_loopback(host))
        return true;
    return settings_refuse(
        self, node, "%s: '%.100s' is not loopback: that needs %s", what, node->text,
        reach == REACH_TOKENS ? "tokens, which are not in this version; use 127.0.0.1"
                              : "`keys`, the folder of CURVE keys that `keys add` makes; or use "
                                "127.0.0.1");
}

bool settings_check_endpoint(settings_reader_t *self, const setting_t *setting, const node_t *node)
{
    char what[64];
    snprintf(what, sizeof what, "listen: %s", setting->name);
    bool http = strcmp(setting->name, "http") == 0;
    bool metrics = strcmp(setting->name, "metrics") == 0;
    const char *address = http || metrics ? node->text : s_after(node->text, "tcp://");
    if (!address)
        return settings_refuse(self, node, "%s: expected tcp://host:port, not '%.100s'", what,
                               node->text);
    const reach_t reach = metrics ? REACH_ANY : http ? REACH_TOKENS : REACH_KEYS;
    return s_check_ours(self, what, node, address, reach);
}

bool settings_check_host(settings_reader_t *self, const setting_t *setting, const node_t *node)
{
    size_t size = strlen(node->text);
    bool good = strspn(node->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "0123456789.-:[]") == size;
    return (good && (node->text[0] == '[' || !strchr(node->text, ':'))) ||
           settings_refuse(self, node, "%s: expected a host name or address, not '%.100s'",
                           setting->name, node->text);
}

// How much of what is no URL of ours may be shown: before anything that may be a secret.
static int s_shown_size(const char *text)
{
    enum { SHOWN_MAX = 60 };
    const char *scheme = strstr(text, "://");
    size_t size = scheme ? (size_t) (scheme + 3 - text) : strcspn(text, "?@");
    return size < SHOWN_MAX ? (int) size : SHOWN_MAX;
}

bool settings_read_url(settings_reader_t *self, const node_t *node, source_t *source)
{
    const char *rest;
    source->url_line = node->line;
    source->url_column = node->column;
    if ((rest = s_after(node->text, "file://"))) {
        source->kind = SOURCE_FILE;
        if (*rest == '\0')
            return settings_refuse(self, node, "url: file:// without a path");
        return *rest == '/' ||
               settings_refuse(self, node, "url: '%.100s': expected file:///path, an absolute one",
                               node->text);
    }
    if ((rest = s_after(node->text, "http://")) || (rest = s_after(node->text, "https://"))) {
        source->kind = SOURCE_HTTP;
        bool host = *rest != '\0' && *rest != '/' && *rest != '?' && *rest != '#';
        bool clean = strcspn(node->text, " \t\n") == strlen(node->text);
        // Not quoted: there may be a password or a key in it.
        return (host && clean) ||
               settings_refuse(self, node,
                               "url: is no address: expected %.*s://host/path, without spaces",
                               (int) strcspn(node->text, ":"), node->text);
    }
    if ((rest = s_after(node->text, "push://"))) {
        source->kind = SOURCE_PUSH;
        const char *address = s_after(rest, "tcp://");
        return address ? s_check_ours(self, "url", node, address, REACH_KEYS)
                       : settings_refuse(self, node, "url: expected push://tcp://host:port");
    }
    if ((rest = s_after(node->text, "simulate://market"))) {
        source->kind = SOURCE_SIMULATE;
        return *rest == '\0' || *rest == '?' ||
               settings_refuse(self, node, "url: the only simulation is simulate://market");
    }
    return settings_refuse(self, node,
                           "url: '%.*s' is none of file://, http://, https://, push://tcp://, "
                           "simulate://market",
                           s_shown_size(node->text), node->text);
}

// ---- Redis and the stage ------------------------------------------------------------------

static bool s_check_database(const char *text)
{
    return *text == '\0' || strcmp(text, "/") == 0 ||
           (*text == '/' && s_is_number(text + 1, 0, 9999));
}

// Behind "user@", if that is there; NULL: there is a password, or nothing.
static const char *s_after_user(const char *rest)
{
    size_t size = strcspn(rest, "@/");
    if (rest[size] != '@')
        return rest;
    return size == 0 || memchr(rest, ':', size) ? NULL : rest + size + 1;
}

static bool s_check_redis(settings_reader_t *self, const node_t *node, const char *rest)
{
    rest = s_after_user(rest);
    if (!rest || strchr(rest, '@'))
        return settings_refuse(self, node,
                               "redis: no password in an address: only user@host; the password "
                               "is in redis_password_file");
    char address[HOST_BYTES_MAX + 16], host[HOST_BYTES_MAX + 1];
    size_t size = strcspn(rest, "/");
    const char *port;
    if (size < sizeof address && s_check_database(rest + size)) {
        memcpy(address, rest, size);
        address[size] = '\0';
        if (s_split(address, host, &port) && s_is_number(port, 1, 65535))
            return true;
    }
    return settings_refuse(self, node,
                           "redis: expected redis://host:port or redis://host:port/db, "
                           "not '%.100s'",
                           node->text);
}

bool settings_check_store(settings_reader_t *self, const node_t *node)
{
    static const char *const later[] = { "sentinel://", "cluster://" };
    const char *rest;
    if (strcmp(node->text, "embedded") == 0)
        return true;
    if ((rest = s_after(node->text, "unix://")))
        return ((rest = s_after_user(rest)) && *rest == '/') ||
               settings_refuse(self, node, "redis: expected unix:///path, an absolute one");
    if ((rest = s_after(node->text, "redis://")))
        return s_check_redis(self, node, rest);
    if (s_after(node->text, "rediss://"))
        return settings_refuse(self, node,
                               "redis: rediss:// is not in this version: for TLS let a tunnel such "
                               "as stunnel listen on loopback (docs/operating.md)");
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        if (s_after(node->text, later[i]))
            return settings_refuse(self, node, "redis: %s is not in this version", later[i]);
    }
    return settings_refuse(self, node,
                           "redis: expected embedded, redis://host:port/db or "
                           "unix:///path, not '%.100s'",
                           node->text);
}

bool settings_is_loopback_url(const char *url)
{
    const char *rest = s_after(url, "redis://");
    char address[HOST_BYTES_MAX + 16], host[HOST_BYTES_MAX + 1];
    if (rest)
        rest = s_after_user(rest);
    if (!rest)
        return true; // embedded, or a unix socket
    snprintf(address, sizeof address, "%.*s", (int) strcspn(rest, "/"), rest);
    const char *port;
    return s_split(address, host, &port) && s_is_loopback(host);
}

// How often {role} stands in a text; -1: there are other braces.
static int s_count_roles(const char *text)
{
    static const char mark[] = "{role}";
    int count = 0;
    for (; *text; text++) {
        bool marked = strncmp(text, mark, sizeof mark - 1) == 0;
        count += marked;
        if (marked)
            text += sizeof mark - 2;
        else if (*text == '{' || *text == '}')
            return -1;
    }
    return count;
}

// Is the only {role} of this address in its user?
static bool s_is_role_in_user(const char *url)
{
    const char *scheme = strstr(url, "://");
    const char *mark = strstr(url, "{role}");
    const char *rest = scheme ? s_after_user(scheme + 3) : NULL;
    return mark && rest && mark < rest && s_count_roles(url) == 1;
}

bool settings_check_role(settings_reader_t *self, const node_t *node, const settings_t *settings)
{
    int users = s_count_roles(settings->redis);
    int files = settings->redis_password_file ? s_count_roles(settings->redis_password_file) : 0;
    if (users == 0 && files == 0)
        return true;
    if (files < 0)
        return settings_refuse(self, node, "redis_password_file: the only braces are {role}");
    if (users != 0 && !s_is_role_in_user(settings->redis))
        return settings_refuse(self, node,
                               "redis: braces are {role}, once, in the user: "
                               "redis://tw-{role}@host:port");
    if (files > 0 && users == 0)
        return settings_refuse(self, node,
                               "redis_password_file: a password for each role needs a user for "
                               "each: redis://tw-{role}@host:port");
    return files > 0 ||
           settings_refuse(self, node,
                           "redis: a user for each role needs a password for each: set "
                           "redis_password_file with {role} in it");
}

bool settings_check_stage(settings_reader_t *self, const node_t *node)
{
    const char *path = s_after(node->text, "dir:");
    if (path)
        return *path != '\0' || settings_refuse(self, node, "stage: dir: without a path");
    if (s_after(node->text, "s3://"))
        return settings_refuse(self, node, "stage: s3:// is not in this version; use dir:<path>");
    return settings_refuse(self, node, "stage: expected dir:<path>, not '%.100s'", node->text);
}
