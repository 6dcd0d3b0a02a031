/* Listening sockets, HTTP servers on them, and the table of mounts. */
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "bind/exchange.h"
#include "bind/seam.h"
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

/* close_descriptor(fd) */
static int l_close_descriptor(lua_State *L)
{
    close((int)luaL_checkinteger(L, 1));
    return 0;
}

static size_t option(lua_State *L, const char *name, size_t default_value)
{
    lua_Number value;

    lua_getfield(L, 2, name);
    value = luaL_optnumber(L, -1, (lua_Number)default_value);
    lua_pop(L, 1);
    luaL_argcheck(L, value >= 0 && value <= UINT32_MAX, 2, name);
    return (size_t)value;
}

static HttpServerOptions check_options(lua_State *L)
{
    HttpServerOptions options = http_server_default_options;
    Http1Limits *limits = &options.limits;

    luaL_checktype(L, 2, LUA_TTABLE);
    limits->target_size = option(L, "max_target", limits->target_size);
    limits->head_size = option(L, "max_head", limits->head_size);
    limits->field_count = option(L, "max_fields", limits->field_count);
    limits->body_size = option(L, "max_body", limits->body_size);
    limits->framing_size = option(L, "max_framing", limits->framing_size);
    limits->unread_size = option(L, "max_unread", limits->unread_size);
    limits->pipelined_count = option(L, "max_pipelined", limits->pipelined_count);
    options.unsent_size = (uint32_t)option(L, "max_unsent", options.unsent_size);
    lua_getfield(L, 2, "is_trusted");
    options.is_trusted = lua_toboolean(L, -1);
    lua_pop(L, 1);
    options.connection_count = (uint32_t)option(L, "max_connections", options.connection_count);
    options.head_timeout_ms = (uint32_t)option(L, "head_timeout", options.head_timeout_ms);
    options.body_timeout_ms = (uint32_t)option(L, "body_timeout", options.body_timeout_ms);
    options.idle_timeout_ms = (uint32_t)option(L, "idle_timeout", options.idle_timeout_ms);
    options.write_timeout_ms = (uint32_t)option(L, "write_timeout", options.write_timeout_ms);
    return options;
}

static int find_free_server(const Host *host)
{
    for (int i = 0; i < HOST_SERVER_COUNT; i++) {
        if (host->servers[i] == NULL)
            return i;
    }
    return ERR_FULL;
}

/* serve_http(fd, options) -> server | nil, code. Owns the descriptor from then on. */
static int l_serve_http(lua_State *L)
{
    Host *host = seam_host(L);
    int fd = (int)luaL_checkinteger(L, 1);
    HttpServerOptions options = check_options(L);
    int index = find_free_server(host);
    int result;

    if (index < 0)
        return seam_push_failure(L, index);
    options.handler = &exchange_handler;
    options.owner = host;
    result = http_server_open(host->loop, fd, &options, &host->servers[index]);
    if (result < 0)
        return seam_push_failure(L, result);
    lua_pushinteger(L, index + 1);
    return 1;
}

HttpServer *seam_check_server(lua_State *L, int argument)
{
    lua_Integer index = luaL_checkinteger(L, argument);

    luaL_argcheck(L, index >= 1 && index <= HOST_SERVER_COUNT, argument, "no such server");
    return seam_host(L)->servers[index - 1];
}

/* drain_http(server): no new connections or requests; what runs is answered */
static int l_drain_http(lua_State *L)
{
    HttpServer *server = seam_check_server(L, 1);

    if (server != NULL)
        http_server_drain(server);
    return 0;
}

/* close_http(server): every connection, at once */
static int l_close_http(lua_State *L)
{
    http_server_close(seam_check_server(L, 1));
    seam_host(L)->servers[lua_tointeger(L, 1) - 1] = NULL;
    return 0;
}

/* Sets counters.limits: how often each limit was reached, by its key in the configuration file. */
static void set_limit_counters(lua_State *L, const HttpServerCounters *counters)
{
    const Http1Counters *http1 = &counters->http1;

    lua_createtable(L, 0, 13);
    seam_set_number(L, "max_connections", (lua_Number)counters->refused_count);
    seam_set_number(L, "max_target", (lua_Number)http1->target_count);
    seam_set_number(L, "max_head", (lua_Number)http1->head_count);
    seam_set_number(L, "max_fields", (lua_Number)http1->field_count);
    seam_set_number(L, "max_body", (lua_Number)http1->body_count);
    seam_set_number(L, "max_framing", (lua_Number)http1->framing_count);
    seam_set_number(L, "max_pipelined", (lua_Number)http1->pipelined_count);
    seam_set_number(L, "max_unsent", (lua_Number)counters->unsent_full_count);
    seam_set_number(L, "head_timeout", (lua_Number)counters->head_timeout_count);
    seam_set_number(L, "body_timeout", (lua_Number)counters->body_timeout_count);
    seam_set_number(L, "idle_timeout", (lua_Number)counters->idle_timeout_count);
    seam_set_number(L, "write_timeout", (lua_Number)counters->write_timeout_count);
    lua_setfield(L, -2, "limits");
}

/* http_counters(server) -> {accepted=, refused=, requests=, ...} | nil, "closed" */
static int l_http_counters(lua_State *L)
{
    HttpServer *server = seam_check_server(L, 1);
    const HttpServerCounters *counters;

    if (server == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    counters = http_server_counters(server);
    lua_createtable(L, 0, 16);
    set_limit_counters(L, counters);
    seam_set_number(L, "malformed", (lua_Number)counters->http1.malformed_count);
    seam_set_number(L, "unsupported", (lua_Number)counters->http1.unsupported_count);
    seam_set_number(L, "accepted", (lua_Number)counters->accepted_count);
    seam_set_number(L, "refused", (lua_Number)counters->refused_count);
    seam_set_number(L, "requests", (lua_Number)counters->request_count);
    seam_set_number(L, "abandoned", (lua_Number)counters->abandoned_count);
    seam_set_number(L, "timeouts", (lua_Number)counters->timeout_count);
    seam_set_number(L, "rejected", (lua_Number)counters->rejected_count);
    seam_set_number(L, "handshake_failures", (lua_Number)counters->handshake_failure_count);
    seam_set_number(L, "cut_files", (lua_Number)counters->cut_file_count);
    seam_set_number(L, "uncompressed", (lua_Number)seam_host(L)->refused_deflate_count);
    seam_set_number(L, "received_size", (lua_Number)counters->received_size);
    seam_set_number(L, "sent_size", (lua_Number)counters->sent_size);
    seam_set_number(L, "stream_peak_size", (lua_Number)counters->stream_peak_size);
    seam_set_number(L, "connections", (lua_Number)counters->connection_count);
    return 1;
}

/* Adds the {prefix, handle, body size or nil} on top of L and pops it. Returns 0 or a negative
 * code. */
static int add_mount(lua_State *L, MountTable *table)
{
    size_t size;
    const char *prefix;
    int result = ERR_INVALID;

    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    lua_rawgeti(L, -3, 3);
    /* Not a number, which would become a string here, and that may raise. */
    if (lua_type(L, -3) == LUA_TSTRING && lua_isnumber(L, -2)) {
        MountTarget target = {(Handle)lua_tonumber(L, -2), (uint64_t)lua_tonumber(L, -1)};
        prefix = lua_tolstring(L, -3, &size);
        result = mount_table_add(table, prefix, size, target);
    }
    lua_pop(L, 4);
    return result;
}

/* set_mounts({{prefix, handle, largest body or nil}, ...}) -> true | nil, code, index. Replaces all
 * mounts at once, or none. */
static int l_set_mounts(lua_State *L)
{
    Host *host = seam_host(L);
    MountTable *table;
    size_t count;
    int result = 0;

    luaL_checktype(L, 1, LUA_TTABLE);
    count = lua_objlen(L, 1);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, (int)i);
        luaL_argcheck(L, lua_istable(L, -1), 1, "pairs expected");
        lua_pop(L, 1);
    }
    table = mount_table_create();
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, (int)i);
        if ((result = add_mount(L, table)) < 0) {
            mount_table_destroy(table);
            seam_push_failure(L, result);
            lua_pushinteger(L, (lua_Integer)i);
            return 3;
        }
    }
    mount_table_destroy(host->mounts);
    host->mounts = table;
    return seam_push_result(L, 0);
}

static const luaL_Reg functions[] = {
    {"close_descriptor", l_close_descriptor},
    {"close_http",       l_close_http      },
    {"drain_http",       l_drain_http      },
    {"http_counters",    l_http_counters   },
    {"listen",           l_listen          },
    {"serve_http",       l_serve_http      },
    {"set_mounts",       l_set_mounts      },
    {NULL,               NULL              },
};

void bind_server_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
