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

void seam_push_handle(lua_State *L, Handle handle)
{
    lua_pushnumber(L, (lua_Number)handle);
}

void seam_set_number(lua_State *L, const char *name, lua_Number number)
{
    lua_pushnumber(L, number);
    lua_setfield(L, -2, name);
}

void seam_register(lua_State *L, const luaL_Reg *functions, Isolate *isolate)
{
    for (; functions->name != NULL; functions++) {
        lua_pushlightuserdata(L, isolate);
        lua_pushcclosure(L, functions->func, 1);
        lua_setfield(L, -2, functions->name);
    }
}

void seam_register_type(lua_State *L, const char *type, const luaL_Reg *methods,
                        const luaL_Reg *metamethods, Isolate *isolate)
{
    luaL_newmetatable(L, type);
    seam_register(L, metamethods, isolate);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_newtable(L);
    seam_register(L, methods, isolate);
    lua_setfield(L, -2, "__index");
    lua_pop(L, 1);
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
    isolate_push_event(host->system, event);
}
