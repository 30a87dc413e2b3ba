/*  payload_prometheus -- see payload.h: an alert in the words of Prometheus.
 *
 *  Labels say what it is about, and nothing that changes: alertname (the rule), series, severity
 *  and the parts of the key. So Alertmanager takes `firing`, `still` and `resolved` for the same
 *  alert; a silence of the series is another one, with kind="nodata", which `data` resolves. What
 *  was measured is in the annotations.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/notifier/payload.h"
#include "actors/notifier/wording.h"
#include "proto/json.h"
#include "proto/owned.h"

enum { LABELS_MAX = 4 + SERIES_KEYS_MAX, LABEL_NAME_MAX = 140 };

typedef struct {
    char name[LABEL_NAME_MAX];
    slice_t value;
} label_t;

typedef struct {
    size_t count;
    label_t items[LABELS_MAX];
} labels_t;

// A label without a value is none, in Prometheus.
static void add_label(labels_t *self, const char *prefix, slice_t name, slice_t value)
{
    if (value.size == 0)
        return;
    label_t *label = &self->items[self->count++];
    snprintf(label->name, sizeof label->name, "%s%.*s", prefix, (int) name.size,
             (const char *) name.data);
    label->value = value;
}

static int compare_labels(const void *a, const void *b)
{
    return strcmp(((const label_t *) a)->name, ((const label_t *) b)->name);
}

// Sorted, as Alertmanager has them.
static void read_labels(labels_t *self, const notice_t *notice)
{
    self->count = 0;
    add_label(self, "", slice_text("alertname"), notice->rule);
    add_label(self, "", slice_text("series"), notice->series);
    add_label(self, "", slice_text("severity"), notice->severity);
    if (notice_is_of_silence(notice))
        add_label(self, "", slice_text("kind"), slice_text("nodata"));
    for (unsigned i = 0; i < notice->key_count; i++) {
        slice_t name = notice->key_names[i];
        bool ours = slice_is(name, "alertname") || slice_is(name, "series") ||
                    slice_is(name, "severity") || slice_is(name, "kind");
        add_label(self, ours ? "key_" : "", name, notice->key_values[i]);
    }
    qsort(self->items, self->count, sizeof self->items[0], compare_labels);
}

// FNV-1a of names and values with a byte of 255 behind each: Prometheus' own fingerprint.
static uint64_t fingerprint(const labels_t *labels)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < labels->count; i++) {
        const slice_t parts[] = { slice_text(labels->items[i].name), labels->items[i].value };
        for (size_t p = 0; p < 2; p++) {
            for (size_t b = 0; b <= parts[p].size; b++) {
                hash ^= b < parts[p].size ? parts[p].data[b] : 255;
                hash *= UINT64_C(1099511628211);
            }
        }
    }
    return hash;
}

static void put_pair(buffer_t *out, bool first, slice_t name, slice_t value)
{
    buffer_text(out, first ? "" : ",");
    json_text(out, name);
    buffer_text(out, ":");
    json_text(out, value);
}

static void put_labels(buffer_t *out, const labels_t *labels)
{
    buffer_text(out, "{");
    for (size_t i = 0; i < labels->count; i++)
        put_pair(out, i == 0, slice_text(labels->items[i].name), labels->items[i].value);
    buffer_text(out, "}");
}

// summary and description are what most receivers show.
static bool put_annotations(buffer_t *out, const notice_t *notice)
{
    owned(buffer_destroy) buffer_t summary = { 0 }, description = { 0 };
    wording_title(&summary, notice);
    wording_text(&description, notice);
    buffer_text(out, "{");
    put_pair(out, true, slice_text("description"), buffer_slice(&description));
    put_pair(out, false, slice_text("id"), notice->id);
    put_pair(out, false, slice_text("kind"), notice->kind);
    if (notice->note.size > 0)
        put_pair(out, false, slice_text("note"), notice->note);
    put_pair(out, false, slice_text("summary"), buffer_slice(&summary));
    buffer_text(out, "}");
    return !summary.failed && !description.failed;
}

// When it began, and when it ended: `open` if it has not.
static void put_times(buffer_t *out, const notice_t *notice, const char *open)
{
    char time[NOTICE_TIME_TEXT];
    int64_t since_us = notice->since_us >= 0 && notice->since_us < notice->ts_us ? notice->since_us
                                                                                 : notice->ts_us;
    notice_time(since_us, time);
    buffer_printf(out, ",\"startsAt\":\"%s\"", time);
    notice_time(notice->ts_us, time);
    if (notice_is_over(notice))
        buffer_printf(out, ",\"endsAt\":\"%s\"", time);
    else if (open)
        buffer_printf(out, ",\"endsAt\":\"%s\"", open);
}

// {}:{alertname="spike",series="..."}: what it is grouped by, as Alertmanager writes it.
static void put_group_key(buffer_t *out, const notice_t *notice)
{
    owned(buffer_destroy) buffer_t key = { 0 };
    buffer_text(&key, "{}:{alertname=");
    json_text(&key, notice->rule);
    if (!notice->group) {
        buffer_text(&key, ", series=");
        json_text(&key, notice->series);
    }
    buffer_text(&key, "}");
    out->failed |= key.failed;
    json_text(out, buffer_slice(&key));
}

static const char *status_of(const notice_t *notice)
{
    return notice_is_over(notice) ? "resolved" : "firing";
}

static bool put_alert(buffer_t *out, const notice_t *notice, const labels_t *labels)
{
    buffer_printf(out, "{\"status\":\"%s\",\"labels\":", status_of(notice));
    put_labels(out, labels);
    buffer_text(out, ",\"annotations\":");
    bool whole = put_annotations(out, notice);
    put_times(out, notice, "0001-01-01T00:00:00Z");
    buffer_printf(out, ",\"generatorURL\":\"\",\"fingerprint\":\"%016" PRIx64 "\"}",
                  fingerprint(labels));
    return whole;
}

// What all in the letter have in common is kept.
static void intersect(labels_t *common, const labels_t *labels)
{
    size_t kept = 0;
    for (size_t i = 0; i < common->count; i++)
        for (size_t j = 0; j < labels->count; j++)
            if (strcmp(common->items[i].name, labels->items[j].name) == 0 &&
                slice_same(common->items[i].value, labels->items[j].value)) {
                common->items[kept++] = common->items[i];
                break;
            }
    common->count = kept;
}

bool payload_alertmanager(const notice_t *notice, const char *receiver, buffer_t *out)
{
    const notice_group_t alone = { .count = 1, .shown = 1, .items = notice };
    const notice_group_t *group = notice->group ? notice->group : &alone;
    labels_t common, labels;
    bool whole = true;
    buffer_text(out, "{\"receiver\":");
    json_text(out, slice_text(receiver));
    buffer_printf(out, ",\"status\":\"%s\",\"alerts\":[", status_of(notice));
    read_labels(&common, notice);
    for (size_t i = 0; i < group->shown && whole; i++) {
        buffer_text(out, i ? "," : "");
        read_labels(&labels, &group->items[i]);
        whole = put_alert(out, &group->items[i], &labels);
        intersect(&common, &labels);
    }
    buffer_text(out, "],\"groupLabels\":{");
    put_pair(out, true, slice_text("alertname"), notice->rule);
    if (!notice->group)
        put_pair(out, false, slice_text("series"), notice->series);
    buffer_text(out, "},\"commonLabels\":");
    put_labels(out, &common);
    buffer_text(out, ",\"commonAnnotations\":");
    whole = put_annotations(out, notice) && whole;
    buffer_text(out, ",\"externalURL\":\"\",\"version\":\"4\",\"groupKey\":");
    put_group_key(out, notice);
    buffer_printf(out, ",\"truncatedAlerts\":%" PRIu64 "}", group->count - group->shown);
    return whole;
}

bool payload_alertmanager_api(const notice_t *notice, buffer_t *out)
{
    labels_t labels;
    read_labels(&labels, notice);
    buffer_text(out, "[{\"labels\":");
    put_labels(out, &labels);
    buffer_text(out, ",\"annotations\":");
    bool whole = put_annotations(out, notice);
    put_times(out, notice, NULL); // it has an opinion of its own about how long that holds
    buffer_text(out, "}]");
    return whole;
}
