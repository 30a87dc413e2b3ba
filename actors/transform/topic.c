/*  topic -- see topic.h. */
#include "actors/transform/topic.h"

#define MINUTE_US INT64_C(60000000)

int64_t topic_minute_of(int64_t ts_us)
{
    return ts_us / MINUTE_US - (ts_us % MINUTE_US < 0);
}

bool topic_admits(topic_t *self, int64_t ts_us, uint32_t most)
{
    int64_t minute = topic_minute_of(ts_us);
    if (self->alerts == 0 || minute > self->minute) {
        self->minute = minute;
        self->alerts = 0;
    }
    if (most > 0 && self->alerts >= most) {
        self->suppressed++;
        return false;
    }
    self->alerts++;
    return true;
}

void topic_place(topic_t *self, alert_t *entry)
{
    entry->seq = self->seq + 1;
    entry->prev = self->prev;
    self->seq = entry->seq;
    self->prev = entry->id;
}
