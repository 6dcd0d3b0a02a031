/* This process: its arguments, its end, the signals it gets. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "bind/seam.h"
#include "isolate/module_cache.h"
#include "isolate/resource.h"
#include "net/socket.h"
#include "os/signal_watch.h"

/* asset(name) -> text | nil, "not_found" */
static int l_asset(lua_State *L)
{
    Buffer text = {0};
    int result = module_cache_read_asset(luaL_checkstring(L, 1), &text);

    if (result < 0)
        return seam_push_failure(L, result);
    lua_pushlstring(L, text.bytes, text.size);
    buffer_deinit(&text);
    return 1;
}

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

/* send_datagram(address, bytes) -> true | nil, code: to a Unix socket, such as the service
 * manager's */
static int l_send_datagram(lua_State *L)
{
    size_t size;
    const char *text = luaL_checkstring(L, 1);
    const char *bytes = luaL_checklstring(L, 2, &size);
    Address where;
    int result = address_parse(text, &where);

    if (result == 0)
        result = socket_send_datagram(&where, bytes, size);
    return seam_push_result(L, result);
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

typedef struct SignalBox {
    Resource resource;
    SignalWatch *watch;
} SignalBox;

static void on_signal(void *owner, int signal)
{
    SignalBox *box = owner;

    isolate_tell(box->resource.isolate, (Event){.kind = EVENT_SIGNAL, .code = signal});
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

static const luaL_Reg functions[] = {
    {"arguments",      l_arguments     },
    {"asset",          l_asset         },
    {"exit",           l_exit          },
    {"pid",            l_pid           },
    {"program_path",   l_program_path  },
    {"send_datagram",  l_send_datagram },
    {"start_watchdog", l_start_watchdog},
    {"version",        l_version       },
    {"watch_signal",   l_watch_signal  },
    {NULL,             NULL            },
};

void bind_process_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
