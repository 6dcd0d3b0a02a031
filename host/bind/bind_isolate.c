/* Isolates and messages between them. Messages are bytes; what they mean is between two pieces
 * of Lua. */
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "bind/isolates.h"
#include "bind/seam.h"

enum { SERVICE_EVENT_LIMIT = 16384, ERROR_TEXT_SIZE = 1024 };

/* post(handle, bytes) -> true | nil, code. Handle 0 is the system isolate, the only one a
 * service may write to. */
static int l_post(lua_State *L)
{
    Host *host = seam_host(L);
    Isolate *sender = isolate_from(L);
    Handle handle = seam_check_handle(L, 1);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    Isolate *target = handle == 0 ? host->system : isolates_find(host, handle);
    Event event = {.kind = EVENT_MESSAGE, .id = isolate_handle(sender), .size = size};

    if (target == NULL || (handle != 0 && sender != host->system))
        return seam_push_failure(L, ERR_CLOSED);
    event.bytes = memory_copy(bytes, size);
    return seam_push_result(L, isolate_tell(target, event));
}

/* handle() -> the number of the isolate that asks */
static int l_handle(lua_State *L)
{
    seam_push_handle(L, isolate_handle(isolate_from(L)));
    return 1;
}

/* isolate_open{name=, entry=, folder=, readable=, soft_size=, hard_size=} -> handle | nil, message;
 * `readable` has a folder a line */
static int l_isolate_open(lua_State *L)
{
    Host *host = seam_host(L);
    IsolateOptions options = {
        .event_limit = SERVICE_EVENT_LIMIT,
        .push_host = isolates_push_service_host,
        .host = host,
        .loop = host->loop,
    };
    Isolate *isolate;
    char *error, text[ERROR_TEXT_SIZE];

    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 1);
    lua_getfield(L, 1, "name");
    lua_getfield(L, 1, "entry");
    lua_getfield(L, 1, "soft_size");
    lua_getfield(L, 1, "hard_size");
    lua_getfield(L, 1, "folder");
    lua_getfield(L, 1, "readable");
    options.name = luaL_checkstring(L, 2);
    options.entry = luaL_checkstring(L, 3);
    options.soft_size = (size_t)luaL_optnumber(L, 4, 0);
    options.hard_size = (size_t)luaL_optnumber(L, 5, 0);
    options.folder = luaL_optstring(L, 6, NULL);
    options.readable = luaL_optstring(L, 7, NULL);
    if (isolates_add(host, &options, &isolate, &error) < 0) {
        snprintf(text, sizeof text, "%s", error);
        memory_free(error);
        lua_pushnil(L);
        lua_pushstring(L, text);
        return 2;
    }
    seam_push_handle(L, isolate_handle(isolate));
    return 1;
}

static Isolate *check_service(lua_State *L)
{
    Host *host = seam_host(L);
    Isolate *isolate = isolates_find(host, seam_check_handle(L, 1));

    luaL_argcheck(L, isolate != host->system, 1, "the system isolate is not a service");
    return isolate;
}

/* isolate_close(handle) -> true | nil, "closed" */
static int l_isolate_close(lua_State *L)
{
    Isolate *isolate = check_service(L);

    if (isolate == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    isolates_close(seam_host(L), isolate);
    return seam_push_result(L, 0);
}

/* isolate_limit(handle, soft_size, hard_size) -> true | nil, "closed": of its heap, from now on */
static int l_isolate_limit(lua_State *L)
{
    Isolate *isolate = check_service(L);
    lua_Number soft_size = luaL_checknumber(L, 2), hard_size = luaL_checknumber(L, 3);

    luaL_argcheck(L, soft_size >= 0 && hard_size >= 0, 2, "must not be negative");
    if (isolate == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    isolate_set_limits(isolate, (size_t)soft_size, (size_t)hard_size);
    return seam_push_result(L, 0);
}

/* isolate_budget(handle, warning_s, budget_s) -> true | nil, "closed": what a task may compute
 * between two waits before it is warned of, and before it is ended; 0 for none */
static int l_isolate_budget(lua_State *L)
{
    Isolate *isolate = check_service(L);
    uint64_t warning_ns = seam_check_ns(L, 2), budget_ns = seam_check_ns(L, 3);

    if (isolate == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    isolate_set_budget(isolate, warning_ns, budget_ns);
    return seam_push_result(L, 0);
}

/* isolate_counters(handle) -> {turns=, busy_s=, cuts=, turned_away=, refused=, cpu_warnings=,
 * cpu_ends=, memory_ends=, heap_size=} | nil, "closed" */
static int l_isolate_counters(lua_State *L)
{
    Isolate *isolate = isolates_find(seam_host(L), seam_check_handle(L, 1));
    IsolateCounters counters;

    if (isolate == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    isolate_read_counters(isolate, &counters);
    lua_createtable(L, 0, 9);
    seam_set_number(L, "turns", (lua_Number)counters.turn_count);
    seam_set_number(L, "cuts", (lua_Number)counters.cut_count);
    seam_set_number(L, "turned_away", (lua_Number)counters.turned_away_count);
    seam_set_number(L, "refused", (lua_Number)counters.refused_count);
    seam_set_number(L, "cpu_warnings", (lua_Number)counters.warning_count);
    seam_set_number(L, "cpu_ends", (lua_Number)counters.cpu_end_count);
    seam_set_number(L, "memory_ends", (lua_Number)counters.memory_end_count);
    seam_set_number(L, "heap_size", (lua_Number)counters.heap_size);
    lua_pushnumber(L, (lua_Number)counters.busy_ns / 1e9);
    lua_setfield(L, -2, "busy_s");
    return 1;
}

static const luaL_Reg message_functions[] = {
    {"handle", l_handle},
    {"post",   l_post  },
    {NULL,     NULL    },
};

static const luaL_Reg functions[] = {
    {"isolate_budget",   l_isolate_budget  },
    {"isolate_close",    l_isolate_close   },
    {"isolate_counters", l_isolate_counters},
    {"isolate_limit",    l_isolate_limit   },
    {"isolate_open",     l_isolate_open    },
    {NULL,               NULL              },
};

void bind_message_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, message_functions, isolate);
}

void bind_isolate_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
