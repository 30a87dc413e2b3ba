/*  redis_script -- the inside of script_t, shared by redis_lua.c and redis_library.c alone. */
#pragma once
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "tests/sim/redis_inside.h"

enum { SCRIPT_READS = 1, SCRIPT_IN_NEED = 2 }; // no-writes, allow-oom

typedef struct {
    blob_t *name;
    int callback; // of Lua's registry
    unsigned flags;
} function_t;

// Kept when it is not loaded any more, because it will be loaded again.
typedef struct {
    blob_t *name, *code;
    bool loaded;
    function_t *functions;
    size_t count;
} library_t;

struct script {
    sim_redis_t *server;
    lua_State *lua;
    int running, loading;    // of Lua's registry: what a script sees then
    int environment, behind; // that of all functions, and its metatable
    library_t **libraries;
    size_t count;
    library_t *filling; // the one that is being loaded
    unsigned flags;     // of the function that runs
};

void script_show(script_t *self, int what);
redisReply *script_failure(lua_State *lua, const char *name); // what is on top of the stack
redisReply *script_call(script_t *self, const char *name, size_t keys, size_t count,
                        blob_t **words);
int library_register(lua_State *lua); // redis.register_function
