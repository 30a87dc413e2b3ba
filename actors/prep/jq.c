/*  jq -- the only file that knows libjq (1.6). */
#include "actors/prep/jq.h"

#include <jq.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/prep/json.h"

struct jq_program {
    jq_state *jq;
    buffer_t document; // with its numbers guarded
    fault_t fault;     // the first of the last compilation
    bool faulty;
};

// ---- words ------------------------------------------------------------------------------------

// "jq: error: ... (Unix shell quoting issues?) at <top-level>, line 2:\n..." loses what says
// nothing.
static void s_say(fault_t *fault, const char *words)
{
    static const char *const NOISE[] = { "jq: error: ", " (Unix shell quoting issues?)",
                                         " at <top-level>," };
    char text[FAULT_TEXT_MAX];
    size_t size = 0;
    for (const char *c = words; *c && *c != '\n' && size + 1 < sizeof text;) {
        size_t skip = 0;
        for (size_t i = 0; i < sizeof NOISE / sizeof NOISE[0] && !skip; i++)
            if (strncmp(c, NOISE[i], strlen(NOISE[i])) == 0)
                skip = strlen(NOISE[i]);
        if (skip)
            c += skip;
        else
            text[size++] = *c++;
    }
    while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == ':'))
        size--;
    text[size] = '\0';
    fault_set(fault, "%s", text);
}

static void s_hear(void *context, jv message)
{
    jq_program_t *self = context;
    jv words = jq_format_error(message);
    if (!self->faulty && jv_get_kind(words) == JV_KIND_STRING)
        s_say(&self->fault, jv_string_value(words));
    self->faulty = true;
    jv_free(words);
}

// The message of a failure; takes `failure`.
static void s_say_failure(fault_t *fault, jv failure)
{
    jv message = jv_invalid_get_msg(failure);
    if (jv_get_kind(message) != JV_KIND_STRING)
        message = jv_dump_string(message, 0);
    s_say(fault, jv_string_value(message));
    jv_free(message);
}

// ---- numbers ----------------------------------------------------------------------------------

static bool s_in_number(uint8_t byte)
{
    return (byte >= '0' && byte <= '9') || byte == '.' || byte == 'e' || byte == 'E' ||
           byte == '-' || byte == '+';
}

// Does a double hold this number of good JSON so well that its digits come out again?
static bool s_is_exact(slice_t number)
{
    unsigned digits = 0, kept = 0; // from the first that is not 0; up to the last that is not 0
    size_t i = 0;
    for (; i < number.size && number.data[i] != 'e' && number.data[i] != 'E'; i++) {
        uint8_t byte = number.data[i];
        if (byte < '0' || byte > '9')
            continue;
        digits += digits > 0 || byte != '0';
        if (byte != '0')
            kept = digits;
    }
    long exponent = 0;
    char text[12] = "";
    if (i < number.size) {
        if (number.size - i - 1 >= sizeof text)
            return false;
        memcpy(text, number.data + i + 1, number.size - i - 1);
        exponent = strtol(text, NULL, 10);
    }
    return kept <= JQ_DIGITS_EXACT && labs(exponent) <= JQ_EXPONENT_EXACT &&
           number.size <= JQ_EXPONENT_EXACT;
}

void jq_guard_numbers(slice_t document, buffer_t *out)
{
    bool inside = false; // a string
    size_t done = 0;
    for (size_t at = 0; at < document.size;) {
        uint8_t byte = document.data[at];
        if (byte == '"')
            inside = !inside;
        if (inside || !(byte == '-' || (byte >= '0' && byte <= '9'))) {
            at += inside && byte == '\\' ? 2 : 1;
            continue;
        }
        size_t end = at;
        while (end < document.size && s_in_number(document.data[end]))
            end++;
        slice_t number = slice_of(document.data + at, end - at);
        if (!s_is_exact(number)) {
            buffer_append(out, document.data + done, at - done);
            buffer_printf(out, "\"%.*s\"", (int) number.size, (const char *) number.data);
            done = end;
        }
        at = end;
    }
    buffer_append(out, document.data + done, document.size - done);
}

static void s_put_number(buffer_t *out, double number)
{
    enum { DIGITS_MAX = 17 }; // so many tell all doubles apart
    char text[40];
    if (isnan(number)) {
        buffer_text(out, "null"); // as jq prints it
        return;
    }
    if (isinf(number)) {
        buffer_text(out, number > 0 ? "1e999" : "-1e999"); // out of every range
        return;
    }
    int digits = JQ_DIGITS_EXACT;
    do
        snprintf(text, sizeof text, "%.*g", digits++, number);
    while (digits <= DIGITS_MAX && strtod(text, NULL) != number);
    buffer_text(out, text);
}

// ---- outputs ----------------------------------------------------------------------------------

static bool s_put(buffer_t *out, jv value, int depth, fault_t *fault);

static bool s_put_members(buffer_t *out, jv value, int depth, fault_t *fault)
{
    bool good = true, first = true;
    for (int i = jv_object_iter(value); good && jv_object_iter_valid(value, i);
         i = jv_object_iter_next(value, i)) {
        buffer_text(out, first ? "" : ",");
        first = false;
        good = s_put(out, jv_object_iter_key(value, i), depth, fault);
        buffer_text(out, ":");
        good = good && s_put(out, jv_object_iter_value(value, i), depth, fault);
    }
    return good;
}

static bool s_put_elements(buffer_t *out, jv value, int depth, fault_t *fault)
{
    bool good = true;
    int count = jv_array_length(jv_copy(value));
    for (int i = 0; good && i < count; i++) {
        buffer_text(out, i ? "," : "");
        good = s_put(out, jv_array_get(jv_copy(value), i), depth, fault);
    }
    return good;
}

// Write a value, which is taken.
static bool s_put(buffer_t *out, jv value, int depth, fault_t *fault)
{
    bool good = true;
    jv_kind kind = jv_get_kind(value);
    if (kind == JV_KIND_NUMBER) {
        s_put_number(out, jv_number_value(value));
    } else if (kind == JV_KIND_OBJECT || kind == JV_KIND_ARRAY) {
        bool object = kind == JV_KIND_OBJECT;
        buffer_text(out, object ? "{" : "[");
        good = depth < JSON_DEPTH_MAX || fault_set(fault, "an output is nested too deeply");
        if (good)
            good = object ? s_put_members(out, value, depth + 1, fault)
                          : s_put_elements(out, value, depth + 1, fault);
        buffer_text(out, object ? "}" : "]");
    } else { // texts and words as jq prints them
        jv text = jv_dump_string(jv_copy(value), 0);
        buffer_append(out, jv_string_value(text), (size_t) jv_string_length_bytes(jv_copy(text)));
        jv_free(text);
    }
    jv_free(value);
    return good;
}

// One output as a line; what does not fit is taken back.
static bool s_put_row(buffer_t *rows, jv value, fault_t *fault)
{
    size_t size = rows->size;
    bool good = s_put(rows, value, 0, fault);
    buffer_text(rows, "\n");
    if (rows->failed)
        good = fault_set(fault, "more than %zu MB of outputs", rows->limit >> 20);
    if (!good) {
        rows->failed = false;
        rows->size = size;
    }
    return good;
}

bool jq_program_run(jq_program_t *self, slice_t document, buffer_t *rows, fault_t *fault)
{
    buffer_clear(&self->document);
    jq_guard_numbers(document, &self->document);
    if (self->document.failed || self->document.size > INT32_MAX)
        return fault_set(fault, "no memory");
    jv input = jv_parse_sized((const char *) self->document.data, (int) self->document.size);
    if (!jv_is_valid(input)) {
        s_say_failure(fault, input);
        return false;
    }
    jq_start(self->jq, input, 0);
    bool good = true;
    jv output;
    while (good && jv_is_valid(output = jq_next(self->jq)))
        good = s_put_row(rows, output, fault);
    if (!good)
        return false;
    if (jq_halted(self->jq)) {
        jv_free(output);
        return fault_set(fault, "it halted");
    }
    if (jv_invalid_has_msg(jv_copy(output))) {
        s_say_failure(fault, output);
        return false;
    }
    jv_free(output);
    return true;
}

// ---- living -----------------------------------------------------------------------------------

jq_program_t *jq_program_new(const char *filter, fault_t *fault)
{
    jq_program_t *self = calloc(1, sizeof *self);
    if (self)
        self->jq = jq_init();
    if (!self || !self->jq) {
        fault_set(fault, "no memory");
        free(self);
        return NULL;
    }
    jq_set_error_cb(self->jq, s_hear, self);
    if (jq_compile(self->jq, filter))
        return self;
    *fault = self->fault;
    jq_program_destroy(&self);
    return NULL;
}

void jq_program_destroy(jq_program_t **self_p)
{
    if (!*self_p)
        return;
    buffer_destroy(&(*self_p)->document);
    jq_teardown(&(*self_p)->jq);
    free(*self_p);
    *self_p = NULL;
}
