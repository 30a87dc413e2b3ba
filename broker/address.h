/*  address -- may a stranger send us to this network address? Pure.
 *
 *  A subscriber's URL and a server's redirect are written by strangers, so what counts is the
 *  address that is really connected to, after DNS, whatever the URL looked like. Everything that
 *  is not plain public unicast is private here: loopback, link-local (cloud metadata), RFC 1918,
 *  carrier NAT, documentation, multicast, reserved; and IPv6 forms that carry an IPv4 address are
 *  judged by the address inside. Families other than IPv4 and IPv6 are private.
 */
#pragma once
#include <stdbool.h>
#include <sys/socket.h>

bool address_is_private(const struct sockaddr *address, socklen_t size);
