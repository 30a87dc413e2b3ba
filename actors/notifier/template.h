/*  template -- the operator's text with values put into it. Pure.
 *
 *  `{{rule}}` and the like are replaced, nothing else means anything: no conditions, no loops. A
 *  value is escaped by where it stands, which the content type says. In JSON only numbers may stand
 *  outside a string; a number that is missing is null there, and empty elsewhere.
 */
#pragma once
#include "actors/notifier/notice.h"
#include "proto/fault.h"

enum {
    TEMPLATE_BYTES_MAX = 16 * 1024,  // of the text
    TEMPLATE_OUTPUT_MAX = 64 * 1024, // bytes, with its values
    TEMPLATE_PIECES_MAX = 512,       // texts and values
};

typedef enum {
    TEMPLATE_JSON,
    TEMPLATE_URL, // of a URL or a form
    TEMPLATE_HTML,
    TEMPLATE_TEXT,
    TEMPLATE_HEADER,
} template_place_t;

typedef struct template template_t;

// Where a body of this content type puts values. False with fault: we cannot escape for it.
bool template_place(const char *content_type, template_place_t *place, fault_t *fault);

// NULL with fault, line and column within the text (from 1): an unknown name, an open brace, a text
// outside a string of JSON.
template_t *template_new(const char *text, template_place_t place, fault_t *fault);
void template_destroy(template_t **self_p);

// For whom, beside the notice.
typedef struct {
    const char *delivery;   // its id
    const char *subscriber; // name
    const char *address;    // what the subscriber's field holds
} template_reader_t;

// False: out of memory, or longer than TEMPLATE_OUTPUT_MAX.
bool template_write(const template_t *self, const notice_t *notice, const template_reader_t *reader,
                    buffer_t *out);
