/*  deliver_test -- where letters may go and how many at once. Nothing leaves this host: the
 *  receivers are sockets on loopback that never answer.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "actors/notifier/deliver.h"
#include "broker/runtime/life.h"

enum { WAIT_US = 10 * 1000 * 1000 };

static letter_t letter_to(const char *url)
{
    static uint8_t body[] = "{}";
    return (letter_t){ .url = url,
                       .id = "x-y",
                       .method = "POST",
                       .judged = true,
                       .body = { .data = body, .size = 2 } };
}

static answer_t answer_of(deliver_t *deliver)
{
    answer_t answer;
    int64_t end_us = life_mono_us() + WAIT_US;
    while (!deliver_next(deliver, &answer)) {
        assert_true(life_mono_us() < end_us);
        deliver_wait(deliver, NULL, 0, 100);
    }
    return answer;
}

static int listen_in_silence(char url[64])
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = { .sin_family = AF_INET };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *) &address, size), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *) &address, &size), 0);
    snprintf(url, 64, "http://127.0.0.1:%d/", ntohs(address.sin_port));
    return listener;
}

// Answers every request with 204 for as long as the process runs.
static void answer_for_ever(int listener)
{
    static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
    for (;;) {
        char request[4096];
        int peer = accept(listener, NULL, NULL);
        while (recv(peer, request, sizeof request, 0) > 0 &&
               send(peer, answer, sizeof answer - 1, MSG_NOSIGNAL) > 0)
            ;
        close(peer);
    }
}

// However the address is written, what is judged is the address that is connected to.
static void private_addresses_are_not_connected_to(void **state)
{
    (void) state;
    fault_t fault;
    deliver_t *deliver = deliver_new(false, &fault);
    assert_non_null(deliver);
    static const char *const urls[] = {
        "http://127.0.0.1:9/",  "http://127.1:9/",      "http://2130706433:9/",
        "http://0x7f.1:9/",     "http://0177.0.0.1:9/", "http://localhost:9/",
        "http://0.0.0.0:9/",    "http://10.0.0.1:9/",   "http://169.254.169.254/latest/meta-data/",
        "https://192.168.1.1/", "http://[::]:9/",       "http://[::ffff:127.0.0.1]:9/",
        "http://[fe80::1]:9/",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        letter_t letter = letter_to(urls[i]);
        assert_int_equal(deliver_start(deliver, &letter, i, &fault), DELIVER_STARTED);
        answer_t answer = answer_of(deliver);
        assert_int_equal(answer.tag, i);
        assert_int_equal(answer.status, 0);
        if (!strstr(answer.error, "private address"))
            fail_msg("%s: %s", urls[i], answer.error);
        assert_int_equal(deliver_under_way(deliver), 0);
    }
    deliver_destroy(&deliver);
    assert_null(deliver);
}

// A connection that the operator's letter made and left open is none for a subscriber's.
static void a_kept_connection_is_judged_again(void **state)
{
    (void) state;
    char url[64];
    int listener = listen_in_silence(url);
    pid_t receiver = fork();
    if (receiver == 0)
        answer_for_ever(listener);
    close(listener);
    fault_t fault;
    deliver_t *deliver = deliver_new(false, &fault);
    letter_t letter = letter_to(url);
    for (size_t i = 0; i < 4; i++) {
        letter.judged = i % 2 == 1;
        assert_int_equal(deliver_start(deliver, &letter, i, &fault), DELIVER_STARTED);
        answer_t answer = answer_of(deliver);
        assert_int_equal(answer.status, letter.judged ? 0 : 204);
        assert_int_equal(answer.verdict, letter.judged ? VERDICT_RETRY : VERDICT_DELIVERED);
        if (letter.judged && !strstr(answer.error, "127.0.0.1 is a private address"))
            fail_msg("%s", answer.error);
    }
    // The same where the operator allows private addresses, and does not any more.
    letter.judged = true;
    for (size_t i = 0; i < 2; i++) {
        deliver_allow_private(deliver, i == 0);
        assert_int_equal(deliver_start(deliver, &letter, i, &fault), DELIVER_STARTED);
        assert_int_equal(answer_of(deliver).status, i == 0 ? 204 : 0);
    }
    deliver_destroy(&deliver);
    kill(receiver, SIGKILL);
    waitpid(receiver, NULL, 0);
}

static void only_plain_http_urls_are_taken(void **state)
{
    (void) state;
    fault_t fault;
    deliver_t *deliver = deliver_new(true, &fault);
    static const char *const urls[] = {
        "",      "hook",           "ftp://example.com/", "file:///etc/passwd", "http://",
        "://x/", "gopher://x:1/_", "unix:///tmp/x",      "smtp://h/",          "http://a b/",
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        letter_t letter = letter_to(urls[i]);
        if (deliver_start(deliver, &letter, i, &fault) != DELIVER_REFUSED)
            fail_msg("'%s' is taken", urls[i]);
    }
    letter_t letter = letter_to("http://user:password@127.0.0.1:9/");
    assert_int_equal(deliver_start(deliver, &letter, 0, &fault), DELIVER_STARTED);
    answer_t answer = answer_of(deliver);
    assert_int_equal(answer.status, 0);
    assert_null(strstr(answer.error, "password"));
    deliver_destroy(&deliver);
}

static void few_letters_at_once_go_to_one_host(void **state)
{
    (void) state;
    char slow[64], other[64], upper[96];
    int listener = listen_in_silence(slow), second = listen_in_silence(other);
    snprintf(upper, sizeof upper, "HTTP%sother?path", slow + 4);
    fault_t fault;
    deliver_t *deliver = deliver_new(true, &fault);
    letter_t letter = letter_to(slow);
    for (size_t i = 0; i < DELIVER_PER_HOST_MAX; i++)
        assert_int_equal(deliver_start(deliver, &letter, i, &fault), DELIVER_STARTED);
    assert_int_equal(deliver_start(deliver, &letter, 99, &fault), DELIVER_BUSY);
    letter = letter_to(upper); // the same host, spelled otherwise
    assert_int_equal(deliver_start(deliver, &letter, 99, &fault), DELIVER_BUSY);
    letter = letter_to(other);
    assert_int_equal(deliver_start(deliver, &letter, 99, &fault), DELIVER_STARTED);
    assert_int_equal(deliver_under_way(deliver), DELIVER_PER_HOST_MAX + 1);
    answer_t answer;
    deliver_wait(deliver, NULL, 0, 10);
    assert_false(deliver_next(deliver, &answer));

    close(second); // with its letter in the queue: reset
    answer = answer_of(deliver);
    assert_int_equal(answer.tag, 99);
    assert_int_equal(answer.status, 0);
    deliver_destroy(&deliver); // gives up the rest
    close(listener);
}

static void waiting_ends_when_a_descriptor_is_readable(void **state)
{
    (void) state;
    fault_t fault;
    deliver_t *deliver = deliver_new(false, &fault);
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    const int descriptors[] = { -1, ends[0] };
    int64_t start_us = life_mono_us();
    deliver_wait(deliver, descriptors, 2, 5000);
    assert_true(life_mono_us() - start_us < 2000000);
    close(ends[0]);
    close(ends[1]);
    deliver_destroy(&deliver);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_addresses_are_not_connected_to),
        cmocka_unit_test(a_kept_connection_is_judged_again),
        cmocka_unit_test(only_plain_http_urls_are_taken),
        cmocka_unit_test(few_letters_at_once_go_to_one_host),
        cmocka_unit_test(waiting_ends_when_a_descriptor_is_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
