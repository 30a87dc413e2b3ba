/*  means -- the operator's ways to tell subscribers, from the configuration, ready to be used.
 *
 *  Reads the file of the mail server's password; apart from that pure.
 */
#pragma once
#include "actors/notifier/template.h"
#include "broker/runtime/settings.h"

typedef struct means means_t;

// One header of a gateway's requests: a template, or a text that stays as it is.
typedef struct {
    const char *name;
    const template_t *value; // or NULL
    const char *text;        // then this
} means_header_t;

typedef struct {
    const gateway_settings_t *settings;
    const template_t *url, *body;  // body may be NULL
    const means_header_t *headers; // as many as settings->headers.count
} gateway_t;

typedef struct {
    const smtp_settings_t *settings;
    const char *password; // NULL = no login
} mail_server_t;

// The settings must live longer. NULL with fault, with its place if it is in the file.
means_t *means_new(const settings_t *settings, fault_t *fault);
void means_destroy(means_t **self_p);

const gateway_t *means_gateway(const means_t *self, const char *name);          // or NULL
const mail_server_t *means_mail(const means_t *self);                           // or NULL
const command_settings_t *means_command(const means_t *self, const char *name); // or NULL
