/*  settings_table -- every setting there is: name, type, bounds, default and what it is for.
 *
 *  Private to broker/runtime. One row of the table is all that a plain setting needs; the
 *  reference in docs/configuration.md is printed from it.
 */
#pragma once
#include "broker/runtime/settings.h"

typedef enum {
    IN_FILE,    // top level; target is settings_t
    IN_LISTEN,  // target is settings_t
    IN_SOURCE,  // target is source_t
    IN_PAGES,   // target is source_t
    IN_RULE,    // target is rule_settings_t
    IN_SMTP,    // target is smtp_settings_t
    IN_GATEWAY, // target is gateway_settings_t
    IN_COMMAND, // target is command_settings_t
} setting_section_t;

typedef enum {
    SETTING_TEXT,       // const char *; bounds are bytes
    SETTING_NAME,       // the same, letters digits . _ -
    SETTING_IDENTIFIER, // the same, [a-z][a-z0-9_]*
    SETTING_SQL,        // the same; the reader also remembers its place
    SETTING_ENDPOINT,   // the same; where we may listen
    SETTING_HOST,       // the same; a name or an address, without a port
    SETTING_STORE,      // the same; where Redis is
    SETTING_STAGE,      // the same; where the stage is
    SETTING_URL,        // the same, and the kind of the source
    SETTING_PLACED,     // setting_placed_t; bounds are bytes
    SETTING_BOOLEAN,    // bool
    SETTING_COUNT,      // uint32_t; bounds are values
    SETTING_DURATION,   // int64_t, microseconds; bounds are values
    SETTING_BUDGET,     // budget_t
    SETTING_FLAP,       // budget_t, of changes
    SETTING_POINTER,    // const char *; a JSON Pointer
    SETTING_CHARACTER,  // char
    SETTING_FORMAT,     // source_format_t
    SETTING_ORDER,      // bool newest_first
    SETTING_PAIRS,      // setting_pairs_t of identifiers; bounds are counts
    SETTING_HEADERS,    // setting_pairs_t of header names
    SETTING_QUERY,      // setting_pairs_t of any names
    SETTING_PAGES,      // of a source, a map: IN_PAGES
    SETTING_BUDGETS,    // of the file: a map from host to budget
    SETTING_TIME,       // of a source
    SETTING_JQ,         // const char *; the reader also remembers its place
    SETTING_ONLY,       // setting_pairs_t from places to texts
    SETTING_MISSING,    // of a source: a list of texts
    SETTING_REQUIRED,   // of a source: a list of columns
    SETTING_IDENTITY,   // of a source
    SETTING_SHARDS,     // of a source: a number, or a list/number
    SETTING_EMIT,       // const char *
    SETTING_LISTEN,     // a map: IN_LISTEN
    SETTING_SOURCES,    // a list of maps: IN_SOURCE
    SETTING_DERIVE,     // a map of maps
    SETTING_RULES,      // a map of maps: IN_RULE
    SETTING_MEANS,      // of the file: smtp, gateways or commands, a map
    SETTING_NOT_YET,    // recognised and refused
} setting_type_t;

typedef struct {
    setting_section_t section;
    const char *name;
    setting_type_t type;
    size_t offset;       // of the field in the target
    int64_t least, most; // bounds; both 0 = the only value this version takes is "0s"
    bool required;
    const char *initial; // default as text, NULL = none
    const char *help;    // one or two sentences, Markdown
} setting_t;

extern const setting_t settings_table[];
extern const size_t settings_table_count;

const setting_t *settings_table_find(setting_section_t section, const char *name); // or NULL
// The name that is most like this one, or NULL if none is near.
const char *settings_table_nearest(setting_section_t section, const char *name);
