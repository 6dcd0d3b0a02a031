/* Samples of what a service computes, for its worker. */
#include "base/buffer.h"
#include "base/error.h"
#include "bind/isolates.h"
#include "bind/seam.h"

enum { INTERVAL_LEAST_US = 100, INTERVAL_MOST_US = 1000000 };

static Isolate *check_isolate(lua_State *L)
{
    return isolates_find(seam_host(L), seam_check_handle(L, 1));
}

/* profile_start(handle, interval_us) -> true | nil, code: "full" when one is being sampled */
static int l_profile_start(lua_State *L)
{
    Isolate *isolate = check_isolate(L);
    lua_Integer interval_us = luaL_checkinteger(L, 2);

    luaL_argcheck(L, isolate != seam_host(L)->system, 1, "the system isolate is not a service");
    luaL_argcheck(L, interval_us >= INTERVAL_LEAST_US && interval_us <= INTERVAL_MOST_US, 2,
                  "out of range");
    if (isolate == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    return seam_push_result(L, isolate_start_profile(isolate, (unsigned)interval_us));
}

/* profile_take(handle) -> lines since the last call, how many ticks had no room | nil, "closed" */
static int l_profile_take(lua_State *L)
{
    const Isolate *isolate = check_isolate(L);
    Buffer samples = {0};
    uint64_t dropped_count;

    if (isolate == NULL || isolate_take_profile(isolate, &samples, &dropped_count) < 0)
        return seam_push_failure(L, ERR_CLOSED);
    lua_pushlstring(L, samples.size > 0 ? samples.bytes : "", samples.size);
    lua_pushnumber(L, (lua_Number)dropped_count);
    buffer_deinit(&samples);
    return 2;
}

/* profile_stop(handle): what was not taken is gone */
static int l_profile_stop(lua_State *L)
{
    const Isolate *isolate = check_isolate(L);

    if (isolate != NULL)
        isolate_stop_profile(isolate);
    return 0;
}

static const luaL_Reg functions[] = {
    {"profile_start", l_profile_start},
    {"profile_stop",  l_profile_stop },
    {"profile_take",  l_profile_take },
    {NULL,            NULL           },
};

void bind_profile_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
