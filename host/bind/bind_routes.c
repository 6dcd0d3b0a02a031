/* The tables of mounts and of RPC services: who answers what comes in. */
#include "base/error.h"
#include "bind/seam.h"

/* Adds the row on top of L, whose name and handle are these. Returns 0 or a negative code. */
typedef int (*AddRow)(lua_State *L, void *table, const char *name, size_t size, Handle handle);

static void check_rows(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    for (size_t i = 1; i <= lua_objlen(L, 1); i++) {
        lua_rawgeti(L, 1, (int)i);
        luaL_argcheck(L, lua_istable(L, -1), 1, "rows expected");
        lua_pop(L, 1);
    }
}

static int add_row(lua_State *L, AddRow add, void *table)
{
    int row = lua_gettop(L);
    int result = ERR_INVALID;

    lua_rawgeti(L, row, 1);
    lua_rawgeti(L, row, 2);
    /* Not a number, which would become a string here, and that may raise. */
    if (lua_type(L, -2) == LUA_TSTRING && lua_isnumber(L, -1)) {
        size_t size;
        const char *name = lua_tolstring(L, -2, &size);
        Handle handle = (Handle)lua_tonumber(L, -1);

        lua_pushvalue(L, row);
        result = add(L, table, name, size, handle);
    }
    lua_settop(L, row - 1);
    return result;
}

/* Adds the rows of the checked table at 1. Returns 0, or a negative code and which row it was. */
static int add_rows(lua_State *L, AddRow add, void *table, size_t *failed_row)
{
    size_t count = lua_objlen(L, 1);
    int result = 0;

    for (size_t i = 1; i <= count && result == 0; i++) {
        lua_rawgeti(L, 1, (int)i);
        result = add_row(L, add, table);
        if (result < 0)
            *failed_row = i;
    }
    return result;
}

static int push_row_failure(lua_State *L, int code, size_t row)
{
    seam_push_failure(L, code);
    lua_pushinteger(L, (lua_Integer)row);
    return 3;
}

static int add_mount(lua_State *L, void *table, const char *prefix, size_t size, Handle handle)
{
    MountTarget target = {.handle = handle};

    lua_rawgeti(L, -1, 3);
    target.body_size = (uint64_t)lua_tonumber(L, -1);
    return mount_table_add(table, prefix, size, target);
}

/* set_mounts({{prefix, handle, largest body or nil}, ...}) -> true | nil, code, index. Replaces all
 * mounts at once, or none. */
static int l_set_mounts(lua_State *L)
{
    Host *host = seam_host(L);
    MountTable *table;
    size_t row;
    int result;

    check_rows(L);
    table = mount_table_create();
    if ((result = add_rows(L, add_mount, table, &row)) < 0) {
        mount_table_destroy(table);
        return push_row_failure(L, result, row);
    }
    mount_table_destroy(host->mounts);
    host->mounts = table;
    return seam_push_result(L, 0);
}

static int add_service(lua_State *L, void *table, const char *name, size_t size, Handle handle)
{
    (void)L;
    return method_table_add(table, name, size, handle);
}

/* set_methods({{service, handle}, ...}) -> true | nil, code, index. Replaces all RPC services at
 * once, or none. */
static int l_set_methods(lua_State *L)
{
    Host *host = seam_host(L);
    MethodTable *table;
    size_t row;
    int result;

    check_rows(L);
    table = method_table_create();
    if ((result = add_rows(L, add_service, table, &row)) < 0) {
        method_table_destroy(table);
        return push_row_failure(L, result, row);
    }
    method_table_destroy(host->methods);
    host->methods = table;
    return seam_push_result(L, 0);
}

static const luaL_Reg functions[] = {
    {"set_methods", l_set_methods},
    {"set_mounts",  l_set_mounts },
    {NULL,          NULL         },
};

void bind_routes_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
