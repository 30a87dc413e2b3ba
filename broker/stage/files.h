/*  files -- the directory of a stream and the names in it.
 *
 *  Private to broker/stage.
 */
#pragma once
#include "proto/fault.h"

#include <stddef.h>
#include <stdint.h>

enum {
    STAGE_FILE_NAME_BYTES = 25, // "00000000000000000001.seg" and NUL
    STAGE_FILE_MODE = 0640,     // less the umask
};
#define STAGE_SEGMENT_SUFFIX ".seg"
#define STAGE_OBJECTS_SUFFIX ".objects"

// The descriptor of `<root>/<namespace>/<stream>`, made durably if `create`: good
// for *at calls. -1 with fault.
int files_open(const char *root, const char *namespace, const char *stream, bool create,
               fault_t *fault);
// The descriptor of a path: below `parent`, or from the root if it begins with '/'. -1 (errno).
int files_enter(int parent, const char *path, bool create);
void files_name(char name[STAGE_FILE_NAME_BYTES], uint64_t first_seq);

// First seqs of all segments, rising; free() it. False: it cannot be read (errno).
bool files_list(int directory, uint64_t **firsts, size_t *count);
// The same of files "<first seq><suffix>".
bool files_list_of(int directory, const char *suffix, uint64_t **firsts, size_t *count);
