/*  sign_test -- signatures against vectors made by the openssl program; the first is also the
 *  example of the Standard Webhooks libraries.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/notifier/sign.h"

#define KEY_24 "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define KEY_64                                                                                     \
    "whsec_a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra"  \
    "w=="

static void signs_as_openssl_does(void **state)
{
    (void) state;
    static const struct {
        const char *secret, *id;
        int64_t timestamp_s;
        const char *body, *expected;
    } vectors[] = {
        { KEY_24, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, "{\"test\": 2432232314}",
          "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" },
        { "whsec_AQ==", "x", 0, "", "v1,lc/HuAQtSSxgHpifOHAQuzrbE7jCwp3HzgpR5vAGPGQ=" },
        { KEY_64, "0123456789abcdef0123456789abcdef-alice", 1700000000, "{\"v\":1}",
          "v1,pSI8GbRQICItTvRIrgOAwtslSYIAyoZ8eUfyEI77Rxw=" },
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        char text[SIGN_TEXT_MAX];
        fault_t fault;
        assert_true(sign_webhook(slice_text(vectors[i].secret), vectors[i].id,
                                 vectors[i].timestamp_s, slice_text(vectors[i].body), text,
                                 &fault));
        assert_string_equal(text, vectors[i].expected);
    }
}

static void every_secret_signs(void **state)
{
    (void) state;
    char text[SIGN_TEXT_MAX], one[SIGN_TEXT_MAX], four[4 * SIGN_TEXT_MAX];
    fault_t fault;
    assert_true(sign_webhook(slice_text("whsec_AQ=="), "x", 0, slice_text(""), one, &fault));
    assert_true(sign_webhook(slice_text("  whsec_AQ==   whsec_AQ== "), "x", 0, slice_text(""), text,
                             &fault));
    snprintf(four, sizeof four, "%s %s", one, one);
    assert_string_equal(text, four);

    snprintf(four, sizeof four, "%s %s %s %s",
             "whsec_AQ==", "whsec_AQ==", "whsec_AQ==", "whsec_AQ==");
    assert_true(sign_webhook(slice_text(four), "x", 0, slice_text(""), text, &fault));
    assert_int_equal(strlen(text), SIGN_TEXT_MAX - 1);
    strcat(four, " whsec_AQ==");
    assert_false(sign_webhook(slice_text(four), "x", 0, slice_text(""), text, &fault));
}

static void bad_secrets_are_refused(void **state)
{
    (void) state;
    char longest[300] = "whsec_", too_long[300] = "whsec_";
    for (int i = 0; i < 43; i++) // 128 bytes and 129 bytes of zeros
        strcat(longest, i < 42 ? "AAAA" : "AAA=");
    for (int i = 0; i < 43; i++)
        strcat(too_long, "AAAA");
    static const char *const bad[] = {
        "",
        " ",
        "AQ==",
        "whsec_",
        "whsec_A",
        "whsec_AQ=",
        "whsec_A===",
        "whsec_====",
        "whsec_AR==",
        "whsec_A\nQ=",
        "whsec_AAA-",
        "whsec_AQ==AQ==",
        "whsec_AQ== AQ==",
        "WHSEC_AQ==",
        "whsec_AQ==\t",
    };
    char text[SIGN_TEXT_MAX];
    fault_t fault;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (sign_webhook(slice_text(bad[i]), "x", 0, slice_text(""), text, &fault))
            fail_msg("the secret '%s' is taken", bad[i]);
    assert_true(sign_webhook(slice_text(longest), "x", 0, slice_text(""), text, &fault));
    assert_false(sign_webhook(slice_text(too_long), "x", 0, slice_text(""), text, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_as_openssl_does),
        cmocka_unit_test(every_secret_signs),
        cmocka_unit_test(bad_secrets_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
