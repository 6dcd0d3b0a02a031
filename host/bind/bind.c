#include "bind/bind.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "bind/isolates.h"
#include "bind/seam.h"

Host *seam_host(lua_State *L)
{
    return isolate_host(isolate_from(L));
}

int seam_push_failure(lua_State *L, int code)
{
    lua_pushnil(L);
    lua_pushstring(L, error_name(code));
    return 2;
}

int seam_push_result(lua_State *L, int code)
{
    if (code < 0)
        return seam_push_failure(L, code);
    lua_pushboolean(L, 1);
    return 1;
}

Handle seam_check_handle(lua_State *L, int argument)
{
    lua_Number number = luaL_checknumber(L, argument);

    luaL_argcheck(L, number >= 0 && number < 9007199254740992.0, argument, "not a handle");
    return (Handle)number;
}

uint64_t seam_check_ns(lua_State *L, int argument)
{
    lua_Number seconds = luaL_checknumber(L, argument);

    luaL_argcheck(L, seconds >= 0 && seconds < 1e9, argument, "not a duration in seconds");
    return (uint64_t)(seconds * 1e9);
}

void seam_push_handle(lua_State *L, Handle handle)
{
    lua_pushnumber(L, (lua_Number)handle);
}

void seam_set_number(lua_State *L, const char *name, lua_Number number)
{
    lua_pushnumber(L, number);
    lua_setfield(L, -2, name);
}

static void push_function(lua_State *L, lua_CFunction function, Isolate *isolate)
{
    lua_pushlightuserdata(L, isolate);
    lua_pushcclosure(L, function, 1);
}

static const luaL_Reg *find_function(const luaL_Reg *functions, const char *name)
{
    for (; functions->name != NULL; functions++) {
        if (strcmp(functions->name, name) == 0)
            return functions;
    }
    return NULL;
}

/* __index(table, name): the list of the functions' tables is the second upvalue. */
static int find_lazily(lua_State *L)
{
    const char *name = luaL_checkstring(L, 2);
    const luaL_Reg *found = NULL;

    for (int i = 1; found == NULL; i++) {
        lua_rawgeti(L, lua_upvalueindex(2), i);
        if (lua_isnil(L, -1))
            return 1;
        found = find_function(lua_touserdata(L, -1), name);
        lua_pop(L, 1);
    }
    push_function(L, found->func, isolate_from(L));
    lua_pushvalue(L, 2);
    lua_pushvalue(L, -2);
    lua_rawset(L, 1);
    return 1;
}

void seam_push_lazy_table(lua_State *L, Isolate *isolate)
{
    lua_newtable(L);
    lua_newtable(L); /* its metatable, which is also the list */
    lua_pushlightuserdata(L, isolate);
    lua_pushvalue(L, -2);
    lua_pushcclosure(L, find_lazily, 2);
    lua_setfield(L, -2, "__index");
    lua_setmetatable(L, -2);
}

void seam_register(lua_State *L, const luaL_Reg *functions, Isolate *isolate)
{
    if (lua_getmetatable(L, -1)) {
        lua_pushlightuserdata(L, (void *)functions);
        lua_rawseti(L, -2, (int)lua_objlen(L, -2) + 1);
        lua_pop(L, 1);
        return;
    }
    for (; functions->name != NULL; functions++) {
        push_function(L, functions->func, isolate);
        lua_setfield(L, -2, functions->name);
    }
}

void seam_push_type(lua_State *L, const SeamType *type)
{
    luaL_getmetatable(L, type->name);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    lua_newtable(L);
    if (type->collect != NULL) {
        push_function(L, type->collect, isolate_from(L));
        lua_setfield(L, -2, "__gc");
    }
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_newtable(L);
    seam_register(L, type->methods, isolate_from(L));
    lua_setfield(L, -2, "__index");
    /* Known only when it is whole: each step before may have been refused memory. */
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, type->name);
}

int bind_open_system(Host *host, const char *name, const char *entry, char **error)
{
    IsolateOptions options = {
        .name = name,
        .entry = entry,
        .is_privileged = true,
        .event_limit = SIZE_MAX,
        .push_host = isolates_push_system_host,
        .host = host,
        .loop = host->loop,
    };
    Isolate *isolate;

    return isolates_add(host, &options, &isolate, error);
}

void bind_close_isolates(Host *host)
{
    isolates_close_all(host);
}

void bind_report_broken(Host *host, Isolate *isolate)
{
    const char *failure = isolate_failure(isolate);
    Event event = {.kind = EVENT_BROKEN, .id = isolate_handle(isolate)};

    if (isolate == host->system) {
        fprintf(stderr, "perigee: the host's own Lua failed: %s\n", failure);
        host->exit_status = 1;
        loop_stop(host->loop);
        return;
    }
    event.size = strlen(failure);
    event.bytes = memory_copy(failure, event.size);
    isolate_tell(host->system, event);
}
