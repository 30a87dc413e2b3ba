/*  pages -- the dashboard: its files as bytes of the program, and how they are handed out.
 *
 *  Encoded once when the api starts, with ETag and gzip, and the same for all viewers. A browser
 *  may load nothing from elsewhere, and run or style nothing that is not such a file: what a feed
 *  or a rule says can be shown, and never run.
 */
#pragma once
#include <stdbool.h>

struct MHD_Connection;
typedef struct pages pages_t;

bool pages_have(const char *path); // is it one of the dashboard?

pages_t *pages_new(void); // NULL: out of memory
void pages_destroy(pages_t **self_p);

// Hand out a path that pages_have to a GET or HEAD. False: no memory, and the connection ends.
bool pages_hand_out(pages_t *self, struct MHD_Connection *connection, const char *path);
