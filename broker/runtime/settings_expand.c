/*  settings_expand -- see settings_expand.h. */
#include "broker/runtime/settings_expand.h"

enum { NAME_MAX_BYTES = 128 };

static bool s_is_name(slice_t name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";
    for (size_t i = 0; i < name.size; i++) {
        if (!memchr(letters, name.data[i], sizeof letters - 1))
            return false;
    }
    return name.size > 0 && name.size <= NAME_MAX_BYTES &&
           (name.data[0] < '0' || name.data[0] > '9');
}

// What stands between the braces.
static bool s_expand_one(slice_t inside, settings_environment_t *environment, buffer_t *out,
                         fault_t *fault)
{
    const uint8_t *colon =
        inside.size ? (const uint8_t *) memchr(inside.data, ':', inside.size) : NULL;
    slice_t name = slice_of(inside.data, colon ? (size_t) (colon - inside.data) : inside.size);
    if (!s_is_name(name))
        return fault_set(fault,
                         "'${%.*s}' is no name of an environment variable ('$${' stands for "
                         "'${')",
                         (int) (inside.size < 60 ? inside.size : 60), (const char *) inside.data);
    char variable[NAME_MAX_BYTES + 1] = "";
    memcpy(variable, name.data, name.size);
    const char *value = environment(variable);
    if (value)
        buffer_text(out, value);
    else if (colon)
        buffer_append(out, colon + 1, inside.size - name.size - 1);
    else
        return fault_set(fault, "the environment variable %s is not set and has no default",
                         variable);
    return true;
}

bool settings_expand(slice_t text, settings_environment_t *environment, buffer_t *out,
                     fault_t *fault)
{
    const char *at = (const char *) text.data, *end = at + text.size;
    while (at < end) {
        const char *dollar = (const char *) memchr(at, '$', (size_t) (end - at));
        if (!dollar)
            dollar = end;
        buffer_append(out, at, (size_t) (dollar - at));
        at = dollar;
        if (end - at >= 3 && memcmp(at, "$${", 3) == 0) {
            buffer_text(out, "${");
            at += 3;
        } else if (end - at >= 2 && memcmp(at, "${", 2) == 0) {
            const char *close = (const char *) memchr(at, '}', (size_t) (end - at));
            if (!close)
                return fault_set(fault, "'${' without '}' ('$${' stands for '${')");
            if (!s_expand_one(slice_of(at + 2, (size_t) (close - at) - 2), environment, out, fault))
                return false;
            at = close + 1;
        } else if (at < end) {
            buffer_append(out, at++, 1);
        }
    }
    return true;
}
