/*  parse -- see parse.h. First the tokens (the scanner does not recurse: it bounds depth and
 *  sees that the text closes what it opened and nothing else), then `SELECT (<text>)`, then our
 *  own tree. */
#include "actors/rules/parse.h"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>

#include "actors/rules/place.h"
#include "actors/rules/ruleset.h"
#include "proto/utf8.h"

enum {
    TOKENS_MAX = 2048,                      // also bounds how deep libpg_query recurses
    PARENTHESES_MAX = 128,                  // open at the same time
    CONVERT_DEPTH_MAX = 2 * RULE_DEPTH_MAX, // the typed tree says the exact limit
    // Bits of frameOptions, as parsenodes.h of PostgreSQL 15 has them.
    FRAME_RANGE = 0x0002,
    FRAME_ROWS = 0x0004,
    FRAME_PRECEDING = 0x0001 | 0x0010 | 0x0800 | 0x1000, // BETWEEN x PRECEDING AND y PRECEDING
};

static const char prefix[] = "SELECT (";

typedef struct {
    arena_t *arena;
    slice_t text;
    fault_t *fault;
} parser_t;

// ---- before the parser ----------------------------------------------------------------------

static bool refuse_error(const parser_t *self, const PgQueryError *error, int before)
{
    if (error->cursorpos <= 0)
        return place_refuse(self->fault, self->text, -1, "%s", error->message);
    int place = place_of_character(self->text, error->cursorpos - before);
    bool at_our_end = (size_t) place >= self->text.size;
    return place_refuse(self->fault, self->text, place, "%s",
                        at_our_end ? "syntax error at end of input" : error->message);
}

static bool check_token(const parser_t *self, const PgQuery__ScanToken *token, int *open)
{
    if (token->token == PG_QUERY__TOKEN__ASCII_59)
        return place_refuse(self->fault, self->text, token->start, "syntax error at or near \";\"");
    *open +=
        (token->token == PG_QUERY__TOKEN__ASCII_40) - (token->token == PG_QUERY__TOKEN__ASCII_41);
    if (*open < 0)
        return place_refuse(self->fault, self->text, token->start, "syntax error at or near \")\"");
    return *open <= PARENTHESES_MAX ||
           place_refuse(self->fault, self->text, token->start,
                        "more than %d parentheses inside each other", PARENTHESES_MAX);
}

static bool check_tokens(const parser_t *self, const char *text)
{
    PgQueryScanResult result = pg_query_scan(text);
    bool good = false;
    if (result.error) {
        refuse_error(self, result.error, 0);
    } else {
        PgQuery__ScanResult *scan = pg_query__scan_result__unpack(
            NULL, result.pbuf.len, (const uint8_t *) result.pbuf.data);
        good = scan != NULL;
        if (!scan)
            arena_fail(self->arena); // no fault of the text
        if (scan && scan->n_tokens > TOKENS_MAX)
            good = fault_set(self->fault, "condition too large: more than %d words", TOKENS_MAX);
        int open = 0;
        for (size_t i = 0; good && i < scan->n_tokens; i++)
            good = check_token(self, scan->tokens[i], &open);
        if (scan)
            pg_query__scan_result__free_unpacked(scan, NULL);
    }
    pg_query_free_scan_result(result);
    return good;
}

// ---- the tree -------------------------------------------------------------------------------

static const syntax_t *convert(const parser_t *self, const PgQuery__Node *node, int depth);

// A place in the query to a place in the text; -1: none.
static int place_of(int location)
{
    int before = (int) strlen(prefix);
    return location < 0 ? -1 : location < before ? 0 : location - before;
}

static const syntax_t *refuse(const parser_t *self, int location, const char *message)
{
    place_refuse(self->fault, self->text, place_of(location), "%s", message);
    return NULL;
}

static syntax_t *make(const parser_t *self, syntax_kind_t kind, int location, size_t count)
{
    syntax_t *made = arena_take(self->arena, sizeof *made);
    const syntax_t **operands = arena_take(self->arena, (count ? count : 1) * sizeof *operands);
    if (!made || !operands) {
        fault_set(self->fault, "out of memory");
        return NULL;
    }
    made->kind = kind;
    made->place = place_of(location);
    made->operands = operands;
    made->count = count;
    return made;
}

static const char *keep(const parser_t *self, const char *text)
{
    return arena_text(self->arena, slice_text(text));
}

// A node with these nodes as operands; NULL nodes stay NULL operands.
static syntax_t *make_of(const parser_t *self, syntax_kind_t kind, int location, size_t count,
                         PgQuery__Node *const *nodes, int depth)
{
    syntax_t *made = make(self, kind, location, count);
    for (size_t i = 0; made && i < count; i++)
        if (nodes[i] && !(made->operands[i] = convert(self, nodes[i], depth)))
            return NULL;
    return made;
}

static const char *string_of(const PgQuery__Node *node)
{
    return node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval : "*";
}

// The last of a list of names is the name; the one before it qualifies.
static bool name_it(const parser_t *self, syntax_t *made, size_t count, PgQuery__Node *const *names)
{
    if (count == 0 || count > 2)
        return refuse(self, made->place + (int) strlen(prefix), "a name has too many parts");
    made->text = keep(self, string_of(names[count - 1]));
    if (count == 2)
        made->qualifier = keep(self, string_of(names[0]));
    return made->text != NULL;
}

static const syntax_t *convert_constant(const parser_t *self, const PgQuery__AConst *node)
{
    syntax_t *made = make(self, SYNTAX_NULL, node->location, 0);
    if (!made || node->isnull)
        return made;
    switch (node->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        made->kind = SYNTAX_NUMBER;
        made->text = arena_printf(self->arena, "%d", node->ival->ival);
        return made;
    case PG_QUERY__A__CONST__VAL_FVAL:
        made->kind = SYNTAX_NUMBER;
        made->text = keep(self, node->fval->fval);
        return made;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        made->kind = node->boolval->boolval ? SYNTAX_TRUE : SYNTAX_FALSE;
        return made;
    case PG_QUERY__A__CONST__VAL_SVAL:
        made->kind = SYNTAX_STRING;
        made->text = keep(self, node->sval->sval);
        return made;
    default:
        return refuse(self, node->location, "bit strings are not supported in a condition");
    }
}

// Operators and what is written like one.
static const struct {
    PgQuery__AExprKind pg;
    syntax_kind_t kind;
    bool negated, symmetric;
} operators[] = {
    { PG_QUERY__A__EXPR__KIND__AEXPR_OP, SYNTAX_OPERATOR, false, false },
    { PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT, SYNTAX_DISTINCT, false, false },
    { PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT, SYNTAX_DISTINCT, true, false },
    { PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF, SYNTAX_NULLIF, false, false },
    { PG_QUERY__A__EXPR__KIND__AEXPR_IN, SYNTAX_IN, false, false },
    { PG_QUERY__A__EXPR__KIND__AEXPR_LIKE, SYNTAX_LIKE, false, false },
    { PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN, SYNTAX_BETWEEN, false, false },
    { PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN, SYNTAX_BETWEEN, true, false },
    { PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN_SYM, SYNTAX_BETWEEN, false, true },
    { PG_QUERY__A__EXPR__KIND__AEXPR_NOT_BETWEEN_SYM, SYNTAX_BETWEEN, true, true },
};

static const syntax_t *convert_expression(const parser_t *self, const PgQuery__AExpr *node,
                                          int depth)
{
    size_t which = 0, count = sizeof operators / sizeof operators[0];
    while (which < count && operators[which].pg != node->kind)
        which++;
    if (which == count)
        return refuse(self, node->location,
                      "ANY, ALL, ILIKE and SIMILAR TO are not supported in a condition");
    if (node->n_name != 1 || !node->rexpr)
        return refuse(self, node->location, "this operator is not supported in a condition");
    PgQuery__Node *const *right = &node->rexpr;
    size_t rights = 1, lefts = node->lexpr ? 1 : 0;
    if (node->rexpr->node_case == PG_QUERY__NODE__NODE_LIST) {
        right = node->rexpr->list->items;
        rights = node->rexpr->list->n_items;
    }
    PgQuery__Node **sides = arena_take(self->arena, (lefts + rights) * sizeof *sides);
    if (!sides)
        return refuse(self, -1, "out of memory");
    sides[0] = node->lexpr;
    memcpy(sides + lefts, right, rights * sizeof *sides);
    syntax_t *made =
        make_of(self, operators[which].kind, node->location, lefts + rights, sides, depth);
    if (!made)
        return NULL;
    made->text = keep(self, string_of(node->name[0]));
    bool named = made->kind == SYNTAX_IN || made->kind == SYNTAX_LIKE; // "<>", "!~~"
    made->negated = operators[which].negated || (named && made->text && strchr("<!", *made->text));
    made->symmetric = operators[which].symmetric;
    return made->text ? made : NULL;
}

// Operands: what is compared or NULL, ELSE or NULL, then WHEN and THEN by turns.
static const syntax_t *convert_case(const parser_t *self, const PgQuery__CaseExpr *node, int depth)
{
    size_t count = 2 + 2 * node->n_args;
    PgQuery__Node **parts = arena_take(self->arena, count * sizeof *parts);
    if (!parts)
        return refuse(self, -1, "out of memory");
    parts[0] = node->arg;
    parts[1] = node->defresult;
    for (size_t i = 0; i < node->n_args; i++) {
        parts[2 + 2 * i] = node->args[i]->case_when->expr;
        parts[3 + 2 * i] = node->args[i]->case_when->result;
    }
    return make_of(self, SYNTAX_CASE, node->location, count, parts, depth);
}

static const over_t *convert_over(const parser_t *self, const PgQuery__WindowDef *node, int depth)
{
    over_t *made = arena_take(self->arena, sizeof *made);
    if (!made)
        return NULL;
    made->place = place_of(node->location);
    if (node->name && *node->name)
        return (made->name = keep(self, node->name)) ? made : NULL;
    if (node->refname && *node->refname)
        return (const over_t *) refuse(self, node->location,
                                       "cannot copy a window that has a frame clause");
    made->by_rows = node->frame_options & FRAME_ROWS;
    int wanted = FRAME_PRECEDING | (made->by_rows ? FRAME_ROWS : FRAME_RANGE);
    if (node->frame_options != wanted)
        return (const over_t *) refuse(
            self, node->location,
            "a window has to be BETWEEN <start> PRECEDING AND <end> PRECEDING: it ends before "
            "the current row (RANGE: INTERVAL '1 microsecond', ROWS: 1)");
    syntax_t *partition = make_of(self, SYNTAX_AND, node->location, node->n_partition_clause,
                                  node->partition_clause, depth);
    syntax_t *order = make(self, SYNTAX_AND, node->location, node->n_order_clause);
    for (size_t i = 0; partition && order && i < node->n_order_clause; i++) {
        const PgQuery__SortBy *by = node->order_clause[i]->sort_by;
        if (by->sortby_dir > PG_QUERY__SORT_BY_DIR__SORTBY_ASC || by->sortby_nulls > 1)
            return (const over_t *) refuse(self, node->location,
                                           "a window has to be in ascending order of ts");
        if (!(order->operands[i] = convert(self, by->node, depth)))
            return NULL;
    }
    if (!partition || !order || !(made->from = convert(self, node->start_offset, depth)) ||
        !(made->to = convert(self, node->end_offset, depth)))
        return NULL;
    made->partition = partition->operands;
    made->partition_count = partition->count;
    made->order = order->operands;
    made->order_count = order->count;
    return made;
}

static const syntax_t *convert_call(const parser_t *self, const PgQuery__FuncCall *node, int depth)
{
    if (node->n_agg_order || node->agg_within_group)
        return refuse(self, node->location, "ORDER BY inside an aggregate is not supported");
    if (node->agg_filter)
        return refuse(self, node->location,
                      "FILTER is not supported: use CASE inside the aggregate");
    if (node->agg_distinct)
        return refuse(self, node->location, "DISTINCT is not implemented for window functions");
    if (node->func_variadic)
        return refuse(self, node->location, "VARIADIC is not supported in a condition");
    syntax_t *made = make_of(self, SYNTAX_CALL, node->location, node->n_args, node->args, depth);
    if (!made || !name_it(self, made, node->n_funcname, node->funcname))
        return NULL;
    made->star = node->agg_star;
    if (node->over && !(made->over = convert_over(self, node->over, depth)))
        return NULL;
    return made;
}

static const syntax_t *convert_cast(const parser_t *self, const PgQuery__TypeCast *node, int depth)
{
    const PgQuery__TypeName *type = node->type_name;
    int location = node->location >= 0 ? node->location : type->location;
    if (type->n_typmods || type->n_array_bounds || type->setof || type->pct_type)
        return refuse(self, location,
                      "casts to a type with a length or of arrays are not supported");
    syntax_t *made = make_of(self, SYNTAX_CAST, location, 1, &node->arg, depth);
    return made && name_it(self, made, type->n_names, type->names) ? made : NULL;
}

static const syntax_t *convert_column(const parser_t *self, const PgQuery__ColumnRef *node)
{
    syntax_t *made = make(self, SYNTAX_COLUMN, node->location, 0);
    return made && name_it(self, made, node->n_fields, node->fields) ? made : NULL;
}

// IS [NOT] TRUE, FALSE, UNKNOWN: in this order, each with its NOT after it.
static const syntax_t *convert_truth_test(const parser_t *self, const PgQuery__BooleanTest *node,
                                          int depth)
{
    static const syntax_kind_t kinds[] = { SYNTAX_IS_TRUE, SYNTAX_IS_FALSE, SYNTAX_IS_UNKNOWN };
    unsigned test = (unsigned) node->booltesttype - PG_QUERY__BOOL_TEST_TYPE__IS_TRUE;
    if (test > 5)
        return refuse(self, node->location, "this test is not supported in a condition");
    syntax_t *made = make_of(self, kinds[test / 2], node->location, 1, &node->arg, depth);
    if (made)
        made->negated = test % 2;
    return made;
}

static const syntax_t *convert(const parser_t *self, const PgQuery__Node *node, int depth)
{
    syntax_t *made;
    static const syntax_kind_t logic[] = { SYNTAX_AND, SYNTAX_AND, SYNTAX_OR, SYNTAX_NOT };
    if (++depth > CONVERT_DEPTH_MAX)
        return refuse(self, -1, "condition too deep");
    switch ((int) node->node_case) {
    case PG_QUERY__NODE__NODE_A_CONST:
        return convert_constant(self, node->a_const);
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return convert_column(self, node->column_ref);
    case PG_QUERY__NODE__NODE_A_EXPR:
        return convert_expression(self, node->a_expr, depth);
    case PG_QUERY__NODE__NODE_BOOL_EXPR:
        return make_of(self, logic[node->bool_expr->boolop & 3], node->bool_expr->location,
                       node->bool_expr->n_args, node->bool_expr->args, depth);
    case PG_QUERY__NODE__NODE_NULL_TEST:
        made = make_of(self, SYNTAX_IS_NULL, node->null_test->location, 1, &node->null_test->arg,
                       depth);
        if (made)
            made->negated = node->null_test->nulltesttype == PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL;
        return made;
    case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
        return convert_truth_test(self, node->boolean_test, depth);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        return convert_case(self, node->case_expr, depth);
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return make_of(self, SYNTAX_COALESCE, node->coalesce_expr->location,
                       node->coalesce_expr->n_args, node->coalesce_expr->args, depth);
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return make_of(self,
                       node->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_LEAST ? SYNTAX_LEAST
                                                                                : SYNTAX_GREATEST,
                       node->min_max_expr->location, node->min_max_expr->n_args,
                       node->min_max_expr->args, depth);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return convert_call(self, node->func_call, depth);
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        return convert_cast(self, node->type_cast, depth);
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return refuse(
            self, node->sub_link->location,
            "subqueries are not supported in a condition: it sees one row and the windows of "
            "its series; joins with others are not in this version");
    case PG_QUERY__NODE__NODE_PARAM_REF:
        return refuse(self, node->param_ref->location,
                      "parameters are not supported in a condition");
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        return refuse(self, node->row_expr->location,
                      "a condition has to be one expression, not a list");
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return refuse(self, node->sqlvalue_function->location,
                      "a condition reads no clock and no session");
    default: // PostgreSQL has some 60 further kinds of expression
        return refuse(self, -1, "this kind of expression is not supported in a condition");
    }
}

// ---- the text -------------------------------------------------------------------------------

// `SELECT <one value>`. The text closed all it opened and nothing else, so no clause can follow.
static const syntax_t *convert_query(const parser_t *self, const PgQuery__ParseResult *query)
{
    const PgQuery__Node *node = query->n_stmts == 1 ? query->stmts[0]->stmt : NULL;
    if (!node || node->node_case != PG_QUERY__NODE__NODE_SELECT_STMT ||
        node->select_stmt->n_target_list != 1)
        return refuse(self, -1, "a condition has to be exactly one expression");
    return convert(self, node->select_stmt->target_list[0]->res_target->val, 0);
}

static const syntax_t *parse_text(const parser_t *self, const char *query)
{
    PgQueryProtobufParseResult result = pg_query_parse_protobuf(query);
    const syntax_t *made = NULL;
    if (result.error) {
        refuse_error(self, result.error, (int) strlen(prefix));
    } else {
        PgQuery__ParseResult *parsed = pg_query__parse_result__unpack(
            NULL, result.parse_tree.len, (const uint8_t *) result.parse_tree.data);
        made = parsed ? convert_query(self, parsed) : NULL;
        if (parsed)
            pg_query__parse_result__free_unpacked(parsed, NULL);
        else
            arena_fail(self->arena);
    }
    pg_query_free_protobuf_parse_result(result);
    return made;
}

const syntax_t *parse_condition(arena_t *arena, slice_t text, fault_t *fault)
{
    parser_t self = { .arena = arena, .text = text, .fault = fault };
    if (text.size > RULE_TEXT_MAX) {
        fault_set(fault, "condition too large: more than %d bytes", RULE_TEXT_MAX);
        return NULL;
    }
    if (!utf8_valid(text) || (text.size && memchr(text.data, 0, text.size)))
        return refuse(&self, -1, "invalid byte sequence for encoding \"UTF8\"");
    // A line end in front of our parenthesis, or a comment at the end of the text swallows it.
    const char *query =
        arena_printf(arena, "%s%.*s\n)", prefix, (int) text.size, (const char *) text.data);
    if (!query)
        return refuse(&self, -1, "out of memory");
    char *alone = arena_text(arena, text);
    if (!alone || !check_tokens(&self, alone))
        return NULL;
    return parse_text(&self, query);
}

bool parse_reserved(const char *name)
{
    PgQueryScanResult result = pg_query_scan(name);
    PgQuery__ScanResult *scan = NULL;
    if (!result.error)
        scan = pg_query__scan_result__unpack(NULL, result.pbuf.len,
                                             (const uint8_t *) result.pbuf.data);
    bool plain = scan && scan->n_tokens == 1 &&
                 scan->tokens[0]->keyword_kind <= PG_QUERY__KEYWORD_KIND__UNRESERVED_KEYWORD;
    if (scan)
        pg_query__scan_result__free_unpacked(scan, NULL);
    pg_query_free_scan_result(result);
    return !plain;
}
