/*  scratch -- a directory for one test, gone after it. */
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct {
    char path[64];
} scratch_t;

static inline scratch_t scratch_new(void)
{
    scratch_t self;
    snprintf(self.path, sizeof self.path, "/tmp/tidewire-test-XXXXXX");
    if (!mkdtemp(self.path))
        abort();
    return self;
}

static inline void scratch_destroy(scratch_t *self)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf -- '%s'", self->path);
    if (strncmp(self->path, "/tmp/tidewire-test-", 19) != 0 || system(command) != 0)
        abort();
}
