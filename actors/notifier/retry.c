/*  retry -- see retry.h. */
#include "actors/notifier/retry.h"

enum { STATUS_GONE = 410, STATUS_TOO_MANY = 429, STATUS_UNAVAILABLE = 503 };

#define SECONDS(n) ((n) *INT64_C(1000))
#define MINUTES(n) SECONDS((n) *60)
#define HOURS(n) MINUTES((n) *60)

static const int64_t waits_ms[RETRY_ATTEMPTS_MAX] = {
    0,        SECONDS(1), SECONDS(5), SECONDS(30), MINUTES(5), MINUTES(30),
    HOURS(2), HOURS(5),   HOURS(10),  HOURS(14),   HOURS(20),  HOURS(24),
};

verdict_t retry_judge(long status, bool theirs)
{
    if (status >= 200 && status < 300)
        return VERDICT_DELIVERED;
    return status == STATUS_GONE && theirs ? VERDICT_GONE : VERDICT_RETRY;
}

// What servers say where they want a login or TLS first (RFC 4954, 3207): that is the operator's to
// mend, whatever it was said to.
static bool is_about_login(long code)
{
    return code == 530 || code == 534 || code == 535 || code == 538;
}

verdict_t retry_judge_mail(long code, bool over, bool about_it)
{
    if (over)
        return VERDICT_DELIVERED;
    bool final = code >= 500 && code < 600 && about_it && !is_about_login(code);
    return final ? VERDICT_REFUSED : VERDICT_RETRY;
}

bool retry_may_ask(long status)
{
    return status == STATUS_TOO_MANY || status == STATUS_UNAVAILABLE;
}

bool retry_wait_ms(unsigned attempts, int64_t asked_ms, uint32_t random, int64_t *wait_ms)
{
    if (attempts >= RETRY_ATTEMPTS_MAX)
        return false;
    int64_t wait = waits_ms[attempts];
    if (asked_ms > RETRY_AFTER_MS_MAX)
        asked_ms = RETRY_AFTER_MS_MAX;
    if (asked_ms > wait)
        wait = asked_ms;
    *wait_ms = wait + (int64_t) ((double) wait * 0.2 * ((double) random / UINT32_MAX));
    return true;
}
