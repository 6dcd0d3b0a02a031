#include "bind/server_options.h"

#include <lauxlib.h>

uint32_t server_options_check_number(lua_State *L, int argument, const char *name,
                                     size_t default_value)
{
    lua_Number value;

    lua_getfield(L, argument, name);
    value = luaL_optnumber(L, -1, (lua_Number)default_value);
    lua_pop(L, 1);
    luaL_argcheck(L, value >= 0 && value <= UINT32_MAX, argument, name);
    return (uint32_t)value;
}

static void check(lua_State *L, int argument, const char *name, uint32_t *value)
{
    *value = server_options_check_number(L, argument, name, *value);
}

static void check_size(lua_State *L, int argument, const char *name, size_t *value)
{
    *value = server_options_check_number(L, argument, name, *value);
}

static void check_bounds(lua_State *L, int argument, ServerBounds *bounds)
{
    check(L, argument, "max_connections", &bounds->connection_count);
    check(L, argument, "max_unsent", &bounds->unsent_size);
    check(L, argument, "head_timeout", &bounds->head_timeout_ms);
    check(L, argument, "body_timeout", &bounds->body_timeout_ms);
    check(L, argument, "idle_timeout", &bounds->idle_timeout_ms);
    check(L, argument, "write_timeout", &bounds->write_timeout_ms);
}

HttpServerOptions server_options_check_http(lua_State *L, int argument)
{
    HttpServerOptions options = http_server_default_options;
    Http1Limits *limits = &options.limits;

    luaL_checktype(L, argument, LUA_TTABLE);
    check_bounds(L, argument, &options.bounds);
    check_size(L, argument, "max_target", &limits->target_size);
    check_size(L, argument, "max_head", &limits->head_size);
    check_size(L, argument, "max_fields", &limits->field_count);
    check_size(L, argument, "max_body", &limits->body_size);
    check_size(L, argument, "max_framing", &limits->framing_size);
    check_size(L, argument, "max_unread", &limits->unread_size);
    check_size(L, argument, "max_pipelined", &limits->pipelined_count);
    lua_getfield(L, argument, "is_trusted");
    options.is_trusted = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return options;
}

RpcServerOptions server_options_check_rpc(lua_State *L, int argument)
{
    RpcServerOptions options = rpc_server_default_options;
    RpcLimits *limits = &options.limits;

    luaL_checktype(L, argument, LUA_TTABLE);
    check_bounds(L, argument, &options.bounds);
    check_size(L, argument, "max_message", &limits->message_size);
    check(L, argument, "max_nesting", &limits->nesting_count);
    check(L, argument, "max_pending", &limits->pending_count);
    check(L, argument, "max_batch", &limits->batch_count);
    return options;
}
