/*  json -- the only file that knows simdjson (on demand), and the only C++ in the tree.
 *
 *  On demand checks only what is looked at, so json_read looks at everything: whatever a row is
 *  taken from has been read as a whole before. Values are peeked at, never converted.
 */
#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <new>

extern "C" {
#include "actors/prep/json.h"
#include "actors/prep/json_token.h"
#include "proto/buffer.h"
}

namespace od = simdjson::ondemand;
using simdjson::error_code;
using simdjson::SUCCESS;

struct json {
    od::parser parser;
    od::document document;
    buffer_t bytes = {};   // the text and its padding
    buffer_t escaped = {}; // room for strings that have to be unescaped
    uint8_t *escaped_next = nullptr;
    slice_t text = {}; // what was opened
    slice_t now = {};  // the document in hand
    const pointer_tree_t *tree = nullptr;
    field_t *fields = nullptr;
    bool known_good = false;  // the document in hand was read as a whole before
    const char *at = nullptr; // where a refusal of our own is, or NULL
    slice_t row = {};         // the row in hand and, if it has brackets, all that follows
};

namespace
{

// Readable zeros after the text: what simdjson asks for.
constexpr size_t PADDING_BYTES = simdjson::SIMDJSON_PADDING;

const char *words(error_code error)
{
    static const struct {
        error_code error;
        const char *words;
    } WORDS[] = {
        { simdjson::EMPTY, "empty" },
        { simdjson::UTF8_ERROR, "not UTF-8" },
        { simdjson::UNESCAPED_CHARS, "a control character inside a string" },
        { simdjson::UNCLOSED_STRING, "a string without end" },
        { simdjson::INCOMPLETE_ARRAY_OR_OBJECT, "no closing bracket at the end" },
        { simdjson::STRING_ERROR, "a bad escape in a string" },
        { simdjson::DEPTH_ERROR, "nested too deeply" },
    };
    for (const auto &entry : WORDS)
        if (entry.error == error)
            return entry.words;
    return "unexpected text";
}

const char *chars(const uint8_t *bytes)
{
    return reinterpret_cast<const char *>(bytes);
}

const char *end_of(slice_t slice)
{
    return chars(slice.data) + slice.size;
}

// A text with escapes. (Not by way of get_string: these texts must survive a second walk.)
error_code unescape(json *self, const char *inside, size_t size, slice_t *text)
{
    size_t used = size_t(self->escaped_next - self->escaped.data);
    if (used + size + PADDING_BYTES > self->escaped.capacity)
        return simdjson::CAPACITY;
    od::raw_json_string raw(reinterpret_cast<const uint8_t *>(inside));
    std::string_view view;
    self->at = inside;
    SIMDJSON_TRY(self->parser.unescape(raw, self->escaped_next).get(view));
    self->at = nullptr;
    *text = slice_of(view.data(), view.size());
    return SUCCESS;
}

// A key, of which simdjson tells the start only. Keys are short and the same in every row: a
// loop is quicker than a call.
error_code key_text(json *self, od::field &field, slice_t *text)
{
    const char *raw = field.key().raw(), *end = raw;
    bool plain = true;
    while (*end != '"') {
        plain &= *end != '\\';
        end += *end == '\\' ? 2 : 1;
    }
    *text = slice_of(raw, size_t(end - raw));
    return plain ? SUCCESS : unescape(self, raw, text->size, text);
}

void put(json *self, const pointer_node_t *node, field_kind_t kind, slice_t text)
{
    if (!node || node->slot == POINTER_NO_SLOT)
        return;
    field_t *field = &self->fields[node->slot];
    field->kind = field->kind == FIELD_MISSING ? kind : FIELD_TWICE;
    field->text = text;
}

error_code take_scalar(json *self, std::string_view token, const pointer_node_t *node)
{
    slice_t text = slice_of(token.data(), token.size());
    field_kind_t kind = json_scalar(&text);
    if (kind == FIELD_MISSING) {
        self->at = token.data();
        return simdjson::TAPE_ERROR;
    }
    if (kind == FIELD_TEXT && std::memchr(text.data, '\\', text.size))
        SIMDJSON_TRY(unescape(self, chars(text.data), text.size, &text));
    put(self, node, kind, text);
    return SUCCESS;
}

// Call `visit(key, value, stop)` for the members of an object, until it fails or says stop;
// whoever iterates above passes over the rest.
template <typename visit_t> error_code each_member(json *self, od::value &value, visit_t visit)
{
    od::object object;
    bool stop = false;
    SIMDJSON_TRY(value.get_object().get(object));
    for (auto result : object) {
        slice_t key;
        SIMDJSON_TRY(result.error());
        // In place: a field that is copied, as get() does, costs a stall each time.
        od::field &&field = std::move(result).value_unsafe();
        SIMDJSON_TRY(key_text(self, field, &key));
        error_code error = visit(key, field.value(), stop);
        if (error || stop)
            return error;
    }
    return SUCCESS;
}

// The same for the elements of an array: `visit(index, value, stop)`.
template <typename visit_t> error_code each_element(od::value &value, visit_t visit)
{
    od::array array;
    uint32_t index = 0;
    bool stop = false;
    SIMDJSON_TRY(value.get_array().get(array));
    for (auto result : array) {
        SIMDJSON_TRY(result.error());
        od::value &&element = std::move(result).value_unsafe();
        error_code error = visit(index++, element, stop);
        if (error || stop)
            return error;
    }
    return SUCCESS;
}

error_code take(json *self, od::value &value, const pointer_node_t *node, int depth);

error_code take_object(json *self, od::value &value, const pointer_node_t *node, int depth)
{
    return each_member(self, value, [=](slice_t key, od::value &member, bool &) {
        const pointer_node_t *child = node ? pointer_tree_member(self->tree, node, key) : nullptr;
        bool look = child || !self->known_good;
        return look ? take(self, member, child, depth + 1) : SUCCESS;
    });
}

error_code take_array(json *self, od::value &value, const pointer_node_t *node, int depth)
{
    uint32_t wanted = node ? pointer_tree_elements(self->tree, node) : 0;
    return each_element(value, [=](uint32_t index, od::value &element, bool &stop) {
        const pointer_node_t *child =
            index < wanted ? pointer_tree_element(self->tree, node, index) : nullptr;
        stop = self->known_good && index >= wanted;
        bool look = child || !self->known_good;
        return look ? take(self, element, child, depth + 1) : SUCCESS;
    });
}

// Look at a value with all it holds; node NULL = nothing of it is wanted.
error_code take(json *self, od::value &value, const pointer_node_t *node, int depth)
{
    std::string_view token = value.raw_json_token();
    char first = token.empty() ? '\0' : token.front();
    if (first != '{' && first != '[')
        return take_scalar(self, token, node);
    if (depth > JSON_DEPTH_MAX) {
        self->at = token.data();
        return simdjson::DEPTH_ERROR;
    }
    put(self, node, FIELD_CONTAINER, slice_of(token.data(), 1));
    return first == '{' ? take_object(self, value, node, depth)
                        : take_array(self, value, node, depth);
}

// The places of the tree, as if nothing were there.
void forget(json *self)
{
    for (unsigned i = 0; i < self->tree->count; i++)
        if (self->tree->nodes[i].slot != POINTER_NO_SLOT)
            self->fields[self->tree->nodes[i].slot].kind = FIELD_MISSING;
}

// A document that is one scalar is no od::value.
error_code read_scalar(json *self, const char **rest)
{
    std::string_view token;
    SIMDJSON_TRY(self->document.raw_json_token().get(token));
    *rest = token.data() + token.size();
    return take_scalar(self, token, &self->tree->nodes[0]);
}

// *rest becomes the place after the document.
error_code read(json *self, const char **rest)
{
    slice_t text = self->now;
    size_t capacity = self->parser.capacity();
    if (capacity < text.size) // in doublings: lines of a text come in every length
        SIMDJSON_TRY(self->parser.allocate(std::max(text.size, 2 * capacity)));
    error_code error =
        self->parser.iterate(text.data, text.size, text.size + PADDING_BYTES).get(self->document);
    if (error) {
        json_flaw_t flaw = error == simdjson::UTF8_ERROR        ? JSON_FLAW_UTF8
                           : error == simdjson::UNESCAPED_CHARS ? JSON_FLAW_CONTROL
                                                                : JSON_FLAW_UNCLOSED;
        self->at = chars(text.data) + json_locate(flaw, text);
        return error;
    }
    od::value root;
    error = self->document.get_value().get(root);
    if (error == simdjson::SCALAR_DOCUMENT_AS_VALUE)
        return read_scalar(self, rest);
    if (!error)
        error = take(self, root, &self->tree->nodes[0], 1);
    if (!error && self->document.current_location().get(*rest))
        *rest = end_of(text); // nothing follows
    return error;
}

size_t place(const json *self, const char *at)
{
    return at && at >= chars(self->text.data) && at <= end_of(self->now)
               ? size_t(at - chars(self->text.data))
               : size_t(end_of(self->now) - chars(self->text.data));
}

struct descent_t {
    json *self;
    const pointer_t *rows;
    json_visit_t *visit;
    void *context;
    json_rows_t outcome;
    json_match_t matches[POINTER_STARS_MAX];
};

error_code descend(descent_t *descent, od::value &value, unsigned step, unsigned star);

error_code visit_row(descent_t *descent, od::value &value)
{
    json *self = descent->self;
    std::string_view token = value.raw_json_token();
    bool scalar = token.front() != '{' && token.front() != '[';
    self->row =
        slice_of(token.data(), scalar ? token.size() : size_t(end_of(self->now) - token.data()));
    descent->outcome.reached = true;
    forget(self);
    SIMDJSON_TRY(take(self, value, &self->tree->nodes[0], 1));
    if (descent->visit(descent->context, descent->matches))
        return SUCCESS;
    descent->outcome.stopped = true;
    return simdjson::MEMALLOC;
}

error_code descend_object(descent_t *descent, od::value &value, unsigned step, unsigned star)
{
    const pointer_token_t *token = &descent->rows->tokens[step];
    return each_member(descent->self, value, [=](slice_t key, od::value &member, bool &stop) {
        if (token->star)
            descent->matches[star] = json_match_t{ key, 0 };
        else if (!slice_same(key, token->text))
            return SUCCESS;
        stop = !token->star;
        return descend(descent, member, step + 1, star + token->star);
    });
}

error_code descend_array(descent_t *descent, od::value &value, unsigned step, unsigned star)
{
    const pointer_token_t *token = &descent->rows->tokens[step];
    return each_element(value, [=](uint32_t index, od::value &element, bool &stop) {
        if (token->star)
            descent->matches[star] = json_match_t{ {}, index };
        else if (index != token->index)
            return SUCCESS;
        stop = !token->star;
        return descend(descent, element, step + 1, star + token->star);
    });
}

// Down the steps of `rows` through a document that is known to be good.
error_code descend(descent_t *descent, od::value &value, unsigned step, unsigned star)
{
    if (step == descent->rows->count)
        return visit_row(descent, value);
    char first = value.raw_json_token().front();
    if (first != '{' && first != '[')
        return SUCCESS; // a scalar has no members
    if (descent->rows->tokens[step].star && step + 1 == descent->rows->count)
        descent->outcome.reached = true; // even if it is empty
    return first == '{' ? descend_object(descent, value, step, star)
                        : descend_array(descent, value, step, star);
}

} // namespace

json_t *json_new(void)
{
    return new (std::nothrow) json;
}

void json_destroy(json_t **self_p)
{
    if (!*self_p)
        return;
    buffer_destroy(&(*self_p)->bytes);
    buffer_destroy(&(*self_p)->escaped);
    delete *self_p;
    *self_p = nullptr;
}

bool json_open(json_t *self, slice_t text)
{
    size_t need = text.size + PADDING_BYTES;
    buffer_clear(&self->bytes);
    buffer_clear(&self->escaped);
    // Every string with escapes is unescaped at most once in each of the two walks.
    if (!buffer_extend(&self->bytes, need) || !buffer_extend(&self->escaped, 2 * need))
        return false;
    if (text.size)
        std::memcpy(self->bytes.data, text.data, text.size);
    std::memset(self->bytes.data + text.size, 0, PADDING_BYTES);
    self->text = slice_of(self->bytes.data, text.size);
    return true;
}

slice_t json_opened(const json_t *self)
{
    return self->text;
}

void json_close(json_t *self)
{
    self->text = self->now = {};
    if (self->bytes.capacity <= JSON_KEEP_BYTES)
        return;
    buffer_destroy(&self->bytes);
    buffer_destroy(&self->escaped);
    self->document = od::document();
    self->parser = od::parser();
}

json_result_t json_read(json_t *self, size_t from, size_t to, const pointer_tree_t *tree,
                        field_t *fields, size_t *end, json_fault_t *fault)
{
    assert(from <= to && to <= self->text.size);
    self->now = slice_of(self->text.data + from, to - from);
    self->tree = tree;
    self->fields = fields;
    self->known_good = false;
    self->at = nullptr;
    self->row = self->now;
    self->escaped_next = self->escaped.data;
    forget(self);
    const char *rest = nullptr;
    error_code error = read(self, &rest);
    if (!error) {
        *end = place(self, rest);
        return JSON_GOOD;
    }
    if (error == simdjson::MEMALLOC || error == simdjson::CAPACITY)
        return JSON_NO_MEMORY;
    bool at_end = error == simdjson::INCOMPLETE_ARRAY_OR_OBJECT;
    if (!self->at && !at_end && self->document.current_location().get(self->at))
        self->at = nullptr;
    *fault = json_fault_t{ place(self, self->at), words(error) };
    if (error == simdjson::TAPE_ERROR && fault->at == to)
        fault->what = words(simdjson::INCOMPLETE_ARRAY_OR_OBJECT);
    return JSON_BAD;
}

json_rows_t json_rows(json_t *self, const pointer_t *rows, const pointer_tree_t *tree,
                      field_t *fields, json_visit_t *visit, void *context)
{
    descent_t descent = { self, rows, visit, context, {}, {} };
    self->tree = tree;
    self->fields = fields;
    self->known_good = true;
    self->document.rewind();
    od::value root;
    if (!self->document.get_value().get(root))
        (void) descend(&descent, root, 0, 0); // cannot fail but for the visitor: it was read
    return descent.outcome;
}

slice_t json_row_text(const json_t *self)
{
    return self->row;
}
