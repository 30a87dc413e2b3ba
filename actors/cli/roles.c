/*  roles -- see roles.h. */
#include "actors/cli/roles.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/trust/door.h"

enum { COUNT_MOST = 16 }; // of one role

const char *const roles_order[ROLES] = { ROLES_API,   "broker", "notifier",
                                         "transform", "prep",   "collector" };

int roles_count(const char *roles, const char *role, fault_t *fault)
{
    if (!roles)
        return 1;
    int found = 0;
    for (const char *at = roles; *at;) {
        size_t size = strcspn(at, ",");
        size_t name = strcspn(at, ",=");
        bool known = false;
        for (int r = 0; r < ROLES; r++)
            known |= strlen(roles_order[r]) == name && strncmp(roles_order[r], at, name) == 0;
        if (!known) {
            fault_set(fault,
                      "unknown role '%.*s' (collector, prep, transform, notifier, broker, "
                      "api)",
                      (int) name, at);
            return -1;
        }
        long count = 1;
        if (name < size) {
            char *end;
            count = strtol(at + name + 1, &end, 10);
            if (end != at + size || count < 1 || count > COUNT_MOST) {
                fault_set(fault, "'%.*s': a role's count is 1 to %d", (int) size, at, COUNT_MOST);
                return -1;
            }
        }
        if (strlen(role) == name && strncmp(role, at, name) == 0)
            found = (int) count;
        at += size;
        at += *at == ',';
    }
    if (strcmp(role, "collector") == 0 && found > 1) {
        fault_set(fault, "one collector a configuration: its stream has one writer");
        return -1;
    }
    if (strcmp(role, ROLES_API) == 0 && found > 1) {
        fault_set(fault, "one api a host: it answers at one address");
        return -1;
    }
    return found;
}

const char *roles_key(const char *role)
{
    return strcmp(role, ROLES_API) == 0 ? role_name(ROLE_SUBSCRIBER) : role;
}

void roles_name(const char *role, int index, char name[ROLES_NAME_MAX])
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    char host[HOST_NAME_MAX + 1] = "host";
    gethostname(host, sizeof host - 1);
    host[sizeof host - 1] = '\0';
    host[strcspn(host, ".")] = '\0'; // as %l of systemd, which names the actors of units
    for (char *c = host; *c; c++)
        if (!strchr(good, *c))
            *c = '-';
    // A collector's name is its stream's: the same on every host, or the log would move.
    if (strcmp(role, "collector") == 0)
        snprintf(name, ROLES_NAME_MAX, "collector");
    else
        snprintf(name, ROLES_NAME_MAX, "%.9s-%d.%.48s", role, index, host);
}
