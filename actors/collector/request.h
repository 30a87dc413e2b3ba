/*  request -- the address that is asked for: URL, query and page of a source. Pure. */
#pragma once
#include "broker/runtime/settings.h"
#include "proto/buffer.h"

enum { REQUEST_CURSOR_MAX = 1024 }; // bytes of what names the next page

// Which page; all zero = the first.
typedef struct {
    uint32_t number; // from 0, whatever the first one is called
    size_t cursor_size;
    char cursor[REQUEST_CURSOR_MAX]; // any bytes: they are escaped
} page_t;

// Append it. What fails is out->failed.
void request_url(const source_t *source, const page_t *page, buffer_t *out);

// "api.kraken.com", "127.0.0.1:8000": what `budgets` calls the host of a URL, in small letters and
// without the port where that is the scheme's own. False: longer than `size`.
bool request_host(const char *url, char *host, size_t size);

// What may be shown of a URL: of http(s) neither user and password nor what stands behind `?`,
// which may be secrets. Append it. What fails is out->failed.
void request_shown(const char *url, buffer_t *out);

// Is something sent that may be a secret, and that the server may say again: headers, a body,
// parameters, user and password?
bool request_may_hold_secrets(const source_t *source);

budget_t request_budget(const settings_t *settings, const char *host); // of its own, or that of all
