/*  Any bytes as the answer of an API: a proposal that is a good configuration with a mapping that
 *  compiles, or a reason why there is none.
 */
#include <stdlib.h>

#include "actors/infer/infer.h"
#include "actors/prep/mapping.h"

static void check(slice_t yaml)
{
    fault_t fault = { 0 };
    buffer_t definition = { 0 };
    settings_t *settings = settings_parse((const char *) yaml.data, yaml.size, &fault);
    if (!settings || settings->source_count != 1 || settings->rule_count != 1)
        abort();
    if (!mapping_define(&settings->sources[0], &definition))
        abort();
    mapping_t *mapping = mapping_new(buffer_slice(&definition), &fault);
    if (!mapping)
        abort();
    mapping_destroy(&mapping);
    buffer_destroy(&definition);
    settings_destroy(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const infer_origin_t origin = { "https://example.org/a", "example.org", true };
    buffer_t shape = { 0 }, yaml = { 0 };
    fault_t fault = { 0 };
    switch (infer(slice_of(data, size), &origin, &shape, &yaml, &fault)) {
    case INFER_GOOD:
        check(buffer_slice(&yaml));
        break;
    case INFER_NOTHING:
        if (!fault.text[0] || yaml.size > 0)
            abort();
        break;
    case INFER_NO_MEMORY:
        break;
    }
    for (size_t i = 0; i < shape.size; i++) // no control character of a stranger on a terminal
        if (shape.data[i] != '\n' && (shape.data[i] < ' ' || shape.data[i] > '~'))
            abort();
    buffer_destroy(&shape);
    buffer_destroy(&yaml);
    return 0;
}
