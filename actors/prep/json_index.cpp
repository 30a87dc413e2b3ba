/*  json_index -- the only file that knows simdjson, and the only C++ of the program. */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <algorithm>
#include <memory>
#include <new>

extern "C" {
#include "actors/prep/json_index.h"
}

static_assert(JSON_INDEX_PADDING >= simdjson::SIMDJSON_PADDING, "what simdjson reads beyond");

// By way of the implementation itself: simdjson's own walks check less (on demand) or build more
// (DOM) than prep needs.
struct json_index {
    std::unique_ptr<simdjson::internal::dom_parser_implementation> stage;
};

namespace
{

constexpr size_t CAPACITY_LEAST = 4096;
constexpr size_t DEPTH = 1; // of its second stage, which never runs

bool reserve(json_index *self, size_t size)
{
    size_t had = self->stage ? self->stage->capacity() : 0;
    if (self->stage && size <= had)
        return true;
    // In doublings: lines of a text come in every length.
    size_t capacity = std::max({ size, 2 * had, CAPACITY_LEAST });
    if (capacity > simdjson::SIMDJSON_MAXSIZE_BYTES)
        return false;
    self->stage.reset();
    return !simdjson::get_active_implementation()->create_dom_parser_implementation(capacity, DEPTH,
                                                                                    self->stage);
}

} // namespace

json_index_t *json_index_new(void)
{
    return new (std::nothrow) json_index;
}

void json_index_destroy(json_index_t **self_p)
{
    delete *self_p;
    *self_p = nullptr;
}

json_index_result_t json_index_build(json_index_t *self, slice_t text)
{
    if (!reserve(self, text.size))
        return JSON_INDEX_NO_MEMORY;
    switch (self->stage->stage1(text.data, text.size, simdjson::stage1_mode::regular)) {
    case simdjson::SUCCESS:
        return JSON_INDEX_GOOD;
    case simdjson::EMPTY:
        return JSON_INDEX_EMPTY;
    case simdjson::UTF8_ERROR:
        return JSON_INDEX_UTF8;
    case simdjson::UNESCAPED_CHARS:
        return JSON_INDEX_CONTROL;
    case simdjson::UNCLOSED_STRING:
        return JSON_INDEX_UNCLOSED;
    default: // simdjson's set, not ours
        return JSON_INDEX_NO_MEMORY;
    }
}

const uint32_t *json_index_starts(const json_index_t *self, uint32_t *count)
{
    *count = self->stage->n_structural_indexes;
    return self->stage->structural_indexes.get();
}

uint8_t *json_index_unescape(const json_index_t *self, const uint8_t *inside, uint8_t *out)
{
    return self->stage->parse_string(inside, out);
}

void json_index_forget(json_index_t *self)
{
    self->stage.reset();
}
