/*  interface_test -- loopback is ours, somebody's public address is not. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include <cmocka.h>

#include "actors/notifier/interface.h"

static bool has4(const char *text)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(443) };
    assert_int_equal(inet_pton(AF_INET, text, &address.sin_addr), 1);
    return interface_has((const struct sockaddr *) &address);
}

static void own_addresses_are_known_whatever_the_port(void **state)
{
    (void) state;
    assert_true(has4("127.0.0.1"));
    assert_false(has4("192.0.2.77")); // for documentation: nobody has it
    struct sockaddr_in6 six = { .sin6_family = AF_INET6 };
    inet_pton(AF_INET6, "2001:db8::77", &six.sin6_addr);
    assert_false(interface_has((const struct sockaddr *) &six));
    struct sockaddr_un other = { .sun_family = AF_UNIX };
    assert_false(interface_has((const struct sockaddr *) &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(own_addresses_are_known_whatever_the_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
