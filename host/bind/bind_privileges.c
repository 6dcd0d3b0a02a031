/* What this process may do, and gives up. */
#include "base/memory.h"
#include "bind/seam.h"
#include "os/confine.h"
#include "os/user.h"

/* is_root() -> whether this process may do what root may */
static int l_is_root(lua_State *L)
{
    lua_pushboolean(L, user_is_root());
    return 1;
}

/* become_user("NAME" | "NAME:GROUP") -> true | nil, code: then the process must end */
static int l_become_user(lua_State *L)
{
    return seam_push_result(L, user_become(luaL_checkstring(L, 1)));
}

/* can_confine() -> true | nil, code: whether the kernel has what `confine` needs */
static int l_can_confine(lua_State *L)
{
    return seam_push_result(L, confine_check());
}

/* The texts stay in the table while they are used. */
static ConfinePaths read_paths(lua_State *L, int argument)
{
    size_t count = lua_objlen(L, argument);
    const char **paths = lua_newuserdata(L, (count + 1) * sizeof *paths);

    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, argument, (int)i + 1);
        paths[i] = luaL_checkstring(L, -1);
        lua_pop(L, 1);
    }
    return (ConfinePaths){paths, count};
}

/* confine({readable path, ...}, {writable path, ...}) -> true | nil, code. For good. */
static int l_confine(lua_State *L)
{
    ConfinePaths readable, writable;

    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    readable = read_paths(L, 1);
    writable = read_paths(L, 2);
    return seam_push_result(L, confine_apply(readable, writable));
}

static const luaL_Reg functions[] = {
    {"become_user", l_become_user},
    {"can_confine", l_can_confine},
    {"confine",     l_confine    },
    {"is_root",     l_is_root    },
    {NULL,          NULL         },
};

void bind_privileges_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
