/*  address_test -- where no stranger may send us, by table. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "broker/address.h"

static bool judge(const char *text)
{
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    struct sockaddr_in four = { .sin_family = AF_INET };
    if (inet_pton(AF_INET6, text, &six.sin6_addr) == 1)
        return address_is_private((const struct sockaddr *) &six, sizeof six);
    assert_int_equal(inet_pton(AF_INET, text, &four.sin_addr), 1);
    return address_is_private((const struct sockaddr *) &four, sizeof four);
}

static void private_ones_are_refused(void **state)
{
    (void) state;
    static const char *const texts[] = {
        "0.0.0.0",
        "0.255.255.255",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.0",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a00:1",
        "64:ff9b:1::808:808",
        "2002:7f00:1::",
        "2002:a00:1::1",
        "2002:c0a8:101::",
        "100::1",
        "2001:db8::1",
        "2001:2::1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "2001:0:a00:1::1",              // Teredo whose server is 10.0.0.1
        "2001:0:808:808:0:0:80ff:fffe", // Teredo whose client is 127.0.0.1, inverted
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (!judge(texts[i]))
            fail_msg("%s passes as public", texts[i]);
}

// The neighbours of every block, so that a mask one bit too wide is found.
static void public_ones_pass(void **state)
{
    (void) state;
    static const char *const texts[] = {
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "191.255.255.255",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "8.8.8.8",
        "2606:4700::1111",
        "2a00:1450:4001::200e",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
        "fbff::1",
        "fe00::1",
        "2001:db7::1",
        "2001:1::1",
        "2001:0:808:808:0:0:f7f7:f7f7", // Teredo: server and client 8.8.8.8
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (judge(texts[i]))
            fail_msg("%s is refused", texts[i]);
}

static void other_families_and_cut_addresses_are_refused(void **state)
{
    (void) state;
    struct sockaddr_un unix_address = { .sun_family = AF_UNIX };
    assert_true(address_is_private((const struct sockaddr *) &unix_address, sizeof unix_address));
    struct sockaddr_in four = { .sin_family = AF_INET };
    inet_pton(AF_INET, "8.8.8.8", &four.sin_addr);
    assert_false(address_is_private((const struct sockaddr *) &four, sizeof four));
    assert_true(address_is_private((const struct sockaddr *) &four, sizeof four - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_ones_are_refused),
        cmocka_unit_test(public_ones_pass),
        cmocka_unit_test(other_families_and_cut_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
