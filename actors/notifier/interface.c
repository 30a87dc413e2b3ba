/*  interface -- see interface.h. */
#include "actors/notifier/interface.h"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <string.h>

static bool same_host(const struct sockaddr *a, const struct sockaddr *b)
{
    if (!b || a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET)
        return memcmp(&((const struct sockaddr_in *) a)->sin_addr,
                      &((const struct sockaddr_in *) b)->sin_addr, sizeof(struct in_addr)) == 0;
    return a->sa_family == AF_INET6 &&
           memcmp(&((const struct sockaddr_in6 *) a)->sin6_addr,
                  &((const struct sockaddr_in6 *) b)->sin6_addr, sizeof(struct in6_addr)) == 0;
}

bool interface_has(const struct sockaddr *address)
{
    struct ifaddrs *interfaces;
    if (getifaddrs(&interfaces) == -1)
        return true;
    bool own = false;
    for (const struct ifaddrs *i = interfaces; i && !own; i = i->ifa_next)
        own = same_host(address, i->ifa_addr);
    freeifaddrs(interfaces);
    return own;
}
