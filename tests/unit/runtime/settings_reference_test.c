/*  docs/configuration.md holds the reference as the table of settings prints it. After a change of
 *  the table: `settings_reference_test --print` gives the text between the two marks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "broker/runtime/settings.h"
#include "proto/owned.h"

static const char document[] = "docs/configuration.md"; // tests run at the top of the repository
static const char begin_mark[] = "<!-- reference: begin -->\n\n";
static const char end_mark[] = "<!-- reference: end -->";

static void document_holds_the_table(void **state)
{
    (void) state;
    owned(buffer_destroy) buffer_t text = { 0 }, reference = { 0 };
    FILE *file = fopen(document, "rb");
    if (!file)
        fail_msg("cannot open %s", document);
    uint8_t *room = buffer_extend(&text, 1 << 20);
    assert_non_null(room);
    text.size = fread(room, 1, 1 << 20, file);
    fclose(file);
    const char *begin = strstr(buffer_string(&text), begin_mark);
    assert_non_null(begin);
    begin += strlen(begin_mark);
    const char *end = strstr(begin, end_mark);
    assert_non_null(end);
    assert_true(settings_reference(&reference));
    text.data[end - (const char *) text.data] = '\0';
    assert_string_equal(begin, buffer_string(&reference));
}

int main(int argc, char *argv[])
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        owned(buffer_destroy) buffer_t reference = { 0 };
        if (!settings_reference(&reference))
            return 1;
        fputs(buffer_string(&reference), stdout);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(document_holds_the_table),
    };
    return cmocka_run_group_tests_name("settings_reference", tests, NULL, NULL);
}
