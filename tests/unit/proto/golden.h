/*  golden -- compare bytes with a file of tests/golden, which is never edited, only added.
 *
 *  A new file is written by running the test once with TIDEWIRE_GOLDEN_NEW=1; an existing file
 *  is never overwritten.
 */
#pragma once
#include <stdio.h>
#include <stdlib.h>

#include "proto/buffer.h"

static inline void golden_same(const char *name, slice_t bytes)
{
    char path[256];
    snprintf(path, sizeof path, "tests/golden/%s", name);
    FILE *file = fopen(path, "rb");
    if (!file && getenv("TIDEWIRE_GOLDEN_NEW")) {
        file = fopen(path, "wbx");
        assert_non_null(file);
        assert_int_equal(fwrite(bytes.data, 1, bytes.size, file), bytes.size);
        fclose(file);
        file = fopen(path, "rb");
    }
    if (!file)
        fail_msg("%s is missing", path);
    static uint8_t golden[1 << 16];
    size_t size = fread(golden, 1, sizeof golden, file);
    fclose(file);
    assert_int_equal(size, bytes.size);
    assert_memory_equal(golden, bytes.data, size);
}
