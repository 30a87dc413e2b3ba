/*  push_write -- writing a pushed frame: clients in C, tests and bench. See push.h. */
#include <assert.h>

#include "proto/push.h"
#include "proto/wire.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "arrays go to the wire as they lie");

enum { HEAD_PAIRS = 4 };

static void write_head(buffer_t *out, uint32_t more, slice_t source, slice_t client, uint64_t n)
{
    assert(source.size <= PUSH_NAME_MAX && client.size <= PUSH_NAME_MAX);
    wire_map(out, HEAD_PAIRS + more);
    wire_string(out, "v");
    wire_u64(out, PUSH_VERSION);
    wire_string(out, "source");
    wire_text(out, source);
    wire_string(out, "client");
    wire_text(out, client);
    wire_string(out, "n");
    wire_u64(out, n);
}

void push_head(buffer_t *out, slice_t source, slice_t client, uint64_t n)
{
    assert(n > 0);
    write_head(out, 1, source, client, n);
}

void push_question(buffer_t *out, slice_t source, slice_t client)
{
    write_head(out, 0, source, client, 0);
}

void push_raw(buffer_t *out, slice_t payload)
{
    wire_string(out, "raw");
    wire_bytes(out, payload);
}

void push_rows(buffer_t *out, unsigned columns)
{
    assert(columns > 0 && columns <= PUSH_COLUMNS_MAX);
    wire_string(out, "rows");
    wire_map(out, columns);
}

static void write_tag(buffer_t *out, const char *name, unsigned parts, const char *tag)
{
    wire_string(out, name);
    wire_array(out, parts);
    wire_string(out, tag);
}

void push_column_i64(buffer_t *out, const char *name, const int64_t *values, uint32_t rows)
{
    write_tag(out, name, 2, "i64");
    wire_bytes(out, slice_of(values, (size_t) rows * sizeof *values));
}

void push_column_f64(buffer_t *out, const char *name, const double *values, uint32_t rows)
{
    write_tag(out, name, 2, "f64");
    wire_bytes(out, slice_of(values, (size_t) rows * sizeof *values));
}

void push_column_dec(buffer_t *out, const char *name, int exponent, const int64_t *mantissas,
                     uint32_t rows)
{
    write_tag(out, name, 3, "dec");
    wire_i64(out, exponent);
    wire_bytes(out, slice_of(mantissas, (size_t) rows * sizeof *mantissas));
}

void push_column_dict(buffer_t *out, const char *name, const slice_t *texts, uint32_t text_count,
                      const uint16_t *indexes, uint32_t rows)
{
    write_tag(out, name, 3, "dict");
    wire_array(out, text_count);
    for (uint32_t i = 0; i < text_count; i++)
        wire_text(out, texts[i]);
    wire_array(out, 2);
    wire_string(out, "u16");
    wire_bytes(out, slice_of(indexes, (size_t) rows * sizeof *indexes));
}
