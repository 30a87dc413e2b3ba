/*  route -- see route.h. */
#include "actors/collector/route.h"

#include <stdio.h>
#include <string.h>

enum { STEP_BYTES_MAX = 160 }; // of one step; file systems take 255

typedef struct {
    char *path;
    size_t size, step; // in all; in the step at hand
} route_t;

static void s_put(route_t *self, const char *text, size_t size)
{
    if (self->size + size > ROUTE_BYTES_MAX || self->step + size > STEP_BYTES_MAX)
        return;
    memcpy(self->path + self->size, text, size);
    self->size += size;
    self->step += size;
    self->path[self->size] = '\0';
}

static void s_put_byte(route_t *self, char byte)
{
    bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                 (byte >= 'a' && byte <= 'z') || byte == '_' || byte == '-' ||
                 (byte == '.' && self->step > 0);
    char escaped[4];
    snprintf(escaped, sizeof escaped, "%%%02X", (unsigned) (unsigned char) byte);
    s_put(self, plain ? &byte : escaped, plain ? 1 : 3);
}

// One more step, unless it would be empty.
static void s_step(route_t *self, const char *text, size_t size)
{
    if (size == 0 || self->size + 2 > ROUTE_BYTES_MAX)
        return;
    if (self->size > 0)
        self->path[self->size++] = '/';
    self->path[self->size] = '\0';
    self->step = 0;
    for (size_t i = 0; i < size; i++)
        s_put_byte(self, text[i]);
}

static void s_steps(route_t *self, const char *text)
{
    while (*text) {
        size_t size = strcspn(text, "/");
        s_step(self, text, size);
        text += size + (text[size] == '/');
    }
}

static void s_http(route_t *self, const char *url)
{
    const char *rest = strstr(url, "://");
    char text[8192 + 1];
    snprintf(text, sizeof text, "%s", rest ? rest + 3 : url);
    text[strcspn(text, "?#")] = '\0';
    const char *at = memrchr(text, '@', strcspn(text, "/")); // behind user and password
    s_steps(self, at ? at + 1 : text);
}

void route_of(const source_t *source, char path[ROUTE_BYTES_MAX + 1])
{
    route_t self = { .path = path };
    path[0] = '\0';
    switch (source->kind) {
    case SOURCE_HTTP:
        s_http(&self, source->url);
        return;
    case SOURCE_FILE:
        s_steps(&self, "file");
        s_steps(&self, strncmp(source->url, "file://", 7) == 0 ? source->url + 7 : source->url);
        return;
    case SOURCE_PUSH:
        s_steps(&self, "push");
        break;
    case SOURCE_SIMULATE:
        s_steps(&self, "simulate");
        break;
    }
    s_step(&self, source->name, strlen(source->name));
}

void route_unknown(const char *source, char path[ROUTE_BYTES_MAX + 1])
{
    route_t self = { .path = path };
    path[0] = '\0';
    s_steps(&self, "unknown");
    s_step(&self, source, strlen(source));
}
