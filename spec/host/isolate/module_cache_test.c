/* ModuleCache: every module compiles, is kept and loads again, however busy the collector is. */
#include "isolate/module_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>

#include "base/error.h"
#include "isolate/embedded.h"

enum { ROUND_COUNT = 3, NO_PAUSE = 0, LARGE_STEPS = 10000 };

static void load_all(lua_State *L)
{
    for (size_t i = 0; i < embedded_module_count; i++) {
        assert_int_equal(module_cache_load(L, embedded_modules[i].name), 0);
        assert_int_equal(lua_gettop(L), 1);
        assert_true(lua_isfunction(L, 1));
        lua_settop(L, 0);
    }
}

/* What is dumped must not have been collected: several times, as strings are placed by chance. */
static void a_busy_collector_takes_nothing_away(void **state)
{
    (void)state;
    for (int round = 0; round < ROUND_COUNT; round++) {
        lua_State *L = luaL_newstate();
        luaL_openlibs(L);
        lua_gc(L, LUA_GCSETPAUSE, NO_PAUSE);
        lua_gc(L, LUA_GCSETSTEPMUL, LARGE_STEPS);
        load_all(L);
        load_all(L);
        module_cache_clear();
        lua_close(L);
    }
}

static void what_does_not_exist_is_named(void **state)
{
    lua_State *L = luaL_newstate();

    (void)state;
    luaL_openlibs(L);
    assert_int_equal(module_cache_load(L, "perigee.nothing"), ERR_NOT_FOUND);
    assert_string_equal(lua_tostring(L, -1), "Perigee has no module 'perigee.nothing'");
    lua_close(L);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_busy_collector_takes_nothing_away),
        cmocka_unit_test(what_does_not_exist_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
