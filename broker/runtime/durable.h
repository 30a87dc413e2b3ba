/*  durable -- small files that are written whole, and are still there after a power cut. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

// Write a whole file of this directory: readers meet the old one or the new one, with its rights.
// `exact`: it has this mode whatever the umask takes away. False: errno; what was there stays.
bool durable_replace(int directory, const char *name, const void *data, size_t size, mode_t mode,
                     bool exact);
// What was made, renamed or removed in it stays so. It may be open with O_PATH. False: errno.
bool durable_sync(int directory);
// The directory that holds this path, open with O_PATH; -1: errno.
int durable_folder_of(const char *path);
// The same for who has the path alone: what was made, renamed or removed there stays so.
bool durable_sync_around(const char *path);
