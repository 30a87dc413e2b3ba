/*  types -- see types.h. */
#include "actors/rules/types.h"

const char *type_name(type_t type)
{
    switch (type) {
    case TYPE_UNKNOWN:
        return "unknown";
    case TYPE_BOOLEAN:
        return "boolean";
    case TYPE_TEXT:
        return "text";
    case TYPE_TIMESTAMP:
        return "timestamp without time zone";
    case TYPE_INTEGER:
        return "integer";
    case TYPE_BIGINT:
        return "bigint";
    case TYPE_NUMERIC:
        return "numeric";
    case TYPE_DOUBLE:
        return "double precision";
    }
    return "?";
}

bool type_common(const type_t *types, size_t count, type_t *common, size_t *at)
{
    *common = TYPE_UNKNOWN;
    for (size_t i = 0; i < count; i++) {
        bool numbers = type_is_number(types[i]) && type_is_number(*common);
        if (types[i] == TYPE_UNKNOWN || types[i] == *common)
            continue;
        if (*common != TYPE_UNKNOWN && !numbers) {
            *at = i;
            return false;
        }
        if (*common == TYPE_UNKNOWN || types[i] > *common)
            *common = types[i];
    }
    return true;
}
