/*  courier_gate -- see courier_inside.h: may this delivery go now, or is its recipient to be left
 *  in peace?
 */
#include <string.h>

#include "actors/notifier/courier_inside.h"
#include "actors/notifier/quiet.h"
#include "broker/runtime/life.h"
#include "broker/store_asleep.h"

enum {
    SECOND_US = 1000 * 1000,
    LETTER_MOST = 1000,    // deliveries in one letter
    OWN_WINDOW_MS = 10000, // what makes us ill makes much of us ill: one letter says so
};

// Silenced since it was planned, or since its last attempt.
static bool is_silenced(const courier_t *self, job_t *job, const notice_t *notice)
{
    bool can = self->silences && !notice_is_own(notice); // own illness is silenced by nobody
    const char *silence = can ? silences_find(self->silences, notice->rule, notice->series) : NULL;
    if (silence)
        courier_end(job, OUTCOME_SILENCED, silence);
    return silence != NULL;
}

// Free for others: what is to become of it has been said. With Redis away it is due again when it
// stops being hidden.
static void let_go(courier_t *self, job_t *job)
{
    job->state = JOB_FREE;
    self->look_us = 0;
}

static store_claimed_t claimed(const job_t *job, int64_t delay_ms)
{
    return (store_claimed_t){ job->alert_id, job->recipient, job->claim, job->due, delay_ms };
}

// What was put off goes first, in the order in which it came.
static bool is_behind_others(courier_t *self, job_t *job)
{
    bool behind;
    const store_claimed_t item = claimed(job, 0);
    if (store_delivery_wake(self->store, &item, &behind) != STORE_OK)
        return true; // stays queued
    if (behind)
        let_go(self, job);
    return behind;
}

// It waits for the end of quiet hours, and so for what is in hand for its recipient there is one to
// go first: those hours may be changed before it is asked.
static void fall_asleep(courier_t *self, job_t *job, int64_t delay_ms)
{
    const store_claimed_t item = claimed(job, delay_ms);
    (void) store_delivery_sleep(self->store, &item);
    let_go(self, job);
    for (size_t i = 0; i < JOBS_MAX; i++)
        self->jobs[i].behind |= strcmp(self->jobs[i].recipient, job->recipient) == 0;
}

// True: it has been said when it may go, or what is wrong.
static bool is_quiet(courier_t *self, job_t *job, const store_subscriber_t *subscriber,
                     const notice_t *notice)
{
    const char *text = subscription_field(subscriber, "quiet");
    quiet_t quiet;
    fault_t fault = { 0 };
    if (!text) // what sleeps may have been put off when there was one
        return job->behind && is_behind_others(self, job);
    if (quiet_excepts(subscription_field(subscriber, "quiet_except"), notice->severity))
        return false;
    const zone_t *zone =
        quiet_parse(&quiet, text, &fault) ? zones_get(self->zones, quiet.zone, &fault) : NULL;
    if (!zone) {
        courier_fail(job, 0, fault.text);
        return true;
    }
    int64_t now_us = life_wall_us(), now_s = now_us / SECOND_US;
    int64_t end_s = quiet_end_s(&quiet, zone, now_s);
    if (end_s == now_s)
        return is_behind_others(self, job);
    fall_asleep(self, job, end_s * 1000 - now_us / 1000);
    return true;
}

// ---- one letter for several -----------------------------------------------------------------

void gathered_destroy(gathered_t *self)
{
    buffer_destroy(&self->bodies);
}

static void add_body(void *context, slice_t body)
{
    gathered_t *gathered = context;
    buffer_append(&gathered->bodies, body.data, body.size);
    gathered->ends[gathered->group.shown++] = gathered->bodies.size;
}

// False: out of memory, or one of them is no alert.
static bool read_gathered(gathered_t *self)
{
    size_t from = 0;
    for (size_t i = 0; i < self->group.shown && !self->bodies.failed; i++) {
        slice_t body = slice_of(self->bodies.data + from, self->ends[i] - from);
        if (!notice_read(&self->items[i], body))
            return false;
        from = self->ends[i];
    }
    self->group.items = self->items;
    return !self->bodies.failed;
}

// ---- silences over some of a letter ---------------------------------------------------------

typedef struct {
    const silences_t *silences;
    slice_t rule;
    size_t count;
    char ids[STORE_NAMED_MAX][ID_MAX];
} silenced_t;

static void see_member(void *context, const char *alert_id, slice_t body)
{
    silenced_t *silenced = context;
    notice_t notice;
    if (strlen(alert_id) < ID_MAX && notice_read(&notice, body) &&
        silences_find(silenced->silences, silenced->rule, notice.series))
        strcpy(silenced->ids[silenced->count++], alert_id);
}

// Some that go with it are over series that have been silenced since. They leave the letter, and
// meet the silence by themselves. True: it is not the same letter any more, or Redis is away.
static bool is_changed(courier_t *self, const job_t *job, const notice_t *notice)
{
    bool changed = false;
    uint64_t from = 1, seen = STORE_NAMED_MAX;
    if (!self->silences || notice_is_own(notice) || !silences_concern(self->silences, notice->rule))
        return false;
    while (seen == STORE_NAMED_MAX) {
        silenced_t silenced = { .silences = self->silences, .rule = notice->rule };
        if (store_delivery_letter(self->store, job->alert_id, job->recipient, from, see_member,
                                  &silenced, &seen) != STORE_OK)
            return true;
        const char *ids[STORE_NAMED_MAX];
        for (size_t i = 0; i < silenced.count; i++)
            ids[i] = silenced.ids[i];
        if (silenced.count > 0 && store_delivery_part(self->store, job->alert_id, job->recipient,
                                                      ids, silenced.count) != STORE_OK)
            return true;
        from += seen - silenced.count;
        changed |= silenced.count > 0;
    }
    return changed;
}

// False: it waits for others, or with them; or what is wrong has been said.
static bool is_gathered(courier_t *self, job_t *job, const store_subscriber_t *subscriber,
                        const channel_t *channel, notice_t *notice, gathered_t *gathered)
{
    store_gather_t asked = { .alert_id = job->alert_id,
                             .recipient = job->recipient,
                             .claim = job->claim,
                             .rule = notice->rule,
                             .kind = notice->kind,
                             .most = LETTER_MOST };
    fault_t fault = { 0 };
    int64_t least_ms = notice_is_own(notice) ? OWN_WINDOW_MS : 0;
    if (!subscription_group(subscriber, channel, least_ms, &asked.window_ms, &fault)) {
        courier_fail(job, 0, fault.text);
        return false;
    }
    if (asked.window_ms == 0)
        return !job->leads ||
               store_delivery_alone(self->store, job->alert_id, job->recipient) == STORE_OK;
    if (store_delivery_gather(self->store, &asked, &gathered->group.count, add_body, gathered) !=
        STORE_OK)
        return false; // stays queued
    if (gathered->group.count == 0) {
        let_go(self, job);
        return false;
    }
    if (gathered->group.count > 1 && is_changed(self, job, notice)) {
        self->look_us = 0; // stays queued, and is gathered anew
        return false;
    }
    if (gathered->group.count == 1 || gathered->group.shown == 0)
        return true;
    if (!read_gathered(gathered)) {
        courier_fail(job, 0, "out of memory, or one that goes with it is no alert");
        return false;
    }
    notice->group = &gathered->group;
    return true;
}

bool courier_may_go(courier_t *self, job_t *job, const store_subscriber_t *subscriber,
                    const channel_t *channel, notice_t *notice, gathered_t *gathered)
{
    return !is_silenced(self, job, notice) && !is_quiet(self, job, subscriber, notice) &&
           is_gathered(self, job, subscriber, channel, notice, gathered);
}
