/* This process and others: arguments, signals, children, the pulse page they share. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "bind/seam.h"
#include "isolate/resource.h"
#include "os/child.h"
#include "os/shared_page.h"
#include "os/signal_watch.h"

#define PULSE_TYPE "perigee.pulse"

enum { MAX_CHILD_STRINGS = 256, MAX_CHILD_DESCRIPTORS = 16 };

/* --- this process --- */

/* arguments() -> {[0] = program, ...} */
static int l_arguments(lua_State *L)
{
    const Host *host = seam_host(L);

    lua_createtable(L, host->argument_count, 1);
    for (int i = 0; i < host->argument_count; i++) {
        lua_pushstring(L, host->arguments[i]);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

/* exit(status): after this turn */
static int l_exit(lua_State *L)
{
    Host *host = seam_host(L);

    host->exit_status = (int)luaL_checkinteger(L, 1);
    loop_stop(host->loop);
    return 0;
}

/* pid() -> the number of this process */
static int l_pid(lua_State *L)
{
    lua_pushinteger(L, getpid());
    return 1;
}

/* program_path() -> the file this process runs */
static int l_program_path(lua_State *L)
{
    char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path);

    if (size < 0)
        return luaL_error(L, "cannot tell which program this is: %s", strerror(errno));
    lua_pushlstring(L, path, (size_t)size);
    return 1;
}

/* version() -> "0.1.0", whether endless loops can be interrupted */
static int l_version(lua_State *L)
{
    lua_pushstring(L, PERIGEE_VERSION);
    lua_pushboolean(L, seam_host(L)->is_preemptive);
    return 2;
}

/* start_watchdog(slice_ms): from now on a turn that lasts longer is cut */
static int l_start_watchdog(lua_State *L)
{
    Host *host = seam_host(L);
    lua_Integer slice_ms = luaL_checkinteger(L, 1);

    luaL_argcheck(L, slice_ms >= 1 && slice_ms <= 1000, 1, "out of range");
    host->start_watchdog(host, (unsigned)slice_ms);
    lua_pushboolean(L, host->is_preemptive);
    return 1;
}

/* --- signals --- */

typedef struct SignalBox {
    Resource resource;
    SignalWatch *watch;
} SignalBox;

static void on_signal(void *owner, int signal)
{
    SignalBox *box = owner;

    isolate_push_event(box->resource.isolate, (Event){.kind = EVENT_SIGNAL, .code = signal});
}

static void close_signal(Resource *resource)
{
    SignalBox *box = list_entry(resource, SignalBox, resource);

    signal_watch_close(box->watch);
    memory_free(box);
}

/* watch_signal(number) -> true | nil, code: EVENT_SIGNAL from now on, for the life of the
 * isolate */
static int l_watch_signal(lua_State *L)
{
    int signal = (int)luaL_checkinteger(L, 1);
    SignalBox *box = memory_alloc(sizeof *box);
    int result = signal_watch_open(seam_host(L)->loop, signal, on_signal, box, &box->watch);

    if (result < 0)
        memory_free(box);
    else
        resource_attach(&box->resource, isolate_from(L), close_signal);
    return seam_push_result(L, result);
}

/* --- children --- */

typedef struct ChildBox {
    Resource resource;
    Host *host;
    Handle handle;
    Child *child;
} ChildBox;

static void close_child(Resource *resource)
{
    ChildBox *box = list_entry(resource, ChildBox, resource);

    handle_table_remove(&box->host->children, box->handle);
    child_close(box->child);
    memory_free(box);
}

static void on_exit(void *owner, int64_t exit_status, int signal)
{
    ChildBox *box = owner;
    int code = signal != 0 ? -signal : (int)exit_status;

    isolate_push_event(box->resource.isolate,
                       (Event){.kind = EVENT_EXIT, .id = box->handle, .code = code});
    resource_close(&box->resource);
}

/* Reads the array of strings in field `name` of the table at 1 into `strings`; they stay owned
 * by Lua. */
static char **check_strings(lua_State *L, const char *name, char *strings[MAX_CHILD_STRINGS + 1])
{
    size_t count;

    lua_getfield(L, 1, name);
    if (lua_isnil(L, -1))
        return NULL;
    luaL_argcheck(L, lua_istable(L, -1), 1, name);
    count = lua_objlen(L, -1);
    luaL_argcheck(L, count <= MAX_CHILD_STRINGS, 1, "too many strings");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, 1, "strings expected");
        strings[i] = (char *)lua_tostring(L, -1);
        lua_pop(L, 1);
    }
    strings[count] = NULL;
    return strings;
}

static size_t check_descriptors(lua_State *L, int descriptors[MAX_CHILD_DESCRIPTORS])
{
    size_t count;

    lua_getfield(L, 1, "descriptors");
    luaL_argcheck(L, lua_istable(L, -1), 1, "descriptors");
    count = lua_objlen(L, -1);
    luaL_argcheck(L, count <= MAX_CHILD_DESCRIPTORS, 1, "too many descriptors");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, -1, (int)i + 1);
        descriptors[i] = (int)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

/* spawn{file=, arguments=, environment=, directory=, descriptors=} -> id, pid | nil, code.
 * `file` is arguments[1] when it is left out. EVENT_EXIT tells its end. */
static int l_spawn(lua_State *L)
{
    char *arguments[MAX_CHILD_STRINGS + 1];
    char *environment[MAX_CHILD_STRINGS + 1];
    int descriptors[MAX_CHILD_DESCRIPTORS];
    ChildOptions options = {.descriptors = descriptors};
    Host *host = seam_host(L);
    ChildBox *box;
    int result;

    luaL_checktype(L, 1, LUA_TTABLE);
    options.arguments = check_strings(L, "arguments", arguments);
    luaL_argcheck(L, options.arguments != NULL && options.arguments[0] != NULL, 1, "arguments");
    lua_getfield(L, 1, "file");
    options.file = luaL_optstring(L, -1, options.arguments[0]);
    options.environment = check_strings(L, "environment", environment);
    options.descriptor_count = check_descriptors(L, descriptors);
    lua_getfield(L, 1, "directory");
    options.directory = luaL_optstring(L, -1, NULL);

    box = memory_alloc(sizeof *box);
    if ((result = child_spawn(host->loop, &options, on_exit, box, &box->child)) < 0) {
        memory_free(box);
        return seam_push_failure(L, result);
    }
    box->host = host;
    box->handle = handle_table_add(&host->children, box);
    resource_attach(&box->resource, isolate_from(L), close_child);
    seam_push_handle(L, box->handle);
    lua_pushinteger(L, child_pid(box->child));
    return 2;
}

/* kill(id, signal) -> true | nil, code */
static int l_kill(lua_State *L)
{
    ChildBox *box = handle_table_find(&seam_host(L)->children, seam_check_handle(L, 1));
    int signal = (int)luaL_checkinteger(L, 2);

    return seam_push_result(L, box == NULL ? ERR_CLOSED : child_kill(box->child, signal));
}

/* --- the page a worker shares with its supervisor --- */

typedef struct PulseBox {
    Pulse *pulse; /* NULL once closed */
    int fd;
} PulseBox;

static int l_pulse_close(lua_State *L)
{
    PulseBox *box = luaL_checkudata(L, 1, PULSE_TYPE);

    if (box->pulse != NULL) {
        shared_page_unmap(box->pulse, sizeof *box->pulse);
        close(box->fd);
    }
    box->pulse = NULL;
    return 0;
}

/* pulse_create() -> pulse | nil, code */
static int l_pulse_create(lua_State *L)
{
    PulseBox *box = lua_newuserdata(L, sizeof *box);
    void *page;
    int result;

    *box = (PulseBox){.fd = -1};
    luaL_getmetatable(L, PULSE_TYPE);
    lua_setmetatable(L, -2);
    if ((result = shared_page_create(sizeof *box->pulse, &box->fd)) < 0)
        return seam_push_failure(L, result);
    if ((result = shared_page_map(box->fd, sizeof *box->pulse, &page)) < 0) {
        close(box->fd);
        return seam_push_failure(L, result);
    }
    box->pulse = page;
    return 1;
}

/* pulse:descriptor() -> the number to hand to a child */
static int l_pulse_descriptor(lua_State *L)
{
    PulseBox *box = luaL_checkudata(L, 1, PULSE_TYPE);

    lua_pushinteger(L, box->fd);
    return 1;
}

static void set_number(lua_State *L, const char *name, lua_Number number)
{
    lua_pushnumber(L, number);
    lua_setfield(L, -2, name);
}

/* pulse:read() -> {turn_started=, running=, turns=, requests=, ...} | nil, "closed" */
static int l_pulse_read(lua_State *L)
{
    PulseBox *box = luaL_checkudata(L, 1, PULSE_TYPE);
    Pulse *pulse = box->pulse;

    if (pulse == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    lua_createtable(L, 0, 8);
    set_number(L, "turn_started", (lua_Number)atomic_load(&pulse->turn_started_ns) / 1e9);
    set_number(L, "turns", (lua_Number)atomic_load(&pulse->turn_count));
    set_number(L, "loops", (lua_Number)atomic_load(&pulse->loop_count));
    set_number(L, "requests", (lua_Number)atomic_load(&pulse->request_count));
    set_number(L, "isolates", (lua_Number)atomic_load(&pulse->isolate_count));
    lua_pushlstring(L, pulse->running_name, strnlen(pulse->running_name, PULSE_NAME_SIZE));
    lua_setfield(L, -2, "running");
    return 1;
}

/* pulse:reset(): the worker that wrote it is gone */
static int l_pulse_reset(lua_State *L)
{
    PulseBox *box = luaL_checkudata(L, 1, PULSE_TYPE);

    if (box->pulse != NULL)
        memset(box->pulse, 0, sizeof *box->pulse);
    return 0;
}

static const luaL_Reg functions[] = {
    {"arguments",      l_arguments     },
    {"exit",           l_exit          },
    {"kill",           l_kill          },
    {"pid",            l_pid           },
    {"program_path",   l_program_path  },
    {"pulse_create",   l_pulse_create  },
    {"spawn",          l_spawn         },
    {"start_watchdog", l_start_watchdog},
    {"version",        l_version       },
    {"watch_signal",   l_watch_signal  },
    {NULL,             NULL            },
};

static const luaL_Reg pulse_methods[] = {
    {"close",      l_pulse_close     },
    {"descriptor", l_pulse_descriptor},
    {"read",       l_pulse_read      },
    {"reset",      l_pulse_reset     },
    {NULL,         NULL              },
};

void bind_process_open(lua_State *L, Isolate *isolate)
{
    static const luaL_Reg collect[] = {
        {"__gc", l_pulse_close},
        {NULL,   NULL         },
    };

    seam_register_type(L, PULSE_TYPE, pulse_methods, collect, isolate);
    seam_register(L, functions, isolate);
}
