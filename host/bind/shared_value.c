#include "bind/shared_value.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

SharedBytes shared_value_check_string(lua_State *L, int argument)
{
    SharedBytes bytes;

    luaL_checktype(L, argument, LUA_TSTRING);
    bytes.bytes = lua_tolstring(L, argument, &bytes.size);
    return bytes;
}

/* Lua's C interface does not know int64, but its text is exact: "-12LL". */
static int64_t check_int64(lua_State *L, int argument)
{
    const char *text;
    char *end;
    int64_t value;

    if (strcmp(luaL_typename(L, argument), "cdata") != 0 ||
        !luaL_callmeta(L, argument, "__tostring"))
        return luaL_argerror(L, argument, "a string, number, boolean or int64 expected");
    text = luaL_checkstring(L, -1);
    value = strtoll(text, &end, 10);
    luaL_argcheck(L, end != text && strcmp(end, "LL") == 0, argument,
                  "a string, number, boolean or int64 expected");
    lua_pop(L, 1);
    return value;
}

SharedValue shared_value_check(lua_State *L, int argument)
{
    switch (lua_type(L, argument)) {
    case LUA_TSTRING:
        return (SharedValue){.type = SHARED_STRING,
                             .string = shared_value_check_string(L, argument)};
    case LUA_TNUMBER:
        return (SharedValue){.type = SHARED_NUMBER, .number = lua_tonumber(L, argument)};
    case LUA_TBOOLEAN:
        return (SharedValue){.type = SHARED_BOOLEAN, .number = lua_toboolean(L, argument)};
    default:
        return (SharedValue){.type = SHARED_INT64, .integer = check_int64(L, argument)};
    }
}

/* Pushes the function that joins two halves, each of which is exact as a number. It is compiled
 * once for each isolate that needs it. */
static void push_joiner(lua_State *L)
{
    static const char name[] = "perigee.join_int64";

    lua_getfield(L, LUA_REGISTRYINDEX, name);
    if (!lua_isnil(L, -1))
        return;
    lua_pop(L, 1);
    if (luaL_loadstring(L, "local high, low = ... return high * 0x100000000LL + low") != 0)
        lua_error(L);
    lua_pushvalue(L, -1);
    lua_setfield(L, LUA_REGISTRYINDEX, name);
}

static void push_int64(lua_State *L, int64_t value)
{
    push_joiner(L);
    lua_pushnumber(L, (lua_Number)(value >> 32));
    lua_pushnumber(L, (lua_Number)(value & UINT32_MAX));
    lua_call(L, 2, 1);
}

void shared_value_push(lua_State *L, const SharedValue *value)
{
    if (value->type == SHARED_STRING)
        lua_pushlstring(L, value->string.bytes, value->string.size);
    else if (value->type == SHARED_NUMBER)
        lua_pushnumber(L, value->number);
    else if (value->type == SHARED_BOOLEAN)
        lua_pushboolean(L, value->number != 0);
    else
        push_int64(L, value->integer);
}
