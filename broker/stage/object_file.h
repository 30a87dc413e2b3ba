/*  object_file -- a stage object as a file: gzip of lines. The only file of the stage that knows
 *  zlib.
 *
 *  Lives at `<root>/<namespace>.objects/<path>`. It appears whole or not at all: written beside
 *  its name, made durable, renamed. Equal lines give equal bytes.
 */
#pragma once
#include "proto/buffer.h"
#include "proto/fault.h"

typedef struct object_writer object_writer_t;

// Begin one, or begin it again: what an earlier try left is overwritten. NULL with fault.
object_writer_t *object_writer_new(const char *root, const char *namespace, const char *path,
                                   fault_t *fault);
void object_writer_destroy(object_writer_t **self_p); // unfinished: as if it had not been begun
bool object_writer_put(object_writer_t *self, slice_t lines, fault_t *fault);
// Now it is there. *bytes is the size of the file.
bool object_writer_finish(object_writer_t *self, uint64_t *bytes, fault_t *fault);

typedef struct object_reader object_reader_t;

object_reader_t *object_reader_open(const char *root, const char *namespace, const char *path,
                                    fault_t *fault);
void object_reader_destroy(object_reader_t **self_p);

// The next line without its end; valid until the next call. OBJECT_DAMAGED: what follows cannot be
// read (fault), there is no point in calling again.
typedef enum { OBJECT_LINE, OBJECT_END, OBJECT_DAMAGED } object_read_t;
object_read_t object_reader_next(object_reader_t *self, slice_t *line, fault_t *fault);

// False: errno.
bool object_remove(const char *root, const char *namespace, const char *path);
