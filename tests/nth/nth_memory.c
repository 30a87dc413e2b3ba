/*  nth_memory -- allocations that fail, and a table of those that were not given back: see nth.h.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/nth/nth_inside.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *block, size_t size);
void __real_free(void *block);
int __real_posix_memalign(void **block, size_t alignment, size_t size);

#define HERE __builtin_return_address(0)

// ---- the table: open addressing, linear probing
// ---------------------------------------------------

typedef struct {
    void *block; // NULL = free
    const void *place;
} entry_t;

static struct {
    pthread_mutex_t lock;
    bool watching;
    size_t count, capacity; // a power of two
    entry_t *entries;
} blocks = { .lock = PTHREAD_MUTEX_INITIALIZER };

static size_t slot_of(const void *block)
{
    return (size_t) ((uintptr_t) block * UINT64_C(0x9e3779b97f4a7c15) >> 20) &
           (blocks.capacity - 1);
}

static void insert(entry_t entry)
{
    size_t at = slot_of(entry.block);
    while (blocks.entries[at].block)
        at = (at + 1) & (blocks.capacity - 1);
    blocks.entries[at] = entry;
}

static void grow(void)
{
    entry_t *old = blocks.entries;
    size_t capacity = blocks.capacity;
    blocks.capacity = capacity ? capacity * 2 : 1024;
    blocks.entries = __real_calloc(blocks.capacity, sizeof *blocks.entries);
    if (!blocks.entries)
        abort();
    for (size_t i = 0; i < capacity; i++)
        if (old[i].block)
            insert(old[i]);
    __real_free(old);
}

static void *note(void *block, const void *place)
{
    if (!block)
        return NULL;
    pthread_mutex_lock(&blocks.lock);
    if (blocks.watching) {
        if (blocks.count * 2 >= blocks.capacity)
            grow();
        insert((entry_t){ block, place });
        blocks.count++;
    }
    pthread_mutex_unlock(&blocks.lock);
    return block;
}

// True: it was one of ours.
static bool forget(void *block)
{
    bool found = false;
    pthread_mutex_lock(&blocks.lock);
    if (block && blocks.count > 0) {
        size_t mask = blocks.capacity - 1, at = slot_of(block);
        while (blocks.entries[at].block && blocks.entries[at].block != block)
            at = (at + 1) & mask;
        found = blocks.entries[at].block != NULL;
        // Close the gap: what stands behind it may have been pushed there.
        for (size_t next = (at + 1) & mask; found && blocks.entries[next].block;
             next = (next + 1) & mask) {
            size_t home = slot_of(blocks.entries[next].block);
            if (((next - home) & mask) >= ((next - at) & mask)) {
                blocks.entries[at] = blocks.entries[next];
                at = next;
            }
        }
        if (found)
            blocks.entries[at].block = NULL;
        blocks.count -= found;
    }
    pthread_mutex_unlock(&blocks.lock);
    return found;
}

void nth_blocks_watch(void)
{
    nth_blocks_forget();
    blocks.watching = true;
}

void nth_blocks_forget(void)
{
    pthread_mutex_lock(&blocks.lock);
    blocks.watching = false;
    blocks.count = blocks.capacity = 0;
    __real_free(blocks.entries);
    blocks.entries = NULL;
    pthread_mutex_unlock(&blocks.lock);
}

size_t nth_blocks_count(void)
{
    return blocks.count;
}

void nth_blocks_tell(void)
{
    for (size_t i = 0, told = 0; i < blocks.capacity && told < 20; i++) {
        if (!blocks.entries[i].block)
            continue;
        char text[NTH_PLACE_MAX];
        nth_place(text, blocks.entries[i].place);
        fprintf(stderr, "    left over: %s\n", text);
        told++;
    }
}

// ---- the calls
// ------------------------------------------------------------------------------------

void *__wrap_malloc(size_t size)
{
    return nth_fails(NTH_MEMORY, HERE) ? NULL : note(__real_malloc(size), HERE);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return nth_fails(NTH_MEMORY, HERE) ? NULL : note(__real_calloc(count, size), HERE);
}

static void *again(void *block, size_t size, const void *place)
{
    bool ours = forget(block);
    void *moved = __real_realloc(block, size);
    if (!moved && ours && size > 0)
        note(block, place);
    return ours || !block ? note(moved, place) : moved;
}

void *__wrap_realloc(void *block, size_t size)
{
    return nth_fails(NTH_MEMORY, HERE) ? NULL : again(block, size, HERE);
}

void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
    size_t whole;
    if (__builtin_mul_overflow(count, size, &whole)) {
        errno = ENOMEM;
        return NULL;
    }
    return nth_fails(NTH_MEMORY, HERE) ? NULL : again(block, whole, HERE);
}

int __wrap_posix_memalign(void **block, size_t alignment, size_t size)
{
    if (nth_fails(NTH_MEMORY, HERE))
        return ENOMEM;
    int result = __real_posix_memalign(block, alignment, size);
    if (result == 0)
        note(*block, HERE);
    return result;
}

static char *copy(const char *text, size_t size, const void *place)
{
    char *block = note(__real_malloc(size + 1), place);
    if (block) {
        memcpy(block, text, size);
        block[size] = '\0';
    }
    return block;
}

char *__wrap_strdup(const char *text)
{
    return nth_fails(NTH_MEMORY, HERE) ? NULL : copy(text, strlen(text), HERE);
}

char *__wrap_strndup(const char *text, size_t most)
{
    return nth_fails(NTH_MEMORY, HERE) ? NULL : copy(text, strnlen(text, most), HERE);
}

__attribute__((format(printf, 2, 0))) int __wrap_vasprintf(char **text, const char *format,
                                                           va_list arguments)
{
    if (nth_fails(NTH_MEMORY, HERE))
        return -1; // *text is undefined then
    va_list once;
    va_copy(once, arguments);
    int size = vsnprintf(NULL, 0, format, once);
    va_end(once);
    *text = size < 0 ? NULL : note(__real_malloc((size_t) size + 1), HERE);
    return *text ? vsnprintf(*text, (size_t) size + 1, format, arguments) : -1;
}

__attribute__((format(printf, 2, 3))) int __wrap_asprintf(char **text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = __wrap_vasprintf(text, format, arguments);
    va_end(arguments);
    return size;
}

void __wrap_free(void *block)
{
    forget(block);
    __real_free(block);
}
