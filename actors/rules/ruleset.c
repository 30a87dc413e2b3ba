/*  ruleset -- see ruleset.h: from the entries of a plan to tables. */
#include "actors/rules/ruleset.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "actors/rules/compile.h"
#include "actors/rules/rule_compile.h"
#include "actors/rules/shape.h"
#include "proto/owned.h"

#define RULESET_BYTES_MAX (UINT64_C(2) << 30) // of memory for one compiled plan

struct ruleset {
    atomic_uint references;
    arena_t *arena;
    plan_hash_t hash;
    size_t table_count;
    table_t *tables;
    parse_memo_t *memo; // while it is being built
};

typedef struct {
    ruleset_t *ruleset;
    ruleset_refuse_t *refuse;
    void *context;
    uint32_t window_rows_max;
    arena_t *scratch; // rules of tables while their number is not known
} building_t;

static void refuse(const building_t *self, const plan_entry_t *entry, const fault_t *fault)
{
    // Out of memory is no fault of the entry: the whole ruleset fails.
    if (!self->refuse || arena_failed(self->ruleset->arena))
        return;
    char name[PLAN_NAME_MAX + 1];
    size_t size = entry->name.size < PLAN_NAME_MAX ? entry->name.size : PLAN_NAME_MAX;
    memcpy(name, entry->name.data, size);
    name[size] = '\0';
    self->refuse(self->context, entry->kind, name, fault);
}

static table_t *find_table(const ruleset_t *self, slice_t name)
{
    for (size_t i = 0; i < self->table_count; i++)
        if (slice_is(name, self->tables[i].plan.name))
            return &self->tables[i];
    return NULL;
}

// ---- sources: tables and columns --------------------------------------------------------------

static table_t *add_table(ruleset_t *self, const shape_t *shape)
{
    table_t *tables = arena_grow(self->arena, self->tables, self->table_count, sizeof *tables);
    const char **keys = arena_take(self->arena, (shape->key_count + 1) * sizeof *keys);
    const char **columns = arena_take(self->arena, ROWS_COLUMNS_MAX * sizeof *columns);
    if (!tables || !keys || !columns)
        return NULL;
    self->tables = tables;
    table_t *table = &tables[self->table_count++];
    *table = (table_t){ .arena = self->arena, .memo = self->memo };
    table->plan.name = arena_text(self->arena, shape->table);
    for (unsigned i = 0; i < shape->key_count; i++)
        keys[i] = arena_text(self->arena, shape->keys[i]);
    table->plan.keys = keys;
    table->plan.key_count = shape->key_count;
    table->plan.columns = columns;
    table->plan.lateness_us = shape->lateness_us;
    return arena_failed(self->arena) ? NULL : table;
}

static bool same_keys(const table_t *table, const shape_t *shape)
{
    if (table->plan.key_count != shape->key_count)
        return false;
    for (unsigned i = 0; i < shape->key_count; i++)
        if (!slice_is(shape->keys[i], table->plan.keys[i]))
            return false;
    return true;
}

static bool add_columns(table_t *table, const shape_t *shape, fault_t *fault)
{
    const char **columns = (const char **) table->plan.columns;
    for (unsigned i = 0; i < shape->column_count; i++) {
        slice_t name = shape->columns[i];
        if (table_find_column(&table->plan, name) >= 0)
            continue;
        if (table_find_key(&table->plan, name) >= 0)
            return fault_set(fault, "column \"%.*s\" specified more than once", (int) name.size,
                             (const char *) name.data);
        if (table->plan.column_count == ROWS_COLUMNS_MAX)
            return fault_set(fault, "table \"%s\" has more than %d columns", table->plan.name,
                             ROWS_COLUMNS_MAX);
        if (!(columns[table->plan.column_count] = arena_text(table->arena, name)))
            return fault_set(fault, "out of memory");
        table->plan.column_count++;
    }
    return true;
}

static void add_source(building_t *self, const plan_entry_t *entry)
{
    fault_t fault = { 0 };
    shape_t shape;
    table_t *table = NULL;
    bool good = shape_read(&shape, entry->body, &fault);
    if (good) {
        table = find_table(self->ruleset, shape.table);
        if (!table)
            table = add_table(self->ruleset, &shape);
        good = table != NULL;
    }
    if (good && !same_keys(table, &shape))
        good = fault_set(&fault,
                         "sources of table \"%s\" have to declare the same keys in the same order",
                         table->plan.name);
    if (good && table->plan.lateness_us != shape.lateness_us)
        good = fault_set(&fault, "sources of table \"%s\" have to declare the same lateness",
                         table->plan.name);
    if (!good || !add_columns(table, &shape, &fault))
        refuse(self, entry, &fault);
}

// ---- derived columns --------------------------------------------------------------------------

// "<table>.<column>" to the table and what is behind the dot.
static table_t *split_name(const building_t *self, const plan_entry_t *entry, slice_t *column,
                           fault_t *fault)
{
    const uint8_t *dot = entry->name.size ? memchr(entry->name.data, '.', entry->name.size) : NULL;
    if (!dot) {
        fault_set(fault, "the name of a derived column is <table>.<column>");
        return NULL;
    }
    slice_t name = slice_of(entry->name.data, (size_t) (dot - entry->name.data));
    *column = slice_of(dot + 1, entry->name.size - name.size - 1);
    table_t *table = find_table(self->ruleset, name);
    if (!table)
        fault_set(fault, "relation \"%.*s\" does not exist", (int) name.size,
                  (const char *) name.data);
    return table;
}

static void add_derived(building_t *self, const plan_entry_t *entry)
{
    fault_t fault = { 0 };
    slice_t column;
    table_t *table = split_name(self, entry, &column, &fault);
    bool good = table != NULL;
    if (good && (table_find_column(&table->plan, column) >= 0 ||
                 table_find_key(&table->plan, column) >= 0 || slice_is(column, "ts") ||
                 slice_is(column, "n")))
        good = fault_set(&fault, "column \"%.*s\" specified more than once", (int) column.size,
                         (const char *) column.data);
    if (!good) {
        refuse(self, entry, &fault);
        return;
    }
    derived_text_t *derived =
        arena_grow(table->arena, table->derived, table->derived_count, sizeof *derived);
    const char *name = arena_text(table->arena, column);
    const char *text = arena_text(table->arena, entry->body);
    if (!derived || !name || !text)
        return;
    table->derived = derived;
    derived[table->derived_count++] =
        (derived_text_t){ .name = name, .text = slice_of(text, entry->body.size) };
}

static void compile_derived_entry(building_t *self, const plan_entry_t *entry)
{
    slice_t column;
    fault_t fault;
    table_t *table = split_name(self, entry, &column, &fault);
    derived_text_t *derived = table ? table_find_derived(table, column) : NULL;
    if (!derived)
        return; // refused already
    const expr_t *expr = compile_derived(table, derived, 1);
    if (!expr) {
        refuse(self, entry, &derived->fault);
        return;
    }
    derived_t *list =
        arena_grow(table->arena, table->plan.derived, table->plan.derived_count, sizeof *list);
    if (!list)
        return;
    table->plan.derived = list;
    list[table->plan.derived_count++] = (derived_t){ .name = derived->name, .expr = expr };
}

// ---- rules ------------------------------------------------------------------------------------

// Its table; NULL: refused.
static table_t *make_rule(ruleset_t *self, slice_t name, const rule_t *body, compiled_rule_t *rule,
                          fault_t *fault)
{
    table_t *table = find_table(self, body->on);
    if (!table) {
        fault_set(fault, "relation \"%.*s\" does not exist",
                  (int) (body->on.size < 64 ? body->on.size : 64), (const char *) body->on.data);
        return NULL;
    }
    *rule = (compiled_rule_t){ .name = arena_text(self->arena, name), .rule = *body };
    table_mark_t mark = table_mark(table);
    if (rule->name && rule_compile(table, rule, fault))
        return table;
    table_return(table, mark);
    return NULL;
}

static bool add_rule(building_t *self, slice_t name, const rule_t *body, fault_t *fault)
{
    compiled_rule_t rule;
    table_t *table = make_rule(self->ruleset, name, body, &rule, fault);
    if (!table)
        return false;
    compiled_rule_t *rules =
        arena_grow(self->scratch, table->plan.rules, table->plan.rule_count, sizeof *rules);
    if (!rules) {
        arena_fail(self->ruleset->arena);
        return fault_set(fault, "out of memory");
    }
    table->plan.rules = rules;
    rules[table->plan.rule_count++] = rule;
    return true;
}

static void add_rule_entry(building_t *self, const plan_entry_t *entry)
{
    fault_t fault = { 0 };
    rule_t body = { 0 };
    const char *kept = arena_text(self->ruleset->arena, entry->body);
    if (!kept)
        return;
    if (!rule_decode(&body, slice_of(kept, entry->body.size), &fault) ||
        (body.enabled && !add_rule(self, entry->name, &body, &fault)))
        refuse(self, entry, &fault);
}

// ---- the whole --------------------------------------------------------------------------------

static void finish(table_t *table, uint32_t window_rows_max, size_t plan_rule_count)
{
    size_t bytes = table->plan.rule_count * sizeof *table->plan.rules;
    compiled_rule_t *rules = arena_take(table->arena, bytes);
    if (rules && bytes > 0)
        memcpy(rules, table->plan.rules, bytes);
    table->plan.rules = rules;
    table->memo = NULL;
    table->plan.window_rows_max = window_rows_max;
    table->plan.plan_rule_count = plan_rule_count;
    for (size_t i = 0; i < table->plan.window_count; i++) {
        const window_spec_t *window = &table->plan.windows[i];
        if (window->span_us > table->plan.keep_us)
            table->plan.keep_us = window->span_us;
        if (window->rows > table->plan.keep_rows)
            table->plan.keep_rows = window->rows;
    }
    for (size_t i = 0; rules && i < table->plan.rule_count; i++) {
        const rule_t *rule = &table->plan.rules[i].rule;
        table->plan.has_edges |= rule->emit == RULE_EMIT_EDGE;
        table->plan.recalls |= rule_recalls(&table->plan.rules[i]);
        table->plan.freezes |= rule->freeze;
        table->plan.nodata_us = nodata_sooner(table->plan.nodata_us, rule->nodata_us);
    }
}

static void take_limit(building_t *self, const plan_entry_t *entry)
{
    uint32_t limit = 0;
    for (size_t i = 0; i < entry->body.size && limit <= EXACT_ROWS_MOST; i++) {
        uint8_t digit = entry->body.data[i];
        limit = digit >= '0' && digit <= '9' ? 10 * limit + (digit - '0') : UINT32_MAX;
    }
    fault_t fault = { 0 };
    bool known = slice_is(entry->name, PLAN_WINDOW_ROWS_MAX);
    if (known && limit >= EXACT_ROWS_LEAST && limit <= EXACT_ROWS_MOST) {
        self->window_rows_max = limit;
        return;
    }
    if (known)
        fault_set(&fault, "not a whole number from %d to %d", EXACT_ROWS_LEAST, EXACT_ROWS_MOST);
    else
        fault_set(&fault, "there is no such limit");
    refuse(self, entry, &fault);
}

static void each(building_t *self, const plan_t *plan, plan_kind_t kind,
                 void (*take)(building_t *, const plan_entry_t *))
{
    for (size_t i = 0; i < plan_count(plan); i++) {
        plan_entry_t entry = plan_at(plan, i);
        if (entry.kind == kind)
            take(self, &entry);
    }
}

ruleset_t *ruleset_new(const plan_t *plan, ruleset_refuse_t *told, void *context)
{
    owned(ruleset_destroy) ruleset_t *self = calloc(1, sizeof *self);
    if (!self)
        return NULL;
    atomic_init(&self->references, 1);
    self->arena = arena_new(RULESET_BYTES_MAX);
    self->memo = parse_memo_new();
    if (!self->arena || !self->memo)
        return NULL;
    self->hash = plan_hash(plan);
    building_t building = { .ruleset = self,
                            .refuse = told,
                            .context = context,
                            .window_rows_max = EXACT_ROWS_DEFAULT,
                            .scratch = arena_new(RULESET_BYTES_MAX) };
    if (!building.scratch)
        return NULL;
    each(&building, plan, PLAN_SOURCE, add_source);
    each(&building, plan, PLAN_DERIVE, add_derived);
    each(&building, plan, PLAN_DERIVE, compile_derived_entry);
    each(&building, plan, PLAN_RULE, add_rule_entry);
    each(&building, plan, PLAN_LIMIT, take_limit);
    size_t rules = 0;
    for (size_t i = 0; i < self->table_count; i++)
        rules += self->tables[i].plan.rule_count;
    for (size_t i = 0; i < self->table_count; i++)
        finish(&self->tables[i], building.window_rows_max, rules);
    arena_destroy(&building.scratch);
    parse_memo_destroy(&self->memo);
    if (arena_failed(self->arena))
        return NULL;
    ruleset_t *given = self;
    self = NULL;
    return given;
}

ruleset_t *ruleset_retain(ruleset_t *self)
{
    atomic_fetch_add(&self->references, 1);
    return self;
}

void ruleset_destroy(ruleset_t **self_p)
{
    ruleset_t *self = *self_p;
    if (!self)
        return;
    *self_p = NULL;
    if (atomic_fetch_sub(&self->references, 1) > 1)
        return;
    arena_destroy(&self->arena);
    parse_memo_destroy(&self->memo);
    free(self);
}

plan_hash_t ruleset_hash(const ruleset_t *self)
{
    return self->hash;
}

const table_plan_t *ruleset_table(const ruleset_t *self, slice_t name)
{
    const table_t *table = find_table(self, name);
    return table ? &table->plan : NULL;
}

const table_plan_t *ruleset_table_of(const ruleset_t *self, slice_t series)
{
    const uint8_t *colon = memchr(series.data, ':', series.size);
    size_t size = colon ? (size_t) (colon - series.data) : series.size;
    return ruleset_table(self, slice_of(series.data, size));
}

const table_plan_t *ruleset_at(const ruleset_t *self, size_t index)
{
    return index < self->table_count ? &self->tables[index].plan : NULL;
}

// The plan without its rules: what a rule can see.
static plan_t *plan_without_rules(const plan_t *plan)
{
    owned(plan_destroy) plan_t *bare = plan_new();
    for (size_t i = 0; bare && i < plan_count(plan); i++) {
        plan_entry_t entry = plan_at(plan, i);
        if (entry.kind != PLAN_RULE && !plan_set(bare, entry.kind, entry.name, entry.body, NULL))
            return NULL;
    }
    plan_t *given = bare;
    bare = NULL;
    return given;
}

bool ruleset_check(const plan_t *plan, const char *name, const rule_t *rule, fault_t *fault)
{
    owned(plan_destroy) plan_t *bare = plan_without_rules(plan);
    owned(ruleset_destroy) ruleset_t *ruleset = bare ? ruleset_new(bare, NULL, NULL) : NULL;
    if (!ruleset)
        return fault_set(fault, "out of memory");
    compiled_rule_t made;
    bool good = make_rule(ruleset, slice_text(name), rule, &made, fault) != NULL;
    return !arena_failed(ruleset->arena) ? good : fault_set(fault, "out of memory");
}
