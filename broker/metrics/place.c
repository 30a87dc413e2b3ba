/*  place -- see place.h. */
#include "broker/metrics/place.h"

#include <stdio.h>
#include <string.h>

void place_free(struct addrinfo **self_p)
{
    if (*self_p)
        freeaddrinfo(*self_p);
    *self_p = NULL;
}

struct addrinfo *place_resolve(const char *setting, const char *listen, fault_t *fault)
{
    char host[PLACE_TEXT_MAX];
    const char *colon = strrchr(listen, ':');
    size_t size = colon ? (size_t) (colon - listen) : sizeof host;
    if (size >= sizeof host) {
        fault_set(fault, "%s: '%.100s' is no host:port", setting, listen);
        return NULL;
    }
    bool bracket = listen[0] == '[' && size > 2;
    snprintf(host, sizeof host, "%.*s", (int) (bracket ? size - 2 : size), listen + bracket);
    const char *port = strcmp(colon + 1, "*") == 0 ? "0" : colon + 1;
    const struct addrinfo wanted = { .ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                     .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    int error = getaddrinfo(host, port, &wanted, &found);
    if (error)
        fault_set(fault, "%s: '%.100s': %s", setting, listen, gai_strerror(error));
    return error ? NULL : found;
}
