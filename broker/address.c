/*  address -- see address.h. */
#include "broker/address.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint8_t bytes[4];
    unsigned bits;
} block4_t;

typedef struct {
    uint8_t bytes[16];
    unsigned bits;
} block6_t;

static const block4_t private4[] = {
    { { 0 }, 8 },             // this network
    { { 10 }, 8 },            // RFC 1918
    { { 100, 64 }, 10 },      // carrier NAT
    { { 127 }, 8 },           // loopback
    { { 169, 254 }, 16 },     // link-local, cloud metadata
    { { 172, 16 }, 12 },      // RFC 1918
    { { 192, 0, 0 }, 24 },    // protocol assignments
    { { 192, 0, 2 }, 24 },    // documentation
    { { 192, 88, 99 }, 24 },  // 6to4 relays
    { { 192, 168 }, 16 },     // RFC 1918
    { { 198, 18 }, 15 },      // benchmarks
    { { 198, 51, 100 }, 24 }, // documentation
    { { 203, 0, 113 }, 24 },  // documentation
    { { 224 }, 4 },           // multicast
    { { 240 }, 4 },           // reserved, broadcast
};

static const block6_t private6[] = {
    { { 0x01 }, 64 },                         // 100::/64, discard
    { { 0x20, 0x01, 0x0d, 0xb8 }, 32 },       // documentation
    { { 0x20, 0x01, 0x00, 0x02 }, 48 },       // benchmarks
    { { 0x00, 0x64, 0xff, 0x9b, 0, 1 }, 48 }, // local-use NAT64
    { { 0xfc }, 7 },                          // unique local
    { { 0xfe, 0x80 }, 10 },                   // link-local
    { { 0xfe, 0xc0 }, 10 },                   // site-local, deprecated
    { { 0xff }, 8 },                          // multicast
};

// IPv6 blocks that carry an IPv4 address at `offset`, perhaps inverted.
static const struct {
    block6_t block;
    unsigned offset;
    uint8_t mask;
} carriers[] = {
    { { { 0 }, 96 }, 12, 0 },                                        // ::, ::1, ::a.b.c.d
    { { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96 }, 12, 0 }, // ::ffff:a.b.c.d
    { { { 0x00, 0x64, 0xff, 0x9b }, 96 }, 12, 0 },                   // NAT64
    { { { 0x20, 0x02 }, 16 }, 2, 0 },                                // 6to4
    { { { 0x20, 0x01, 0x00, 0x00 }, 32 }, 4, 0 },                    // Teredo: its server
    { { { 0x20, 0x01, 0x00, 0x00 }, 32 }, 12, 0xff },                // Teredo: its client
};

enum { COUNT4 = sizeof private4 / sizeof private4[0] };
enum { COUNT6 = sizeof private6 / sizeof private6[0] };
enum { COUNT_CARRIERS = sizeof carriers / sizeof carriers[0] };

static bool in_block(const uint8_t *bytes, const uint8_t *block, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(bytes, block, whole) != 0)
        return false;
    return rest == 0 || (bytes[whole] ^ block[whole]) >> (8 - rest) == 0;
}

static bool is_private4(const uint8_t bytes[4])
{
    for (unsigned i = 0; i < COUNT4; i++)
        if (in_block(bytes, private4[i].bytes, private4[i].bits))
            return true;
    return false;
}

static bool is_private6(const uint8_t bytes[16])
{
    for (unsigned i = 0; i < COUNT6; i++)
        if (in_block(bytes, private6[i].bytes, private6[i].bits))
            return true;
    for (unsigned i = 0; i < COUNT_CARRIERS; i++) {
        if (!in_block(bytes, carriers[i].block.bytes, carriers[i].block.bits))
            continue;
        uint8_t inner[4];
        for (unsigned k = 0; k < 4; k++)
            inner[k] = bytes[carriers[i].offset + k] ^ carriers[i].mask;
        if (is_private4(inner))
            return true;
    }
    return false;
}

bool address_is_private(const struct sockaddr *address, socklen_t size)
{
    if (size >= sizeof(struct sockaddr_in) && address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        uint8_t bytes[4];
        memcpy(bytes, &in.sin_addr, sizeof bytes);
        return is_private4(bytes);
    }
    if (size >= sizeof(struct sockaddr_in6) && address->sa_family == AF_INET6) {
        struct sockaddr_in6 in;
        memcpy(&in, address, sizeof in);
        return is_private6(in.sin6_addr.s6_addr);
    }
    return true;
}
