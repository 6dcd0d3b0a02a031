/* The RPC server of a process, and the table of RPC services. */
#include "base/error.h"
#include "bind/call.h"
#include "bind/seam.h"

static uint32_t option(lua_State *L, const char *name, size_t default_value)
{
    lua_Number value;

    lua_getfield(L, 2, name);
    value = luaL_optnumber(L, -1, (lua_Number)default_value);
    lua_pop(L, 1);
    luaL_argcheck(L, value >= 0 && value <= UINT32_MAX, 2, name);
    return (uint32_t)value;
}

static RpcServerOptions check_options(lua_State *L)
{
    RpcServerOptions options = rpc_server_default_options;
    RpcLimits *limits = &options.limits;

    luaL_checktype(L, 2, LUA_TTABLE);
    limits->message_size = option(L, "max_message", limits->message_size);
    limits->nesting_count = option(L, "max_nesting", limits->nesting_count);
    limits->pending_count = option(L, "max_pending", limits->pending_count);
    limits->batch_count = option(L, "max_batch", limits->batch_count);
    options.connection_count = option(L, "max_connections", options.connection_count);
    options.unsent_size = option(L, "max_unsent", options.unsent_size);
    options.read_timeout_ms = option(L, "read_timeout", options.read_timeout_ms);
    options.idle_timeout_ms = option(L, "idle_timeout", options.idle_timeout_ms);
    options.write_timeout_ms = option(L, "write_timeout", options.write_timeout_ms);
    return options;
}

/* serve_rpc(fd, options) -> true | nil, code. Owns the descriptor from then on; a process has one
 * RPC server. */
static int l_serve_rpc(lua_State *L)
{
    Host *host = seam_host(L);
    int fd = (int)luaL_checkinteger(L, 1);
    RpcServerOptions options = check_options(L);

    luaL_argcheck(L, host->rpc_server == NULL, 1, "there is an RPC server already");
    options.handler = &call_handler;
    options.owner = host;
    host->rpc_limits = options.limits;
    gob_types_set_first(host->gob_types, option(L, "first_type", GOB_FIRST_TYPE));
    return seam_push_result(
        L, rpc_server_open(host->loop, fd, &options, host->gob_types, &host->rpc_server));
}

/* drain_rpc(): no new connections; calls in flight are answered, others refused */
static int l_drain_rpc(lua_State *L)
{
    Host *host = seam_host(L);

    if (host->rpc_server != NULL)
        rpc_server_drain(host->rpc_server);
    return 0;
}

/* rpc_counters() -> {accepted=, refused=, calls=, ...} | nil, "closed" */
static int l_rpc_counters(lua_State *L)
{
    const RpcServer *server = seam_host(L)->rpc_server;
    const RpcServerCounters *counters;

    if (server == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    counters = rpc_server_counters(server);
    lua_createtable(L, 0, 9);
    seam_set_number(L, "accepted", (lua_Number)counters->accepted_count);
    seam_set_number(L, "refused", (lua_Number)counters->refused_count);
    seam_set_number(L, "calls", (lua_Number)counters->call_count);
    seam_set_number(L, "abandoned", (lua_Number)counters->abandoned_count);
    seam_set_number(L, "timeouts", (lua_Number)counters->timeout_count);
    seam_set_number(L, "rejected", (lua_Number)counters->rejected_count);
    seam_set_number(L, "received_size", (lua_Number)counters->received_size);
    seam_set_number(L, "sent_size", (lua_Number)counters->sent_size);
    seam_set_number(L, "connections", (lua_Number)counters->connection_count);
    return 1;
}

/* Adds the {name, handle} on top of L and pops it. Returns 0 or a negative code. */
static int add_service(lua_State *L, MethodTable *table)
{
    const char *name;
    size_t size;
    int result = ERR_INVALID;

    lua_rawgeti(L, -1, 1);
    lua_rawgeti(L, -2, 2);
    /* Not a number, which would become a string here, and that may raise. */
    if (lua_type(L, -2) == LUA_TSTRING && lua_isnumber(L, -1)) {
        name = lua_tolstring(L, -2, &size);
        result = method_table_add(table, name, size, (Handle)lua_tonumber(L, -1));
    }
    lua_pop(L, 3);
    return result;
}

/* set_methods({{service, handle}, ...}) -> true | nil, code, index. Replaces all RPC services at
 * once, or none. */
static int l_set_methods(lua_State *L)
{
    Host *host = seam_host(L);
    MethodTable *table;
    size_t count;
    int result;

    luaL_checktype(L, 1, LUA_TTABLE);
    count = lua_objlen(L, 1);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, (int)i);
        luaL_argcheck(L, lua_istable(L, -1), 1, "pairs expected");
        lua_pop(L, 1);
    }
    table = method_table_create();
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, 1, (int)i);
        if ((result = add_service(L, table)) < 0) {
            method_table_destroy(table);
            seam_push_failure(L, result);
            lua_pushinteger(L, (lua_Integer)i);
            return 3;
        }
    }
    method_table_destroy(host->methods);
    host->methods = table;
    return seam_push_result(L, 0);
}

static const luaL_Reg functions[] = {
    {"drain_rpc",    l_drain_rpc   },
    {"rpc_counters", l_rpc_counters},
    {"serve_rpc",    l_serve_rpc   },
    {"set_methods",  l_set_methods },
    {NULL,           NULL          },
};

void bind_rpc_server_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
