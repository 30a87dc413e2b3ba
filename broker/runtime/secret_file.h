/*  secret_file -- a secret that is the first line of a file, as a setting `..._file` names it. */
#pragma once
#include "proto/fault.h"

enum { SECRET_BYTES_MAX = 8192 };

// Of a regular file alone: it never hangs on a pipe. False with fault: it cannot be read, is empty
// or too long.
bool secret_file_read(const char *path, char secret[SECRET_BYTES_MAX + 1], fault_t *fault);
