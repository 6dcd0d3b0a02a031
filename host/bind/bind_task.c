/* Scheduling, time and the module loader: what every isolate's runtime is made of. */
#include <lauxlib.h>
#include <lua-cjson.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/memory.h"
#include "bind/exchange.h"
#include "bind/local_call.h"
#include "bind/seam.h"
#include "isolate/module_cache.h"

enum { RANDOM_SIZE = 8 };

/* place(level) -> the source and the line of the function that runs there; 1 is the caller */
static int l_place(lua_State *L)
{
    lua_Debug activation;
    int level = (int)luaL_checkinteger(L, 1);

    if (lua_getstack(L, level, &activation) == 0 || lua_getinfo(L, "Sl", &activation) == 0) {
        lua_pushliteral(L, "?");
        lua_pushinteger(L, 0);
        return 2;
    }
    lua_pushstring(L, activation.source);
    lua_pushinteger(L, activation.currentline);
    return 2;
}

/* next_event() -> kind, id, code, bytes | kind of a request, id, method, path, query | nil, mount,
 * minor version, target, and when its client says so deadline | nil, previous attempts | nil,
 * traceparent of a sampled trace: in one call, as most events are requests | kind of an answer, id,
 * 0, result | kind of an answer, id, code, message, data as JSON | nil | nothing */
static int l_next_event(lua_State *L)
{
    Event event;

    if (!isolate_pop_event(isolate_from(L), &event))
        return 0;
    lua_pushinteger(L, event.kind);
    seam_push_handle(L, event.id);
    if (event.kind == EVENT_REQUEST)
        return 2 + exchange_push_request(L, event.id);
    if (event.kind == EVENT_ANSWER)
        return 2 + local_call_push_answer(L, event.id);
    lua_pushinteger(L, event.code);
    if (event.bytes == NULL)
        return 3;
    lua_pushlstring(L, event.bytes, event.size);
    memory_free(event.bytes);
    return 4;
}

/* time_events(): from now on event_delay knows */
static int l_time_events(lua_State *L)
{
    isolate_time_events(isolate_from(L));
    return 0;
}

/* event_delay() -> for how many seconds the new work that next_event gave last has waited for that;
 * 0 when that is not known */
static int l_event_delay(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)isolate_event_delay_ns(isolate_from(L)) / 1e9);
    return 1;
}

/* resume(thread) -> state, values... */
static int l_resume(lua_State *L)
{
    lua_State *thread = lua_tothread(L, 1);
    int result_count;
    TaskState state;

    luaL_argcheck(L, thread != NULL, 1, "coroutine expected");
    /* Most come back waiting, so that is below the values before it is known. */
    lua_pushinteger(L, TASK_WAITING);
    state = isolate_resume(isolate_from(L), L, thread, &result_count);
    if (state != TASK_WAITING) {
        lua_pushinteger(L, state);
        lua_replace(L, -result_count - 2);
    }
    return result_count + 1;
}

/* take_cut(thread) -> whether this coroutine of a script, which has yielded nothing, was cut and
 * shall be resumed */
static int l_take_cut(lua_State *L)
{
    lua_State *thread = lua_tothread(L, 1);

    luaL_argcheck(L, thread != NULL, 1, "coroutine expected");
    lua_pushboolean(L, isolate_take_cut(isolate_from(L), thread));
    return 1;
}

/* set_task_budget(seconds): for the task that was just cut, until it waits; 0 for none */
static int l_set_task_budget(lua_State *L)
{
    isolate_set_task_budget(isolate_from(L), seam_check_ns(L, 1));
    return 0;
}

/* now() -> seconds on the monotonic clock */
static int l_now(lua_State *L)
{
    lua_pushnumber(L, (lua_Number)clock_monotonic_ns() / 1e9);
    return 1;
}

/* wall_time() -> seconds since 1970 */
static int l_wall_time(lua_State *L)
{
    lua_pushnumber(L, clock_wall_s());
    return 1;
}

/* set_alarm(delay_ms | nil): replaces the isolate's one alarm */
static int l_set_alarm(lua_State *L)
{
    if (lua_isnoneornil(L, 1)) {
        isolate_stop_alarm(isolate_from(L));
        return 0;
    }
    lua_Number delay_ms = luaL_checknumber(L, 1);
    luaL_argcheck(L, delay_ms >= 0, 1, "must not be negative");
    isolate_start_alarm(isolate_from(L), delay_ms > 1e12 ? (uint64_t)1e12 : (uint64_t)delay_ms);
    return 0;
}

/* load_module(name) -> function | nil, message */
static int l_load_module(lua_State *L)
{
    if (module_cache_load(L, luaL_checkstring(L, 1)) == 0)
        return 1;
    lua_pushnil(L);
    lua_insert(L, -2);
    return 2;
}

/* Finds a library that LuaJIT has registered as loaded or for preloading. */
static int push_registered_library(lua_State *L, const char *name)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, name);
    if (!lua_isnil(L, -1))
        return 1;
    lua_getfield(L, LUA_REGISTRYINDEX, "_PRELOAD");
    lua_getfield(L, -1, name);
    lua_pushstring(L, name);
    lua_call(L, 1, 1);
    return 1;
}

/* library(name) -> a C library of Lua that the host itself needs: cjson, string.buffer,
 * table.new, jit.opt */
static int l_library(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);

    if (strcmp(name, "cjson") != 0)
        return push_registered_library(L, name);
    lua_pushcfunction(L, luaopen_cjson);
    lua_call(L, 0, 1);
    return 1;
}

/* heap_size() -> bytes the isolate's heap uses */
static int l_heap_size(lua_State *L)
{
    IsolateCounters counters;

    isolate_read_counters(isolate_from(L), &counters);
    lua_pushnumber(L, (lua_Number)counters.heap_size);
    return 1;
}

/* is_preemptive() -> whether compiled loops can be interrupted */
static int l_is_preemptive(lua_State *L)
{
    lua_pushboolean(L, seam_host(L)->is_preemptive);
    return 1;
}

/* random_id() -> 16 hexadecimal digits nobody can guess */
static int l_random_id(lua_State *L)
{
    static const char digits[] = "0123456789abcdef";
    RandomBytes *random = &seam_host(L)->random;
    char text[2 * RANDOM_SIZE];

    if (random->left_size < RANDOM_SIZE) {
        if (getrandom(random->bytes, sizeof random->bytes, 0) != (ssize_t)sizeof random->bytes)
            return luaL_error(L, "the kernel gave no random bytes");
        random->left_size = sizeof random->bytes;
    }
    for (size_t i = 0; i < RANDOM_SIZE; i++) {
        unsigned char byte = random->bytes[--random->left_size];
        text[2 * i] = digits[byte >> 4];
        text[2 * i + 1] = digits[byte & 15];
    }
    lua_pushlstring(L, text, sizeof text);
    return 1;
}

/* fail_allocation(n): the n-th growing allocation made by tasks from now on fails; 0 for none.
 * For tests. */
static int l_fail_allocation(lua_State *L)
{
    isolate_fail_allocation(isolate_from(L), (uint64_t)luaL_checkinteger(L, 1));
    return 0;
}

static const luaL_Reg functions[] = {
    {"fail_allocation", l_fail_allocation},
    {"heap_size",       l_heap_size      },
    {"is_preemptive",   l_is_preemptive  },
    {"library",         l_library        },
    {"load_module",     l_load_module    },
    {"event_delay",     l_event_delay    },
    {"time_events",     l_time_events    },
    {"next_event",      l_next_event     },
    {"now",             l_now            },
    {"place",           l_place          },
    {"random_id",       l_random_id      },
    {"resume",          l_resume         },
    {"set_alarm",       l_set_alarm      },
    {"set_task_budget", l_set_task_budget},
    {"take_cut",        l_take_cut       },
    {"wall_time",       l_wall_time      },
    {NULL,              NULL             },
};

void bind_task_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
