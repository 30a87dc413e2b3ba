/*  checks -- conditions on a value. Pure. */
#include "actors/prep/checks.h"

#include <assert.h>

typedef struct {
    const char *at, *end;
} scan_t;

static void s_skip_space(scan_t *self)
{
    while (self->at < self->end && (*self->at == ' ' || *self->at == '\t'))
        self->at++;
}

static bool s_take(scan_t *self, const char *text)
{
    size_t size = strlen(text);
    s_skip_space(self);
    if ((size_t) (self->end - self->at) < size || strncasecmp(self->at, text, size) != 0)
        return false;
    self->at += size;
    return true;
}

static bool s_number(scan_t *self, decimal_t *value)
{
    s_skip_space(self);
    const char *start = self->at;
    while (self->at < self->end && *self->at != ' ' && *self->at != '\t')
        self->at++;
    return decimal_parse(value, start, (size_t) (self->at - start)) == DECIMAL_EXACT;
}

static bool s_add(check_t *self, check_relation_t relation, decimal_t bound)
{
    if (self->count == CHECK_TERMS_MAX)
        return false;
    self->terms[self->count++] = (check_term_t){ relation, bound };
    return true;
}

static bool s_between(check_t *self, scan_t *scan)
{
    decimal_t low, high;
    return s_number(scan, &low) && s_take(scan, "and ") && s_number(scan, &high) &&
           s_add(self, CHECK_GREATER_EQUAL, low) && s_add(self, CHECK_LESS_EQUAL, high);
}

static bool s_term(check_t *self, scan_t *scan)
{
    static const struct {
        const char *sign;
        check_relation_t relation;
    } SIGNS[] = {
        // the longer ones first
        { "<=", CHECK_LESS_EQUAL }, { ">=", CHECK_GREATER_EQUAL }, { "!=", CHECK_NOT_EQUAL },
        { "<>", CHECK_NOT_EQUAL },  { "<", CHECK_LESS },           { ">", CHECK_GREATER },
        { "=", CHECK_EQUAL },
    };
    if (s_take(scan, "between "))
        return s_between(self, scan);
    for (size_t i = 0; i < sizeof SIGNS / sizeof SIGNS[0]; i++) {
        decimal_t bound;
        if (s_take(scan, SIGNS[i].sign))
            return s_number(scan, &bound) && s_add(self, SIGNS[i].relation, bound);
    }
    return false;
}

bool check_compile(check_t *self, slice_t condition, fault_t *fault)
{
    scan_t scan = { .at = (const char *) condition.data,
                    .end = (const char *) condition.data + condition.size };
    *self = (check_t){ 0 };
    bool good = condition.size <= CHECK_BYTES_MAX && s_term(self, &scan);
    while (good && s_take(&scan, "and "))
        good = s_term(self, &scan);
    s_skip_space(&scan);
    if (good && scan.at == scan.end)
        return true;
    return fault_set(fault,
                     "'%.*s' is no condition; for example '>= 0', '< 10', '!= 0', "
                     "'between 0 and 100', '> 0 and < 1'",
                     (int) (condition.size < 60 ? condition.size : 60),
                     (const char *) condition.data);
}

static bool s_holds(check_relation_t relation, int compared)
{
    switch (relation) {
    case CHECK_LESS:
        return compared < 0;
    case CHECK_LESS_EQUAL:
        return compared <= 0;
    case CHECK_EQUAL:
        return compared == 0;
    case CHECK_NOT_EQUAL:
        return compared != 0;
    case CHECK_GREATER_EQUAL:
        return compared >= 0;
    case CHECK_GREATER:
        return compared > 0;
    }
    assert(false);
    return false;
}

bool check_passes(const check_t *self, decimal_t value)
{
    if (decimal_is_null(value))
        return true;
    for (unsigned i = 0; i < self->count; i++)
        if (!s_holds(self->terms[i].relation, decimal_compare(value, self->terms[i].bound)))
            return false;
    return true;
}
