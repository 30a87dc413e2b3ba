/*  feed_staged -- see feed_staged.h. */
#include "actors/cli/feed_staged.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/site.h"
#include "proto/owned.h"

static bool feed_stream(const char *root, const char *namespace, const char *stream,
                        feed_record_t *take, void *context, fault_t *fault)
{
    owned(stage_reader_destroy) stage_reader_t *reader =
        stage_reader_open(root, namespace, stream, fault);
    if (!reader)
        return false;
    record_t record;
    for (stage_read_t read; (read = stage_reader_next(reader, UINT64_MAX, &record)) != STAGE_END;)
        if (read == STAGE_RECORD && record.kind == RECORD_PAYLOAD && !take(context, &record))
            return false;
    return true;
}

static int no_dots(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

bool feed_staged(const char *root, const char *namespace, feed_record_t *take, void *context,
                 fault_t *fault)
{
    char path[SITE_PATH_MAX];
    struct dirent **streams;
    int size = snprintf(path, sizeof path, "%s/%s", root, namespace);
    if (size < 0 || (size_t) size >= sizeof path)
        return fault_set(fault, "stage: the path is too long");
    int count = scandir(path, &streams, no_dots, alphasort);
    if (count == -1)
        return fault_set(fault, "nothing is staged in '%s': %s", path, strerror(errno));
    bool good = true;
    for (int i = 0; i < count; i++) {
        good = good && feed_stream(root, namespace, streams[i]->d_name, take, context, fault);
        free(streams[i]);
    }
    free(streams);
    return good;
}
