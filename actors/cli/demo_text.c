/*  demo_text -- see demo_text.h. */
#include "actors/cli/demo_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "actors/cli/library.h"

enum { CHUNK_BYTES = 1 << 16, FILE_BYTES_MAX = 4 << 20 }; // as of a configuration

static const char market[] =
    "# What `./run demo` runs. Copy it, point a source at your own feed, and `./run up -c FILE`.\n"
    "sources:\n"
    "  - name: market\n"
    "    url: simulate://market?seed=7&series=20&rate=100\n"
    "    rows: /*\n"
    "    table: trade\n"
    "    key: { exchange: \"=simulated\", pair: /symbol }\n"
    "    time: { at: /ts, unit: ms }\n"
    "    columns: { price: /price, volume: /volume }\n"
    "    required: [price, volume]\n"
    "    validate: { volume: \">= 0\" }\n"
    "derive:\n"
    "  trade:\n"
    "    volume_ratio: volume / avg(volume) OVER last_1h\n"
    "rules:\n"
    "  volume-spike: { on: trade, when: \"volume > 3 * avg(volume) OVER last_1h\" }\n";

static const char place[] = "\n# Where a demo lives.\n"
                            "namespace: tw\n"
                            "redis: embedded\n"
                            "stage: dir:stage\n"
                            "listen: { alerts: \"tcp://127.0.0.1:*\", http: \"127.0.0.1:*\" }\n"
                            "allow_private: true   # webhooks may go to this machine\n";

static bool s_read(const char *path, buffer_t *out, fault_t *fault)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return fault_set(fault, "cannot read '%s': %s", path, strerror(errno));
    static char chunk[CHUNK_BYTES];
    out->limit = FILE_BYTES_MAX;
    for (size_t size; (size = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buffer_append(out, chunk, size);
    bool good = !ferror(file);
    fclose(file);
    if (!good)
        return fault_set(fault, "cannot read '%s'", path);
    return !out->failed ||
           fault_set(fault, "'%s' is larger than %d MB", path, FILE_BYTES_MAX >> 20);
}

demo_text_t demo_text(const char *feed, buffer_t *out, fault_t *fault)
{
    library_feed_t found;
    if (!feed) {
        buffer_text(out, market);
    } else if (strchr(feed, '/')) {
        if (!s_read(feed, out, fault))
            return DEMO_TEXT_BAD;
    } else if (library_find(feed, &found)) {
        buffer_append(out, found.text.data, found.text.size);
    } else {
        return DEMO_TEXT_NO_FEED;
    }
    buffer_text(out, place); // behind it, so that its lines keep their numbers
    if (!out->failed)
        return DEMO_TEXT_GOOD;
    fault_set(fault, "out of memory");
    return DEMO_TEXT_BAD;
}
