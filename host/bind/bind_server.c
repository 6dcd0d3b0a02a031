/* Listening sockets, and servers on them. */
#include <unistd.h>

#include "base/error.h"
#include "bind/call.h"
#include "bind/exchange.h"
#include "bind/seam.h"
#include "bind/server_metrics.h"
#include "bind/server_options.h"
#include "net/socket.h"

enum { MAX_SOCKET_COUNT = 256, BACKLOG = 1024 };

typedef struct Listening {
    int fds[MAX_SOCKET_COUNT];
    int count;
    Address where;
} Listening;

static int push_listening(lua_State *L)
{
    const Listening *listening = lua_touserdata(L, 1);
    char text[ADDRESS_TEXT_SIZE];

    lua_createtable(L, listening->count, 0);
    for (int i = 0; i < listening->count; i++) {
        lua_pushinteger(L, listening->fds[i]);
        lua_rawseti(L, -2, i + 1);
    }
    address_format(&listening->where, text, sizeof text);
    lua_pushstring(L, text);
    return 2;
}

/* listen(address, count) -> {descriptor, ...}, actual address | nil, code, message */
static int l_listen(lua_State *L)
{
    const char *text = luaL_checkstring(L, 1);
    Listening listening = {.count = (int)luaL_optinteger(L, 2, 1)};
    Address where;
    int result;

    luaL_argcheck(L, listening.count >= 1 && listening.count <= MAX_SOCKET_COUNT, 2,
                  "out of range");
    lua_pushcfunction(L, push_listening);
    if ((result = address_parse(text, &where)) < 0 ||
        (result = socket_listen(&where, BACKLOG, (size_t)listening.count, listening.fds,
                                &listening.where)) < 0) {
        seam_push_failure(L, result);
        lua_pushstring(L, error_text(result));
        return 3;
    }
    /* Protected: without memory for the answer nobody would close the descriptors. */
    lua_pushlightuserdata(L, &listening);
    if (lua_pcall(L, 1, 2, 0) == 0)
        return 2;
    for (int i = 0; i < listening.count; i++)
        close(listening.fds[i]);
    return lua_error(L);
}

/* adopt_listening(fd) -> actual address | nil, code: a listening socket this process was given */
static int l_adopt_listening(lua_State *L)
{
    char text[ADDRESS_TEXT_SIZE];
    Address where;
    int result = socket_adopt_listening((int)luaL_checkinteger(L, 1), &where);

    if (result < 0)
        return seam_push_failure(L, result);
    address_format(&where, text, sizeof text);
    lua_pushstring(L, text);
    return 1;
}

/* is_address(text) -> whether it can be listened on or connected to, as far as its text goes */
static int l_is_address(lua_State *L)
{
    Address address;

    lua_pushboolean(L, address_parse(luaL_checkstring(L, 1), &address) == 0);
    return 1;
}

/* close_descriptor(fd) */
static int l_close_descriptor(lua_State *L)
{
    close((int)luaL_checkinteger(L, 1));
    return 0;
}

static int find_free_server(const Host *host)
{
    for (int i = 0; i < HOST_SERVER_COUNT; i++) {
        if (host->servers[i] == NULL)
            return i;
    }
    return ERR_FULL;
}

/* The slot of a server to be opened with `fd`, which is closed when there is none. */
static int take_slot(const Host *host, int fd)
{
    int index = find_free_server(host);

    if (index < 0)
        close(fd);
    return index;
}

/* The number of the server in slot `index`, which goes by `name` in metrics; or why there is
 * none. */
static int push_server(lua_State *L, int index, int result, const char *name)
{
    if (result < 0)
        return seam_push_failure(L, result);
    server_metrics_open(seam_host(L), index, name);
    lua_pushinteger(L, index + 1);
    return 1;
}

/* serve_http(fd, options) -> server | nil, code. Owns the descriptor from then on. */
static int l_serve_http(lua_State *L)
{
    Host *host = seam_host(L);
    int fd = (int)luaL_checkinteger(L, 1);
    HttpServerOptions options = server_options_check_http(L, 2);
    int index = take_slot(host, fd), result = index;

    options.handler = &exchange_handler;
    options.owner = host;
    if (index >= 0)
        result = http_server_open(host->loop, fd, &options, &host->servers[index]);
    return push_server(L, index, result, options.is_trusted ? "mesh" : "http");
}

/* serve_rpc(fd, options) -> server | nil, code. Owns the descriptor from then on. */
static int l_serve_rpc(lua_State *L)
{
    Host *host = seam_host(L);
    int fd = (int)luaL_checkinteger(L, 1);
    RpcServerOptions options = server_options_check_rpc(L, 2);
    uint32_t first_type = server_options_check_number(L, 2, "first_type", GOB_FIRST_TYPE);
    int index = take_slot(host, fd), result = index;

    options.handler = &call_handler;
    options.owner = host;
    host->rpc_limits = options.limits;
    gob_types_set_first(host->gob_types, first_type);
    if (index >= 0)
        result = rpc_server_open(host->loop, fd, &options, host->gob_types, &host->servers[index]);
    return push_server(L, index, result, "rpc");
}

Server *seam_check_server(lua_State *L, int argument)
{
    lua_Integer index = luaL_checkinteger(L, argument);

    luaL_argcheck(L, index >= 1 && index <= HOST_SERVER_COUNT, argument, "no such server");
    return seam_host(L)->servers[index - 1];
}

/* drain_server(server): no new connections; what runs is answered */
static int l_drain_server(lua_State *L)
{
    Server *server = seam_check_server(L, 1);

    if (server != NULL)
        server_drain(server);
    return 0;
}

/* close_server(server): every connection, at once */
static int l_close_server(lua_State *L)
{
    Server *server = seam_check_server(L, 1);
    int index = (int)lua_tointeger(L, 1) - 1;

    server_metrics_close(seam_host(L), index);
    server_close(server);
    seam_host(L)->servers[index] = NULL;
    return 0;
}

static const luaL_Reg functions[] = {
    {"adopt_listening",  l_adopt_listening },
    {"close_descriptor", l_close_descriptor},
    {"close_server",     l_close_server    },
    {"drain_server",     l_drain_server    },
    {"is_address",       l_is_address      },
    {"listen",           l_listen          },
    {"serve_http",       l_serve_http      },
    {"serve_rpc",        l_serve_rpc       },
    {NULL,               NULL              },
};

void bind_server_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
