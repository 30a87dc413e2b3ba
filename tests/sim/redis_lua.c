/*  redis_lua -- functions of the simulator's Redis, in a Lua 5.1 as the real one has it.
 *
 *  What a script sees: while its library loads, redis.register_function and nothing else; then
 *  redis.call, redis.pcall and the harmless part of Lua's own library. Numbers go to Redis as
 *  %.17g and come back cut to integers, a table ends at its first nil, nil is false.
 *  redis_library.c knows which libraries are loaded.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/redis_script.h"

// ---- answers to Lua ------------------------------------------------------------------------

static void push_field(lua_State *lua, const char *name, const redisReply *reply)
{
    lua_createtable(lua, 0, 1);
    lua_pushlstring(lua, reply->str, reply->len);
    lua_setfield(lua, -2, name);
}

static void push_reply(lua_State *lua, const redisReply *reply)
{
    luaL_checkstack(lua, 4, "an answer nested too deeply");
    switch (reply->type) {
    case REDIS_REPLY_STRING:
        lua_pushlstring(lua, reply->str, reply->len);
        return;
    case REDIS_REPLY_INTEGER:
        lua_pushnumber(lua, (lua_Number) reply->integer);
        return;
    case REDIS_REPLY_NIL:
        lua_pushboolean(lua, 0);
        return;
    case REDIS_REPLY_STATUS:
        push_field(lua, "ok", reply);
        return;
    case REDIS_REPLY_ERROR:
        push_field(lua, "err", reply);
        return;
    case REDIS_REPLY_ARRAY:
        lua_createtable(lua, (int) reply->elements, 0);
        for (size_t i = 0; i < reply->elements; i++) {
            push_reply(lua, reply->element[i]);
            lua_rawseti(lua, -2, (int) i + 1);
        }
        return;
    }
    abort();
}

// ---- Lua's values as answers ---------------------------------------------------------------

static redisReply *take_value(lua_State *lua, int at);

static redisReply *take_array(lua_State *lua, int at)
{
    redisReply *answer = answer_array(0);
    for (int i = 1;; i++) {
        lua_rawgeti(lua, at, i);
        bool end = lua_isnil(lua, -1);
        if (!end)
            answer_append(answer, take_value(lua, lua_gettop(lua)));
        lua_pop(lua, 1);
        if (end)
            return answer;
    }
}

static redisReply *take_table(lua_State *lua, int at)
{
    static const struct {
        const char *name;
        int type;
    } kinds[] = { { "err", REDIS_REPLY_ERROR }, { "ok", REDIS_REPLY_STATUS } };
    for (size_t i = 0; i < 2; i++) {
        lua_pushstring(lua, kinds[i].name);
        lua_rawget(lua, at);
        redisReply *answer = NULL;
        if (lua_type(lua, -1) == LUA_TSTRING) {
            answer = answer_text(lua_tostring(lua, -1), lua_objlen(lua, -1));
            answer->type = kinds[i].type;
        }
        lua_pop(lua, 1);
        if (answer)
            return answer;
    }
    return take_array(lua, at);
}

static redisReply *take_value(lua_State *lua, int at)
{
    if (!lua_checkstack(lua, 4))
        abort();
    switch (lua_type(lua, at)) {
    case LUA_TSTRING:
        return answer_text(lua_tostring(lua, at), lua_objlen(lua, at));
    case LUA_TNUMBER:
        return answer_integer((long long) lua_tonumber(lua, at));
    case LUA_TBOOLEAN:
        return lua_toboolean(lua, at) ? answer_integer(1) : answer_nil();
    case LUA_TTABLE:
        return take_table(lua, at);
    }
    return answer_nil();
}

// ---- redis.call ----------------------------------------------------------------------------

static script_t *script_of(lua_State *lua)
{
    lua_pushlightuserdata(lua, &sim_redis_installed);
    lua_rawget(lua, LUA_REGISTRYINDEX);
    script_t *self = lua_touserdata(lua, -1);
    lua_pop(lua, 1);
    return self;
}

static redisReply *call_redis(lua_State *lua, script_t *self)
{
    int count = lua_gettop(lua);
    words_t words = { 0 };
    if (count == 0)
        return answer_error("ERR Please specify at least one argument for this redis.call()");
    for (int i = 1; i <= count; i++) {
        int type = lua_type(lua, i);
        if (type == LUA_TNUMBER) {
            words_add(&words, blob_number(lua_tonumber(lua, i)));
        } else if (type == LUA_TSTRING) {
            words_add(&words, blob_new(lua_tostring(lua, i), lua_objlen(lua, i)));
        } else {
            words_clear(&words);
            return answer_error("ERR Lua redis lib command arguments must be strings or integers");
        }
    }
    const command_t *command = command_find(words.words[0]);
    redisReply *reply;
    if (command && (command->flags & WRITES) && (self->flags & SCRIPT_READS))
        reply = answer_error("ERR Write commands are not allowed from read-only scripts.");
    else
        reply = command_inside(self->server, words.count, words.words, true);
    words_clear(&words);
    return reply;
}

static int lua_redis_pcall(lua_State *lua)
{
    redisReply *reply = call_redis(lua, script_of(lua));
    lua_settop(lua, 0);
    push_reply(lua, reply);
    freeReplyObject(reply);
    return 1;
}

static int lua_redis_call(lua_State *lua)
{
    redisReply *reply = call_redis(lua, script_of(lua));
    bool failed = reply->type == REDIS_REPLY_ERROR;
    lua_settop(lua, 0);
    push_reply(lua, reply);
    freeReplyObject(reply);
    return failed ? lua_error(lua) : 1;
}

static int one_field(lua_State *lua, const char *name)
{
    const char *text = luaL_checkstring(lua, 1);
    lua_createtable(lua, 0, 1);
    if (strcmp(name, "err") == 0 && !strchr(text, ' '))
        lua_pushfstring(lua, "ERR %s", text);
    else
        lua_pushvalue(lua, 1);
    lua_setfield(lua, -2, name);
    return 1;
}

static int lua_error_reply(lua_State *lua)
{
    return one_field(lua, "err");
}

static int lua_status_reply(lua_State *lua)
{
    return one_field(lua, "ok");
}

static int lua_no_global(lua_State *lua)
{
    return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'",
                      lua_tostring(lua, 2));
}

static int lua_read_only(lua_State *lua)
{
    return luaL_error(lua, "Attempt to modify a readonly table");
}

// ---- what a script sees --------------------------------------------------------------------

// A metatable for the table on top: what is not there and what is new are errors.
static void protect(lua_State *lua)
{
    lua_createtable(lua, 0, 2);
    lua_pushcfunction(lua, lua_no_global);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, lua_read_only);
    lua_setfield(lua, -2, "__newindex");
    lua_setmetatable(lua, -2);
}

static int make_running(lua_State *lua)
{
    static const char *const kept[] = {
        "assert",   "error",  "getmetatable", "ipairs", "next",     "pairs",    "pcall",
        "rawequal", "rawget", "rawset",       "select", "tonumber", "tostring", "type",
        "unpack",   "xpcall", "string",       "table",  "math",     "coroutine"
    };
    static const luaL_Reg calls[] = { { "call", lua_redis_call },
                                      { "pcall", lua_redis_pcall },
                                      { "error_reply", lua_error_reply },
                                      { "status_reply", lua_status_reply },
                                      { NULL, NULL } };
    lua_newtable(lua);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        lua_getglobal(lua, kept[i]);
        lua_setfield(lua, -2, kept[i]);
    }
    lua_newtable(lua);
    luaL_register(lua, NULL, calls);
    lua_setfield(lua, -2, "redis");
    protect(lua);
    return luaL_ref(lua, LUA_REGISTRYINDEX);
}

static int make_loading(lua_State *lua)
{
    lua_newtable(lua);
    lua_newtable(lua);
    lua_pushcfunction(lua, library_register);
    lua_setfield(lua, -2, "register_function");
    lua_setfield(lua, -2, "redis");
    protect(lua);
    return luaL_ref(lua, LUA_REGISTRYINDEX);
}

// Functions keep the environment that they were made in, hence one that changes what is behind it.
static void make_environment(script_t *self)
{
    lua_State *lua = self->lua;
    lua_newtable(lua);
    lua_createtable(lua, 0, 2);
    lua_pushcfunction(lua, lua_read_only);
    lua_setfield(lua, -2, "__newindex");
    lua_pushvalue(lua, -1);
    self->behind = luaL_ref(lua, LUA_REGISTRYINDEX);
    lua_setmetatable(lua, -2);
    self->environment = luaL_ref(lua, LUA_REGISTRYINDEX);
}

void script_show(script_t *self, int what)
{
    lua_rawgeti(self->lua, LUA_REGISTRYINDEX, self->behind);
    lua_rawgeti(self->lua, LUA_REGISTRYINDEX, what);
    lua_setfield(self->lua, -2, "__index");
    lua_pop(self->lua, 1);
}

script_t *script_new(sim_redis_t *server)
{
    script_t *self = calloc(1, sizeof *self);
    if (!self || !(self->lua = luaL_newstate()))
        abort();
    self->server = server;
    luaL_openlibs(self->lua);
    lua_pushlightuserdata(self->lua, &sim_redis_installed);
    lua_pushlightuserdata(self->lua, self);
    lua_rawset(self->lua, LUA_REGISTRYINDEX);
    self->running = make_running(self->lua);
    self->loading = make_loading(self->lua);
    make_environment(self);
    script_show(self, self->running);
    return self;
}

// ---- calling -------------------------------------------------------------------------------

redisReply *script_failure(lua_State *lua, const char *name)
{
    redisReply *answer;
    if (lua_istable(lua, -1))
        lua_getfield(lua, -1, "err");
    else
        lua_pushvalue(lua, -1);
    const char *text = lua_tostring(lua, -1);
    const char *prefix = lua_istable(lua, -2) ? "" : "ERR ";
    answer = answer_error("%s%s script: %s, on @user_function.", prefix, text ? text : "(no text)",
                          name);
    lua_settop(lua, 0);
    return answer;
}

// The function is on the stack; keys from words[from], then arguments.
redisReply *script_call(script_t *self, const char *name, size_t keys, size_t count, blob_t **words)
{
    lua_State *lua = self->lua;
    for (size_t part = 0; part < 2; part++) {
        size_t first = part == 0 ? 0 : keys, end = part == 0 ? keys : count;
        lua_createtable(lua, (int) (end - first), 0);
        for (size_t i = first; i < end; i++) {
            lua_pushlstring(lua, words[i]->data, words[i]->size);
            lua_rawseti(lua, -2, (int) (i - first) + 1);
        }
    }
    if (lua_pcall(lua, 2, 1, 0) != 0)
        return script_failure(lua, name);
    redisReply *answer = take_value(lua, 1);
    lua_settop(lua, 0);
    return answer;
}
