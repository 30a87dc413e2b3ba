/*  answer -- see answer.h. */
#include "actors/api/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "proto/digest.h"

enum { TAG_BYTES = 16, GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8, GZIP_LEVEL = 6 };

void answer_tag(slice_t body, const char *suffix, char tag[ANSWER_TAG_MAX])
{
    uint8_t digest[DIGEST_BYTES];
    digest_t sum;
    digest_begin(&sum);
    digest_add(&sum, body);
    digest_end(&sum, digest);
    char hex[2 * TAG_BYTES + 1];
    for (int i = 0; i < TAG_BYTES; i++)
        snprintf(hex + (size_t) 2 * i, 3, "%02x", digest[i]);
    snprintf(tag, ANSWER_TAG_MAX, "\"%s%.8s\"", hex, suffix);
}

static bool s_compress(slice_t from, buffer_t *to)
{
    z_stream stream = { 0 };
    if (deflateInit2(&stream, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    uLong room = deflateBound(&stream, from.size);
    uint8_t *out = buffer_extend(to, room);
    bool good = out != NULL;
    if (good) {
        stream.next_in = (Bytef *) from.data;
        stream.avail_in = (uInt) from.size; // BUFFER_BYTES_MAX fits
        stream.next_out = out;
        stream.avail_out = (uInt) room;
        good = deflate(&stream, Z_FINISH) == Z_STREAM_END;
        to->size = stream.total_out;
    }
    deflateEnd(&stream);
    return good;
}

bool answer_make(answer_t *self, buffer_t *body)
{
    *self = (answer_t){ .plain = *body };
    *body = (buffer_t){ 0 };
    if (self->plain.failed || (self->plain.size >= ANSWER_GZIP_MIN &&
                               !s_compress(buffer_slice(&self->plain), &self->gzip))) {
        answer_destroy(self);
        return false;
    }
    if (self->gzip.size >= self->plain.size)
        buffer_destroy(&self->gzip);
    answer_tag(buffer_slice(&self->plain), "", self->tag);
    answer_tag(buffer_slice(&self->plain), "-gzip", self->gzip_tag);
    return true;
}

void answer_destroy(answer_t *self)
{
    buffer_destroy(&self->plain);
    buffer_destroy(&self->gzip);
}

// The next word of a list with commas; *at moves behind it. Its size; 0: no more.
static size_t s_word(const char **at, const char **word)
{
    *at += strspn(*at, " \t,");
    *word = *at;
    size_t size = strcspn(*at, ",");
    *at += size;
    while (size > 0 && ((*word)[size - 1] == ' ' || (*word)[size - 1] == '\t'))
        size--;
    return size;
}

bool answer_is_known(const char *if_none_match, const char *tag)
{
    const char *word;
    size_t size, wanted = strlen(tag);
    for (const char *at = if_none_match ? if_none_match : ""; (size = s_word(&at, &word)) > 0;) {
        if (size == 1 && *word == '*')
            return true;
        bool weak = size > 2 && strncmp(word, "W/", 2) == 0;
        if (size - 2 * weak == wanted && memcmp(word + 2 * weak, tag, wanted) == 0)
            return true;
    }
    return false;
}

// RFC 9110: 0 or 1, and up to three digits behind the point. In thousandths; -1: it is none.
static int s_weight(const char *text, size_t size)
{
    static const int places[] = { 100, 10, 1 };
    enum { PLACES = sizeof places / sizeof *places };
    if (size == 0 || (*text != '0' && *text != '1') || (size > 1 && text[1] != '.') ||
        size > 2 + PLACES)
        return -1;
    int weight = 1000 * (*text - '0');
    for (size_t i = 2; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        weight += places[i - 2] * (text[i] - '0');
    }
    return weight <= 1000 ? weight : -1;
}

static size_t s_blanks(const char *text, size_t size)
{
    size_t blanks = 0;
    while (blanks < size && (text[blanks] == ' ' || text[blanks] == '\t'))
        blanks++;
    return blanks;
}

// Is it wanted, as its parameter says? None: yes. One that is none: no.
static bool s_is_wanted(const char *at, size_t size)
{
    size_t blanks = s_blanks(at, size);
    if (blanks == size)
        return true;
    if (at[blanks++] != ';')
        return false;
    blanks += s_blanks(at + blanks, size - blanks);
    return size - blanks > 2 && strncasecmp(at + blanks, "q=", 2) == 0 &&
           s_weight(at + blanks + 2, size - blanks - 2) > 0;
}

bool answer_takes_gzip(const char *accept_encoding)
{
    bool named = false, gzip = true, all = false;
    const char *word;
    size_t size;
    for (const char *at = accept_encoding ? accept_encoding : "";
         (size = s_word(&at, &word)) > 0;) {
        size_t name = 0;
        while (name < size && word[name] != ';' && word[name] != ' ' && word[name] != '\t')
            name++;
        bool wanted = s_is_wanted(word + name, size - name);
        if ((name == 4 && strncasecmp(word, "gzip", name) == 0) ||
            (name == 6 && strncasecmp(word, "x-gzip", name) == 0)) {
            named = true;
            gzip = gzip && wanted; // who says both is not sent it
        } else if (name == 1 && *word == '*') {
            all = wanted; // of those that are not named
        }
    }
    return named ? gzip : all;
}
