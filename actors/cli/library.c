/*  library -- see library.h. The build writes library.S from docs/feeds: for each file its name,
 *  a NUL, its text, a NUL; an empty name ends it.
 */
#include "actors/cli/library.h"

#include <stdio.h>

#include "actors/cli/table.h"
#include "proto/owned.h"

enum { SUMMARY_BYTES_MAX = 120 };

extern const char library_feeds[];

bool library_next(library_feed_t *feed)
{
    const char *name = library_feeds;
    if (feed->name.data)
        name = (const char *) feed->text.data + feed->text.size + 1;
    if (!*name)
        return false;
    feed->name = slice_text(name);
    feed->text = slice_text(name + feed->name.size + 1);
    return true;
}

bool library_find(const char *name, library_feed_t *feed)
{
    *feed = (library_feed_t){ 0 };
    while (library_next(feed))
        if (slice_is(feed->name, name))
            return true;
    return false;
}

// The first line is a comment, whose first sentence says what the feed is.
static void s_summary(slice_t text, char line[SUMMARY_BYTES_MAX + 1])
{
    const char *start = (const char *) text.data + strspn((const char *) text.data, "# ");
    size_t size = strcspn(start, "\n");
    for (size_t i = 0; i + 1 < size; i++)
        if (start[i] == '.' && start[i + 1] == ' ')
            size = i;
    if (size > 0 && start[size - 1] == '.')
        size--;
    snprintf(line, SUMMARY_BYTES_MAX + 1, "%.*s", (int) size, start);
}

void library_list(buffer_t *out)
{
    owned(table_destroy) table_t table = { .columns = 2 };
    table_cell(&table, "feed");
    table_cell(&table, "what it is");
    for (library_feed_t feed = { 0 }; library_next(&feed);) {
        char line[SUMMARY_BYTES_MAX + 1];
        s_summary(feed.text, line);
        table_cell(&table, (const char *) feed.name.data);
        table_cell(&table, line);
    }
    table_print(&table, out);
}
