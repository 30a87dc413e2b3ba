/*  copies -- the directory of a collector's copies of Redis: `<root>/<namespace>.held/<collector>`,
 *  a file `<when it was begun, us, 20 digits>.copy` each. A namespace has no dot, so the directory
 *  is no stream of it.
 */
#pragma once
#include "proto/fault.h"

#include <stddef.h>
#include <stdint.h>

enum { COPIES_NAME_BYTES = 26, COPIES_LIST_MAX = 64 };

// Its descriptor, good for *at calls. -1 with fault; *fault is empty if there is no such directory.
int copies_enter(const char *root, const char *namespace, const char *collector, bool create,
                 fault_t *fault);
void copies_name(char name[COPIES_NAME_BYTES], int64_t created_us);
// When they were begun, newest first, at most COPIES_LIST_MAX. False: errno.
bool copies_list(int directory, int64_t created_us[COPIES_LIST_MAX], size_t *count);
// Durably. False: errno; one that is not there is removed.
bool copies_remove(int directory, int64_t created_us);
