/*  endpoint -- see endpoint.h. */
#include "broker/endpoint.h"

#include <stdio.h>
#include <string.h>

static bool s_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static int s_digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c ? strchr(digits, c) : NULL;
    return at ? (int) (at - digits) : -1;
}

static bool s_parse_key(const char *text, uint8_t key[ENDPOINT_KEY_BYTES])
{
    if (strlen(text) != (size_t) 2 * ENDPOINT_KEY_BYTES)
        return false;
    for (size_t i = 0; i < ENDPOINT_KEY_BYTES; i++) {
        int high = s_digit(text[2 * i]), low = s_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        key[i] = (uint8_t) (high << 4 | low);
    }
    return true;
}

bool endpoint_parse(endpoint_t *self, const char *text, fault_t *fault)
{
    *self = (endpoint_t){ 0 };
    if (strlen(text) >= ENDPOINT_MAX)
        return fault_set(fault, "endpoint is longer than %d bytes", ENDPOINT_MAX - 1);
    size_t size = strcspn(text, "#");
    memcpy(self->address, text, size);
    self->has_key = text[size] == '#';
    return !self->has_key || s_parse_key(text + size + 1, self->key) ||
           fault_set(fault, "'%.255s': what is behind '#' is no key of %d hexadecimal digits", text,
                     2 * ENDPOINT_KEY_BYTES);
}

bool endpoint_format(const endpoint_t *self, char text[ENDPOINT_MAX])
{
    int size = snprintf(text, ENDPOINT_MAX, "%s%s", self->address, self->has_key ? "#" : "");
    size_t key_digits = self->has_key ? (size_t) 2 * ENDPOINT_KEY_BYTES : 0;
    if (size < 0 || (size_t) size + key_digits >= ENDPOINT_MAX)
        return false;
    for (size_t i = 0; i < key_digits / 2; i++)
        snprintf(text + size + 2 * i, 3, "%02x", self->key[i]);
    return true;
}

// 127.x.x.x in numbers, so that 127.0.0.1.example.org is none.
static bool s_is_loopback4(const char *address)
{
    static const char start[] = "tcp://127.";
    const size_t size = sizeof start - 1;
    return s_starts(address, start) && address[size + strspn(address + size, "0123456789.")] == ':';
}

bool endpoint_is_local(const char *address)
{
    return s_is_loopback4(address) || s_starts(address, "tcp://[::1]:") ||
           s_starts(address, "tcp://localhost:") || s_starts(address, "ipc://") ||
           s_starts(address, "inproc://");
}

bool endpoint_is_everywhere(const char *address)
{
    return s_starts(address, "tcp://*:") || s_starts(address, "tcp://0.0.0.0:") ||
           s_starts(address, "tcp://[::]:");
}

bool endpoint_is_ipv6(const char *address)
{
    return s_starts(address, "tcp://[");
}

bool endpoint_move(const char *address, const char *host, char moved[ENDPOINT_MAX])
{
    const char *port = strrchr(address, ':');
    if (!s_starts(address, "tcp://") || port < address + strlen("tcp://"))
        return false;
    int size = snprintf(moved, ENDPOINT_MAX, "tcp://%s%s", host, port);
    return size > 0 && size < ENDPOINT_MAX;
}
