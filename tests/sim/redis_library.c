/*  redis_library -- FUNCTION, FCALL and EVAL of the simulator's Redis. */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/redis_script.h"

// ---- libraries -----------------------------------------------------------------------------

void script_forget(script_t *self)
{
    for (size_t i = 0; i < self->count; i++)
        self->libraries[i]->loaded = false;
}

static void library_destroy(script_t *script, library_t *self)
{
    for (size_t i = 0; i < self->count; i++) {
        blob_drop(self->functions[i].name);
        luaL_unref(script->lua, LUA_REGISTRYINDEX, self->functions[i].callback);
    }
    free(self->functions);
    blob_drop(self->name);
    blob_drop(self->code);
    free(self);
}

void script_destroy(script_t **self_p)
{
    script_t *self = *self_p;
    if (!self)
        return;
    for (size_t i = 0; i < self->count; i++)
        library_destroy(self, self->libraries[i]);
    free(self->libraries);
    lua_close(self->lua);
    free(self);
    *self_p = NULL;
}

static unsigned flag_of(lua_State *lua, const char *name)
{
    if (strcmp(name, "no-writes") == 0)
        return SCRIPT_READS;
    if (strcmp(name, "allow-oom") == 0)
        return SCRIPT_IN_NEED;
    return (unsigned) luaL_error(lua, "unknown flag given");
}

static unsigned flags_at(lua_State *lua, int at)
{
    unsigned flags = 0;
    for (int i = 1; lua_istable(lua, at); i++) {
        lua_rawgeti(lua, at, i);
        if (lua_isnil(lua, -1)) {
            lua_pop(lua, 1);
            break;
        }
        flags |= flag_of(lua, lua_tostring(lua, -1));
        lua_pop(lua, 1);
    }
    return flags;
}

static const function_t *function_find(const script_t *self, const blob_t *name)
{
    for (size_t i = 0; i < self->count; i++)
        for (size_t k = 0; self->libraries[i]->loaded && k < self->libraries[i]->count; k++)
            if (blob_same(self->libraries[i]->functions[k].name, name))
                return &self->libraries[i]->functions[k];
    return NULL;
}

static library_t *library_find(const script_t *self, const blob_t *name)
{
    for (size_t i = 0; i < self->count; i++)
        if (self->libraries[i]->loaded && blob_same(self->libraries[i]->name, name))
            return self->libraries[i];
    return NULL;
}

int library_register(lua_State *lua)
{
    lua_pushlightuserdata(lua, &sim_redis_installed);
    lua_rawget(lua, LUA_REGISTRYINDEX);
    script_t *script = lua_touserdata(lua, -1);
    lua_pop(lua, 1);
    library_t *self = script->filling;
    if (!lua_istable(lua, 1)) { // (name, callback)
        lua_createtable(lua, 0, 2);
        lua_insert(lua, 1);
        lua_setfield(lua, 1, "callback");
        lua_setfield(lua, 1, "function_name");
    }
    lua_settop(lua, 1);
    lua_getfield(lua, 1, "function_name");
    lua_getfield(lua, 1, "flags");
    lua_getfield(lua, 1, "callback");
    size_t size;
    const char *name = luaL_checklstring(lua, 2, &size);
    luaL_checktype(lua, 4, LUA_TFUNCTION);
    unsigned flags = flags_at(lua, 3);
    self->functions = realloc(self->functions, (self->count + 1) * sizeof *self->functions);
    if (!self->functions)
        abort();
    self->functions[self->count++] =
        (function_t){ blob_new(name, size), luaL_ref(lua, LUA_REGISTRYINDEX), flags };
    return 0;
}

// "#!lua name=NAME" of the first line; NULL: it is not there.
static blob_t *name_of(const blob_t *code)
{
    static const char mark[] = "#!lua name=";
    if (strncmp(code->data, mark, sizeof mark - 1) != 0)
        return NULL;
    const char *name = code->data + sizeof mark - 1;
    return blob_new(name, strcspn(name, " \r\n"));
}

// Run the code of a library. NULL, or why it cannot be loaded.
static redisReply *fill(script_t *self, library_t *library)
{
    lua_State *lua = self->lua;
    const char *rest = strchr(library->code->data, '\n'); // the mark of the first line is no Lua
    size_t skipped = rest ? (size_t) (rest - library->code->data) : library->code->size;
    redisReply *failure = NULL;
    if (luaL_loadbuffer(lua, library->code->data + skipped, library->code->size - skipped,
                        "@user_function") != 0) {
        failure = answer_error("ERR Error compiling function: %s", lua_tostring(lua, -1));
        lua_settop(lua, 0);
        return failure;
    }
    lua_rawgeti(lua, LUA_REGISTRYINDEX, self->environment);
    lua_setfenv(lua, -2);
    script_show(self, self->loading);
    self->filling = library;
    if (lua_pcall(lua, 0, 0, 0) != 0)
        failure = answer_error("ERR Error registering functions: %s", lua_tostring(lua, -1));
    else if (library->count == 0)
        failure = answer_error("ERR No functions registered");
    self->filling = NULL;
    script_show(self, self->running);
    lua_settop(lua, 0);
    return failure;
}

// One that was loaded before with this very text, or a new one. NULL with *failure.
static library_t *library_of(script_t *self, blob_t *code, redisReply **failure)
{
    for (size_t i = 0; i < self->count; i++)
        if (blob_same(self->libraries[i]->code, code))
            return self->libraries[i];
    library_t *made = calloc(1, sizeof *made);
    if (!made)
        abort();
    made->name = name_of(code);
    made->code = blob_keep(code);
    *failure = made->name ? fill(self, made) : answer_error("ERR Missing library metadata");
    if (*failure) {
        library_destroy(self, made);
        return NULL;
    }
    self->libraries = realloc(self->libraries, (self->count + 1) * sizeof *self->libraries);
    if (!self->libraries)
        abort();
    return self->libraries[self->count++] = made;
}

static redisReply *load(script_t *self, blob_t *code, bool replace)
{
    redisReply *failure = NULL;
    library_t *fresh = library_of(self, code, &failure);
    if (!fresh)
        return failure;
    library_t *old = library_find(self, fresh->name);
    if (old && !replace)
        return answer_error("ERR Library '%s' already exists", fresh->name->data);
    if (old)
        old->loaded = false;
    for (size_t i = 0; i < fresh->count; i++)
        if (function_find(self, fresh->functions[i].name)) {
            if (old)
                old->loaded = true;
            return answer_error("ERR Function %s already exists", fresh->functions[i].name->data);
        }
    fresh->loaded = true;
    return NULL;
}

// ---- commands ------------------------------------------------------------------------------

static redisReply *describe(const library_t *self, bool code)
{
    redisReply *answer = answer_array(0);
    redisReply *functions = answer_array(0);
    for (size_t i = 0; i < self->count; i++) {
        redisReply *function = answer_array(2);
        function->element[0] = answer_text("name", 4);
        function->element[1] = answer_blob(self->functions[i].name);
        answer_append(functions, function);
    }
    answer_append(answer, answer_text("library_name", 12));
    answer_append(answer, answer_blob(self->name));
    answer_append(answer, answer_text("engine", 6));
    answer_append(answer, answer_text("LUA", 3));
    answer_append(answer, answer_text("functions", 9));
    answer_append(answer, functions);
    if (code) {
        answer_append(answer, answer_text("library_code", 12));
        answer_append(answer, answer_blob(self->code));
    }
    return answer;
}

static void function_list(call_t *call)
{
    const script_t *self = call->server->script;
    const blob_t *pattern = NULL;
    bool code = false;
    for (size_t i = 2; i < call->count; i++) {
        if (blob_is(call->words[i], "WITHCODE"))
            code = true;
        else if (blob_is(call->words[i], "LIBRARYNAME") && i + 1 < call->count)
            pattern = call->words[++i];
        else
            return call_syntax(call);
    }
    call->reply = answer_array(0);
    for (size_t i = 0; i < self->count; i++) {
        const library_t *library = self->libraries[i];
        if (library->loaded &&
            (!pattern || blob_matches(pattern, library->name->data, library->name->size)))
            answer_append(call->reply, describe(library, code));
    }
}

static void function_load(call_t *call)
{
    bool replace = call->count == 4 && blob_is(call->words[2], "REPLACE");
    if (call->count != (replace ? 4 : 3))
        return call_syntax(call);
    if (call->server->full && !call->server->replaying)
        return call_error(call, "OOM command not allowed when used memory > 'maxmemory'.");
    blob_t *code = call->words[call->count - 1];
    call->reply = load(call->server->script, code, replace);
    if (call->reply)
        return;
    call->changed = true;
    blob_t *name = name_of(code);
    call->reply = answer_blob(name);
    blob_drop(name);
}

static void run_function(call_t *call)
{
    if (blob_is(call->words[1], "LIST"))
        return function_list(call);
    if (blob_is(call->words[1], "LOAD"))
        return function_load(call);
    if (!blob_is(call->words[1], "FLUSH"))
        abort();
    script_forget(call->server->script);
    call->changed = true;
    call_ok(call);
}

// words: FCALL name keys ...; the function of Lua is on the stack.
static void run_script(call_t *call, const char *name, unsigned flags)
{
    script_t *self = call->server->script;
    int64_t keys;
    if (!blob_to_integer(call->words[2], &keys) || keys < 0 || (size_t) keys > call->count - 3) {
        lua_settop(self->lua, 0);
        return call_error(call, "ERR Number of keys can't be greater than number of args");
    }
    self->flags = flags;
    call->reply = script_call(self, name, (size_t) keys, call->count - 3, call->words + 3);
    self->flags = 0;
}

static void run_fcall(call_t *call)
{
    script_t *self = call->server->script;
    const function_t *function = function_find(self, call->words[1]);
    if (!function)
        return call_error(call, "ERR Function not found");
    bool reads = function->flags & SCRIPT_READS;
    if (!reads && call->server->refusal)
        return call_error(call, "%s", call->server->refusal->data);
    if (!reads && blob_is(call->words[0], "FCALL_RO"))
        return call_error(call, "ERR Can not execute a script with write flag using *_ro command.");
    if (!reads && !(function->flags & SCRIPT_IN_NEED) && call->server->full)
        return call_error(call, "OOM allow-oom flag is not set on the script, can not run it when "
                                "used memory > 'maxmemory'");
    lua_rawgeti(self->lua, LUA_REGISTRYINDEX, function->callback);
    run_script(call, function->name->data, function->flags);
}

static void run_eval(call_t *call)
{
    script_t *self = call->server->script;
    lua_State *lua = self->lua;
    if (call->count > 3)
        abort(); // keys and arguments: nobody has any
    if (luaL_loadbuffer(lua, call->words[1]->data, call->words[1]->size, "@user_script") != 0) {
        call->reply = script_failure(lua, "eval");
        return;
    }
    lua_rawgeti(lua, LUA_REGISTRYINDEX, self->environment);
    lua_setfenv(lua, -2);
    run_script(call, "eval", 0);
}

const command_t script_commands[] = {
    { "EVAL", 3, NO_SCRIPT, run_eval },
    { "FCALL", 3, NO_SCRIPT, run_fcall },
    { "FCALL_RO", 3, NO_SCRIPT, run_fcall },
    { "FUNCTION", 2, NO_SCRIPT, run_function },
    { 0 },
};
