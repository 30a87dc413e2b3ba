/*  store_link -- commands out, answers in, on one connection; see store_link.h. */
#include "broker/store_link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/owned.h"

// ---- commands ------------------------------------------------------------------------------

// The count of arguments stands in front of them but is known only at the end: leave room.
void command_begin(store_t *self, const char *verb)
{
    buffer_clear(&self->command);
    buffer_extend(&self->command, LINK_HEAD_BYTES);
    self->arguments = 0;
    command_text(self, verb);
}

static void call(store_t *self, const char *verb, const char *function, unsigned keys)
{
    char name[sizeof self->library + 32];
    int size = snprintf(name, sizeof name, "%s_%s", self->library, function);
    assert(size > 0 && (size_t) size < sizeof name);
    command_begin(self, verb);
    command_bytes(self, slice_of(name, (size_t) size));
    command_u64(self, keys);
}

void command_call(store_t *self, const char *function, unsigned keys)
{
    call(self, "FCALL", function, keys);
}

void command_look(store_t *self, const char *function, unsigned keys)
{
    call(self, "FCALL_RO", function, keys);
}

static size_t print_u64(char *text, uint64_t number) // 20 digits at most
{
    char digits[24];
    size_t size = 0;
    do
        digits[size++] = (char) ('0' + number % 10);
    while (number /= 10);
    for (size_t i = 0; i < size; i++)
        text[i] = digits[size - 1 - i];
    return size;
}

void command_bytes(store_t *self, slice_t bytes)
{
    char head[32] = "$";
    size_t size = 1 + print_u64(head + 1, bytes.size);
    memcpy(head + size, "\r\n", 2);
    uint8_t *place = buffer_extend(&self->command, size + 2 + bytes.size + 2);
    self->arguments++;
    if (!place)
        return; // latched in the buffer, told by link_push
    memcpy(place, head, size + 2);
    if (bytes.size > 0)
        memcpy(place + size + 2, bytes.data, bytes.size);
    memcpy(place + size + 2 + bytes.size, "\r\n", 2);
}

void command_text(store_t *self, const char *text)
{
    command_bytes(self, slice_text(text));
}

void command_u64(store_t *self, uint64_t number)
{
    char text[24];
    command_bytes(self, slice_of(text, print_u64(text, number)));
}

void command_i64(store_t *self, int64_t number)
{
    char text[24] = "-";
    bool negative = number < 0;
    uint64_t size = negative ? -(uint64_t) number : (uint64_t) number;
    command_bytes(self, slice_of(text, negative + print_u64(text + negative, size)));
}

void command_id(store_t *self, store_id_t id)
{
    static const store_id_t none;
    char text[STORE_ID_TEXT + 1];
    store_id_print(id, text);
    bool empty = memcmp(&id, &none, sizeof id) == 0;
    command_bytes(self, slice_of(text, empty ? 0 : STORE_ID_TEXT));
}

void command_key(store_t *self, slice_t key)
{
    if (self->keys.text.failed)
        self->command.failed = true;
    command_bytes(self, key);
}

bool link_push(store_t *self)
{
    if (!self->context)
        return false;
    if (self->command.failed)
        return link_close(self, "out of memory"), false;
    char head[LINK_HEAD_BYTES + 8] = "*";
    size_t size = 1 + print_u64(head + 1, self->arguments);
    memcpy(head + size, "\r\n", 2);
    size += 2;
    assert(size <= LINK_HEAD_BYTES);
    char *start = (char *) self->command.data + LINK_HEAD_BYTES - size;
    memcpy(start, head, size);
    size_t whole = self->command.size - (LINK_HEAD_BYTES - size);
    if (redisAppendFormattedCommand(self->context, start, whole) != REDIS_OK)
        return link_close(self, self->context->errstr), false;
    return true;
}

bool link_push_word(store_t *self, const char *word)
{
    command_begin(self, word);
    return link_push(self);
}

bool link_flush(store_t *self)
{
    for (int done = 0; self->context && !done;)
        if (redisBufferWrite(self->context, &done) != REDIS_OK)
            link_close(self, self->context->errstr);
    return self->context != NULL;
}

// ---- answers -------------------------------------------------------------------------------

void reply_destroy(redisReply **self_p)
{
    if (*self_p)
        freeReplyObject(*self_p);
    *self_p = NULL;
}

// These errors say that Redis cannot serve us now, or not as it is: come back with a new
// connection (which also loads the functions again).
static bool means_down(const char *error)
{
    static const char *const words[] = { "LOADING",
                                         "READONLY",
                                         "MASTERDOWN",
                                         "NOREPLICAS",
                                         "MISCONF",
                                         "BUSY ",
                                         "ERR Function not found" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(error, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

store_status_t link_judge(store_t *self, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR)
        return STORE_OK;
    if (means_down(reply->str)) {
        link_close(self, reply->str);
        return STORE_DOWN;
    }
    fault_set(&self->error, "%s", reply->str);
    return strncmp(reply->str, "OOM", 3) == 0 ? STORE_FULL : STORE_REFUSED;
}

store_status_t link_take(store_t *self, redisReply **reply)
{
    *reply = NULL;
    void *answer = NULL;
    if (!self->context)
        return STORE_DOWN;
    if (redisGetReply(self->context, &answer) != REDIS_OK) {
        bool late = self->context->err == REDIS_ERR_IO &&
                    strstr(self->context->errstr, "temporarily unavailable");
        link_close(self, late ? "no answer in time" : self->context->errstr);
        return STORE_DOWN;
    }
    *reply = answer;
    store_status_t status = link_judge(self, *reply);
    if (status != STORE_OK)
        reply_destroy(reply);
    return status;
}

store_status_t link_ask(store_t *self, redisReply **reply)
{
    *reply = NULL;
    return link_push(self) ? link_take(self, reply) : STORE_DOWN;
}

store_status_t link_ask_verdict(store_t *self)
{
    owned(reply_destroy) redisReply *reply = NULL;
    store_status_t status = link_ask(self, &reply);
    if (status != STORE_OK)
        return status;
    slice_t text = reply_slice(reply);
    return text.size == 1 ? link_verdict(self, (char) text.data[0]) : link_odd(self);
}

store_status_t link_take_all(store_t *self, size_t count)
{
    store_status_t worst = STORE_OK;
    for (size_t i = 0; i < count; i++) {
        owned(reply_destroy) redisReply *reply = NULL;
        store_status_t status = link_take(self, &reply);
        if (status == STORE_DOWN)
            return STORE_DOWN;
        if (worst == STORE_OK)
            worst = status;
    }
    return worst;
}

store_status_t link_put_all(store_t *self, const void *items, size_t count, link_push_item_t *push)
{
    if (!link_open(self))
        return STORE_DOWN;
    store_status_t worst = STORE_OK;
    for (size_t done = 0, end; done < count && worst != STORE_DOWN; done = end) {
        size_t pushed = 0;
        end = count - done < STORE_CHUNK ? count : done + STORE_CHUNK;
        for (size_t i = done; i < end; i++)
            if (!push(self, items, i, &pushed))
                return STORE_DOWN;
        store_status_t status = link_take_all(self, pushed);
        if (worst == STORE_OK || status == STORE_DOWN)
            worst = status;
    }
    return worst;
}

store_status_t link_take_each(store_t *self, size_t count, redisReply **replies)
{
    store_status_t worst = STORE_OK;
    fault_t why = { 0 };
    for (size_t i = 0; i < count; i++)
        replies[i] = NULL;
    for (size_t i = 0; i < count && worst != STORE_DOWN; i++) {
        store_status_t status = link_take(self, &replies[i]);
        if (status == STORE_OK || (status == STORE_REFUSED && link_wrong_type(self)))
            continue;
        if (status == STORE_DOWN || worst == STORE_OK) {
            worst = status;
            why = self->error;
        }
    }
    if (worst == STORE_OK)
        return STORE_OK;
    self->error = why;
    for (size_t i = 0; i < count; i++)
        reply_destroy(&replies[i]);
    return worst;
}

bool link_wrong_type(const store_t *self)
{
    return strncmp(self->error.text, "WRONGTYPE", 9) == 0;
}

store_status_t link_verdict(store_t *self, char verdict)
{
    switch (verdict) {
    case 'O':
        return STORE_OK;
    case 'D':
        return STORE_DUP;
    case 'S':
        return STORE_STALE;
    case 'F':
        return STORE_FENCED;
    case 'L':
        return STORE_FULL;
    case 'C': // keys of the partition contradict each other: store_load says how
        fault_set(&self->error, "journal, base and head of the partition do not fit");
        return STORE_STALE;
    case 'B':
        fault_set(&self->error, "an offset would go backwards");
        return STORE_REFUSED;
    }
    return link_odd(self);
}

store_status_t link_odd(store_t *self)
{
    fault_set(&self->error, "Redis answered what was not asked for");
    return STORE_REFUSED;
}

slice_t reply_slice(const redisReply *reply)
{
    bool text = reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS;
    return text ? slice_of(reply->str, reply->len) : slice_of(NULL, 0);
}

const redisReply *reply_at(const redisReply *list, size_t index)
{
    static const redisReply nil = { .type = REDIS_REPLY_NIL };
    bool there = list->type == REDIS_REPLY_ARRAY && index < list->elements;
    return there ? list->element[index] : &nil;
}

uint64_t reply_u64(const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_INTEGER)
        return reply->integer < 0 ? 0 : (uint64_t) reply->integer;
    slice_t text = reply_slice(reply);
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        unsigned digit = text.data[i] - '0';
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return 0;
        number = number * 10 + digit;
    }
    return number;
}

static int by_text(const void *a, const void *b)
{
    const redisReply *left = *(redisReply *const *) a, *right = *(redisReply *const *) b;
    return strcmp(left->str, right->str);
}

void reply_sort(redisReply *list)
{
    size_t kept = 0;
    for (size_t i = 0; list->type == REDIS_REPLY_ARRAY && i < list->elements; i++) {
        redisReply *item = list->element[i];
        slice_t text = reply_slice(item);
        if (text.size > 0 && strlen(item->str) == text.size)
            list->element[kept++] = item;
        else
            freeReplyObject(item);
    }
    list->elements = kept;
    if (kept > 0)
        qsort(list->element, kept, sizeof *list->element, by_text);
}

size_t reply_fields(const redisReply *reply, store_field_t fields[STORE_FIELDS_MAX])
{
    size_t count = 0;
    if (reply->type != REDIS_REPLY_ARRAY)
        return 0;
    for (size_t i = 0; i + 1 < reply->elements && count < STORE_FIELDS_MAX; i += 2)
        if (reply->element[i]->str && reply->element[i + 1]->str)
            fields[count++] = (store_field_t){ .name = reply->element[i]->str,
                                               .value = reply->element[i + 1]->str };
    return count;
}

void store_id_print(store_id_t id, char text[STORE_ID_TEXT + 1])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof id.bytes; i++) {
        text[2 * i] = digits[id.bytes[i] >> 4];
        text[2 * i + 1] = digits[id.bytes[i] & 15];
    }
    text[STORE_ID_TEXT] = '\0';
}

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9')
        return byte - '0';
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

bool store_id_parse(store_id_t *id, slice_t text)
{
    *id = (store_id_t){ 0 };
    if (text.size != STORE_ID_TEXT)
        return text.size == 0; // no id yet
    store_id_t parsed;
    for (size_t i = 0; i < sizeof parsed.bytes; i++) {
        int high = hex_digit(text.data[2 * i]), low = hex_digit(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        parsed.bytes[i] = (uint8_t) (high << 4 | low);
    }
    *id = parsed;
    return true;
}

// The command is written but for its end; the answer is [cursor, [...]].
static store_status_t scan_step(store_t *self, char cursor[STORE_CURSOR_MAX], unsigned count,
                                redisReply **reply)
{
    command_text(self, "COUNT");
    command_u64(self, count);
    store_status_t status = link_ask(self, reply);
    if (status != STORE_OK)
        return status;
    slice_t next = reply_slice(reply_at(*reply, 0));
    if (next.size == 0 || next.size >= STORE_CURSOR_MAX) {
        reply_destroy(reply);
        return link_odd(self);
    }
    memcpy(cursor, next.data, next.size);
    cursor[next.size] = '\0';
    return STORE_OK;
}

store_status_t link_scan(store_t *self, char cursor[STORE_CURSOR_MAX], slice_t pattern,
                         redisReply **reply)
{
    enum { SCAN_KEYS = 1000 }; // that Redis looks at for one answer
    command_begin(self, "SCAN");
    command_text(self, cursor);
    command_text(self, "MATCH");
    command_key(self, pattern);
    return scan_step(self, cursor, SCAN_KEYS, reply);
}

store_status_t link_hscan(store_t *self, char cursor[STORE_CURSOR_MAX], slice_t key, unsigned count,
                          redisReply **reply)
{
    command_begin(self, "HSCAN");
    command_key(self, key);
    command_text(self, cursor);
    return scan_step(self, cursor, count, reply);
}
