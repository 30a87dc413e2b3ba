/*  means -- see means.h. */
#include "actors/notifier/means.h"

#include <stdlib.h>
#include <string.h>

#include "actors/notifier/mail.h"
#include "broker/runtime/secret_file.h"
#include "broker/site.h"
#include "proto/owned.h"

typedef struct {
    gateway_t gateway; // what others see of it
    template_t *url, *body;
    template_t **values; // of headers; NULL where the text stays
    char **secrets;      // then it is this
    means_header_t *headers;
} made_gateway_t;

struct means {
    const settings_t *settings;
    made_gateway_t *gateways;
    mail_server_t mail;
    char password[SITE_PASSWORD_MAX];
};

static void gateway_destroy(made_gateway_t *self)
{
    template_destroy(&self->url);
    template_destroy(&self->body);
    for (size_t i = 0; self->values && i < self->gateway.settings->headers.count; i++)
        template_destroy(&self->values[i]);
    for (size_t i = 0; self->secrets && i < self->gateway.settings->headers.count; i++) {
        if (self->secrets[i])
            explicit_bzero(self->secrets[i], strlen(self->secrets[i]));
        free(self->secrets[i]);
    }
    free(self->values);
    free(self->secrets);
    free(self->headers);
}

void means_destroy(means_t **self_p)
{
    means_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; self->gateways && i < self->settings->gateway_count; i++)
        if (self->gateways[i].gateway.settings)
            gateway_destroy(&self->gateways[i]);
    free(self->gateways);
    explicit_bzero(self->password, sizeof self->password);
    free(self);
    *self_p = NULL;
}

// ---- gateways -------------------------------------------------------------------------------

// A fault within a text of the file is told where it is in the file.
static template_t *compile(const char *what, const setting_placed_t *text, template_place_t place,
                           fault_t *fault)
{
    fault_t inside = { 0 };
    template_t *made = template_new(text->text, place, &inside);
    if (made)
        return made;
    int line = inside.line ? inside.line : 1, column = inside.column ? inside.column : 1;
    fault_set_at(fault, text->line + line - 1, text->column + column - 1, "gateways: %s: %s", what,
                 inside.text);
    return NULL;
}

// A value may not choose the host: the operator's addresses are not judged.
static bool check_host(const setting_placed_t *url, fault_t *fault)
{
    const char *host = strstr(url->text, "://") + 3, *value = strstr(url->text, "{{");
    size_t size = strcspn(host, "/?#");
    if (size > 0 && (!value || value > host + size))
        return true;
    return fault_set_at(fault, url->line, url->column,
                        "gateways: url: values may stand behind the host only");
}

static bool read_secret(const setting_pair_t *pair, char **secret, fault_t *fault)
{
    char line[SECRET_BYTES_MAX + 1];
    fault_t why = { 0 };
    if (!secret_file_read(pair->value, line, &why))
        return fault_set_at(fault, pair->line, pair->column, "gateways: headers: %s", why.text);
    *secret = strdup(line);
    explicit_bzero(line, sizeof line);
    return *secret || fault_set(fault, "out of memory");
}

static bool compile_headers(made_gateway_t *self, fault_t *fault)
{
    const setting_pairs_t *pairs = &self->gateway.settings->headers;
    self->values = calloc(pairs->count + 1, sizeof(template_t *));
    self->secrets = calloc(pairs->count + 1, sizeof(char *));
    self->headers = calloc(pairs->count + 1, sizeof *self->headers);
    if (!self->values || !self->secrets || !self->headers)
        return fault_set(fault, "out of memory");
    for (size_t i = 0; i < pairs->count; i++) {
        const setting_pair_t *pair = &pairs->items[i];
        const setting_placed_t text = { pair->value, pair->line, pair->column };
        if (!pair->secret)
            self->values[i] = compile("headers", &text, TEMPLATE_HEADER, fault);
        bool made =
            pair->secret ? read_secret(pair, &self->secrets[i], fault) : self->values[i] != NULL;
        if (!made)
            return false;
        self->headers[i] = (means_header_t){ pair->name, self->values[i], self->secrets[i] };
    }
    self->gateway.headers = self->headers;
    return true;
}

static bool compile_gateway(made_gateway_t *self, const gateway_settings_t *settings,
                            fault_t *fault)
{
    template_place_t place;
    fault_t type = { 0 };
    self->gateway.settings = settings;
    if (settings->body.text && !template_place(settings->type, &place, &type))
        return fault_set_at(fault, settings->line, settings->column, "gateways: %s: type: %s",
                            settings->name, type.text);
    if (!check_host(&settings->url, fault))
        return false;
    self->gateway.url = self->url = compile("url", &settings->url, TEMPLATE_URL, fault);
    if (!self->url)
        return false;
    if (settings->body.text) {
        self->gateway.body = self->body = compile("body", &settings->body, place, fault);
        if (!self->body)
            return false;
    }
    return compile_headers(self, fault);
}

const gateway_t *means_gateway(const means_t *self, const char *name)
{
    for (size_t i = 0; i < self->settings->gateway_count; i++)
        if (strcmp(self->settings->gateways[i].name, name) == 0)
            return &self->gateways[i].gateway;
    return NULL;
}

// ---- mail and commands ----------------------------------------------------------------------

static bool set_mail(means_t *self, fault_t *fault)
{
    const smtp_settings_t *smtp = &self->settings->smtp;
    if (!smtp->line)
        return true;
    self->mail.settings = smtp;
    if (!mail_address_is_good(smtp->from.text))
        return fault_set_at(fault, smtp->from.line, smtp->from.column,
                            "smtp: from: expected local@domain, without quotes, in ASCII");
    if (!smtp->password_file)
        return true;
    self->mail.password = self->password;
    return site_secret("smtp: password_file", smtp->password_file, self->password, fault);
}

const mail_server_t *means_mail(const means_t *self)
{
    return self->mail.settings ? &self->mail : NULL;
}

const command_settings_t *means_command(const means_t *self, const char *name)
{
    for (size_t i = 0; i < self->settings->command_count; i++)
        if (strcmp(self->settings->commands[i].name, name) == 0)
            return &self->settings->commands[i];
    return NULL;
}

// ---- all of them ----------------------------------------------------------------------------

means_t *means_new(const settings_t *settings, fault_t *fault)
{
    owned(means_destroy) means_t *self = calloc(1, sizeof *self);
    if (self) {
        self->settings = settings;
        self->gateways = calloc(settings->gateway_count + 1, sizeof *self->gateways);
    }
    if (!self || !self->gateways) {
        fault_set(fault, "out of memory");
        return NULL;
    }
    for (size_t i = 0; i < settings->gateway_count; i++)
        if (!compile_gateway(&self->gateways[i], &settings->gateways[i], fault))
            return NULL;
    if (!set_mail(self, fault))
        return NULL;
    means_t *given = self;
    self = NULL;
    return given;
}
