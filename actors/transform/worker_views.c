/*  worker_views -- the latest row of every series, for people and dashboards: see worker.h.
 *
 *  A view, not state: at most once a second for a series, written outside the commits and lost
 *  without harm. Redis refuses to let it go backwards.
 */
#include <stdlib.h>

#include "actors/transform/worker.h"
#include "proto/metric.h"

enum {
    SHOWN_MAX = 512, // series in one call to Redis
    VALUES_MAX = ROWS_COLUMNS_MAX * 2 + 1,
};

typedef struct {
    worker_t *worker;
    size_t count, field_count;
    store_latest_t items[SHOWN_MAX];
    store_field_t *fields; // SHOWN_MAX * VALUES_MAX
    buffer_t texts;        // what items and fields point to, as offsets until it is whole
} gallery_t;

static void gallery_clear(gallery_t *self)
{
    free(self->fields);
    buffer_destroy(&self->texts);
}

static const char *keep_text(gallery_t *self, const char *text, size_t size)
{
    size_t at = self->texts.size;
    buffer_append(&self->texts, text, size);
    buffer_append(&self->texts, "", 1);
    return (const char *) (uintptr_t) at;
}

static void publish_row(worker_t *worker, slice_t series, int64_t ts_us, unsigned count,
                        const alert_value_t *values)
{
    buffer_t topic = { 0 }, body = { 0 };
    metric_topic(series, &topic);
    metric_encode(series, ts_us, count, values, &body);
    if (!topic.failed && !body.failed)
        bus_publish(worker->news, buffer_slice(&topic), buffer_slice(&body));
    buffer_destroy(&topic);
    buffer_destroy(&body);
}

static void show_row(void *context, slice_t series, int64_t ts_us, unsigned count,
                     const alert_value_t *values)
{
    gallery_t *self = context;
    publish_row(self->worker, series, ts_us, count, values);
    if (self->count == SHOWN_MAX || count > VALUES_MAX)
        return;
    store_latest_t *item = &self->items[self->count++];
    item->ts_us = ts_us;
    item->series = slice_of(keep_text(self, (const char *) series.data, series.size), series.size);
    item->fields = NULL;
    item->count = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!values[i].text)
            continue; // a NULL is a field that is not there
        self->fields[self->field_count++] = (store_field_t){
            .name = keep_text(self, values[i].name, strlen(values[i].name)),
            .value = keep_text(self, values[i].text, strlen(values[i].text)),
        };
        item->count++;
    }
}

// Offsets become pointers, once the texts move no more.
static void hang(gallery_t *self)
{
    const char *base = (const char *) self->texts.data;
    for (size_t i = 0; i < self->field_count; i++) {
        self->fields[i].name = base + (uintptr_t) self->fields[i].name;
        self->fields[i].value = base + (uintptr_t) self->fields[i].value;
    }
    size_t first = 0;
    for (size_t i = 0; i < self->count; i++) {
        self->items[i].series.data =
            (const uint8_t *) base + (uintptr_t) self->items[i].series.data;
        self->items[i].fields = self->fields + first;
        first += self->items[i].count;
    }
}

void worker_show(worker_t *self)
{
    gallery_t gallery = { .worker = self };
    gallery.fields = malloc(sizeof *gallery.fields * SHOWN_MAX * VALUES_MAX);
    if (!gallery.fields)
        return; // a view may wait
    for (unsigned p = 0; p < PARTITIONS && gallery.count < SHOWN_MAX; p++)
        if (self->holdings[p].state == HOLDING_OURS)
            fold_latest(self->fold, p, SHOWN_MAX - gallery.count, show_row, &gallery);
    if (gallery.count > 0 && !gallery.texts.failed) {
        hang(&gallery);
        (void) store_latest_put(self->store, gallery.items, gallery.count);
    }
    gallery_clear(&gallery);
}
