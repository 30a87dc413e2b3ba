/*  schema_doc -- prints docs/protocol.md from proto/schema.def.
 *
 *  A program of its own, run by people when the schema changed and by the test that compares.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/message.h"

static void print_row(const char *field, const char *type, const char *unit, const char *bounds,
                      const char *sentence)
{
    printf("| `%s` | %s | %s | %s | %s |\n", field, type, unit, bounds, sentence);
}

static void print_table(void)
{
    printf("| field | type | unit | bounds | meaning |\n|---|---|---|---|---|\n");
}

static void print_sized(const char *field, const char *type, const char *word, uint64_t size,
                        const char *sentence)
{
    char bounds[64];
    snprintf(bounds, sizeof bounds, "%s%" PRIu64 " bytes", word, size);
    print_row(field, type, "", bounds, sentence);
}

static void print_unsigned(const char *field, uint64_t least, uint64_t most, uint64_t type_most,
                           const char *unit, const char *sentence)
{
    char bounds[64] = "";
    if (most < type_most)
        snprintf(bounds, sizeof bounds, "%" PRIu64 " to %" PRIu64, least, most);
    else if (least > 0)
        snprintf(bounds, sizeof bounds, "from %" PRIu64, least);
    const char *type = type_most == UINT64_MAX ? "u64" : type_most == UINT32_MAX ? "u32" : "u8";
    print_row(field, type, unit, bounds, sentence);
}

static void print_list(const char *field, const char *element, uint32_t most, const char *sentence)
{
    char type[128], bounds[64];
    snprintf(type, sizeof type, "array of [%s](#%s)", element, element);
    snprintf(bounds, sizeof bounds, "at most %" PRIu32, most);
    print_row(field, type, "", bounds, sentence);
}

static void print_intro(void)
{
    printf("# Protocol\n\n"
           "Printed from `proto/schema.def` by `schema_doc`; do not edit.\n\n"
           "One ZeroMQ frame a message, all of it msgpack. Between actors a frame is the array "
           "`[[%d, id], body]`: protocol version, message id, and the fields of the message as an "
           "array in the order below. Integers may have any msgpack width. A frame with another "
           "version, another number of fields, a value out of bounds or bytes after its end is "
           "refused as a whole.\n",
           MESSAGE_VERSION);
}

static void print_messages(void)
{
    printf("\n# Between actors\n");
#define ELEMENT(name, sentence)                                                                    \
    printf("\n## %s\n\nElement of a list: an array of these fields. %s\n\n", #name, sentence);     \
    print_table();
#define MESSAGE(name, NAME, id, route, sentence)                                                   \
    printf("\n## message %s\n\nId %d, %s. %s\n\n", #name, id, route, sentence);                    \
    print_table();
#define TEXT(field, most, sentence) print_sized(#field, "str", "at most ", most, sentence);
#define BYTES(field, most, sentence) print_sized(#field, "bin", "at most ", most, sentence);
#define FIXED(field, size, sentence) print_sized(#field, "bin", "", size, sentence);
#define U64(field, least, most, unit, sentence)                                                    \
    print_unsigned(#field, least, most, UINT64_MAX, unit, sentence);
#define U32(field, least, most, unit, sentence)                                                    \
    print_unsigned(#field, least, most, UINT32_MAX, unit, sentence);
#define U8(field, least, most, unit, sentence)                                                     \
    print_unsigned(#field, least, most, UINT8_MAX, unit, sentence);
#define I64(field, least, most, unit, sentence)                                                    \
    print_row(#field, "i64", unit, (least) == 0 ? "from 0" : "", sentence);
#define LIST(field, element, most, sentence) print_list(#field, #element, most, sentence);
#define CHECK(condition, sentence) printf("\nRefused if: %s.\n", sentence);
#include "proto/schema.def"
}

static void print_shapes(void)
{
    printf("\n# Inside of bins, and for the world\n\n"
           "Arrays hold their parts in this order; maps have text keys.\n");
#define SHAPE(name, kind, place, sentence)                                                         \
    printf("\n## %s\n\n%s %s; %s. %s\n\n| part | type | unit | meaning |\n|---|---|---|---|\n",    \
           #name, (#kind)[0] == 'a' ? "An" : "A", #kind, place, sentence);
#define PART(name, type, unit, sentence)                                                           \
    printf("| `%s` | %s | %s | %s |\n", #name, type, unit, sentence);
#include "proto/schema.def"
}

int main(void)
{
    print_intro();
    print_messages();
    print_shapes();
    return fflush(stdout) == 0 ? 0 : 1;
}
