/* RPC calls, by number. What comes in is read with one call, and answered with one. */
#include "base/error.h"
#include "bind/call.h"
#include "bind/isolates.h"
#include "bind/local_call.h"
#include "bind/seam.h"

enum { REPLY_TYPE_COUNT = 256, METHOD_SIZE = 1024 };

/* A service may only name its own calls. */
CallBox *call_check(lua_State *L, int argument)
{
    CallBox *box = handle_table_find(&seam_host(L)->calls, seam_check_handle(L, argument));

    return box != NULL && box->resource.isolate == isolate_from(L) ? box : NULL;
}

/* call_request(id) -> protocol, method, argument, connection, count of its definitions, deadline or
 * nil, whether items can be sent, previous attempts, traceparent or nothing | nil, "closed" */
static int l_call_request(lua_State *L)
{
    CallBox *box = call_check(L, 1);
    const RpcCall *call;

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    call = box->call;
    lua_pushinteger(L, call->protocol);
    lua_pushlstring(L, call->method, call->method_size);
    lua_pushlstring(L, call->argument, call->argument_size);
    lua_pushnumber(L, (lua_Number)call->connection);
    lua_pushinteger(L, (lua_Integer)call->definition_count);
    if (call->deadline_s == 0)
        lua_pushnil(L);
    else
        lua_pushnumber(L, call->deadline_s);
    lua_pushboolean(L, call->takes_items);
    lua_pushinteger(L, (lua_Integer)call->hop.previous_attempts);
    if (call->hop.trace[0] == '\0')
        return 8;
    lua_pushlstring(L, call->hop.trace, HOP_TRACE_SIZE);
    return 9;
}

/* call_peer(id) -> host, port | nothing when nobody outside called | nil, "closed" */
static int l_call_peer(lua_State *L)
{
    CallBox *box = call_check(L, 1);
    char host[ADDRESS_TEXT_SIZE];

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    if (box->peer.raw_size == 0)
        return 0;
    address_format_host(&box->peer, host, sizeof host);
    lua_pushstring(L, host);
    lua_pushinteger(L, address_port(&box->peer));
    return 2;
}

/* call_definitions(id, count) -> {message, ...} that define types on the call's connection, without
 * the first `count` of them | nil, "closed" */
static int l_call_definitions(lua_State *L)
{
    CallBox *box = call_check(L, 1);
    lua_Integer known = luaL_checkinteger(L, 2);
    GobReader rest, message;

    luaL_argcheck(L, known >= 0, 2, "must not be negative");
    if (box == NULL || box->call->caller == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    rest = rpc_channel_definitions(box->call, (uint32_t)known);
    lua_newtable(L);
    for (int i = 1; gob_read_bytes(&rest, &message); i++) {
        lua_pushlstring(L, message.bytes, message.size);
        lua_rawseti(L, -2, i);
    }
    return 1;
}

static size_t check_types(lua_State *L, int argument, uint32_t types[REPLY_TYPE_COUNT])
{
    size_t count = 0;

    if (lua_isnoneornil(L, argument))
        return 0;
    luaL_checktype(L, argument, LUA_TTABLE);
    count = lua_objlen(L, argument);
    luaL_argcheck(L, count <= REPLY_TYPE_COUNT, argument, "too many types");
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, argument, (int)i + 1);
        types[i] = (uint32_t)luaL_checkinteger(L, -1);
        lua_pop(L, 1);
    }
    return count;
}

/* call_reply(id, bytes, numbers of gob types or nil, whether it ends items) -> true | nil, code:
 * the call is over either way */
static int l_call_reply(lua_State *L)
{
    CallBox *box = call_check(L, 1);
    uint32_t types[REPLY_TYPE_COUNT];
    RpcReply reply = {.bytes = luaL_checklstring(L, 2, &reply.size)};

    reply.type_count = check_types(L, 3, types);
    reply.types = types;
    reply.ends_items = lua_toboolean(L, 4);
    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    return seam_push_result(L, call_answer(box, &reply));
}

/* call_send(id, bytes) -> true | nil, "again": EVENT_CALL_ROOM will come | nil, code: nobody takes
 * an item any more */
static int l_call_send(lua_State *L)
{
    CallBox *box = call_check(L, 1);
    RpcSlice item;

    item.bytes = luaL_checklstring(L, 2, &item.size);
    if (box == NULL || box->call == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    return seam_push_result(L, rpc_call_send(box->call, item));
}

/* call_fail(id, message, code or nil, JSON text or nil) -> true | nil, code: the call is over
 * either way */
static int l_call_fail(lua_State *L)
{
    CallBox *box = call_check(L, 1);
    RpcReply reply = {.is_failure = true};

    reply.bytes = luaL_checklstring(L, 2, &reply.size);
    reply.code = (int)luaL_optinteger(L, 3, 0);
    reply.data = luaL_optlstring(L, 4, NULL, &reply.data_size);
    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    return seam_push_result(L, call_answer(box, &reply));
}

/* call_hand_over(id, handle) -> true | nil, "closed": another isolate gets the call as if it were
 * new */
static int l_call_hand_over(lua_State *L)
{
    CallBox *box = call_check(L, 1);
    Isolate *target = isolates_find(seam_host(L), seam_check_handle(L, 2));

    if (box == NULL || target == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    call_hand_over(box, target);
    return seam_push_result(L, 0);
}

static LocalTarget check_target(lua_State *L)
{
    LocalTarget target = {.deadline_s = luaL_optnumber(L, 3, 0)};
    lua_Integer credit = luaL_optinteger(L, 4, 0);
    lua_Integer attempts = luaL_optinteger(L, 5, 0);
    size_t trace_size;
    const char *trace = luaL_optlstring(L, 6, NULL, &trace_size);

    target.method.bytes = luaL_checklstring(L, 1, &target.method.size);
    target.argument.bytes = luaL_checklstring(L, 2, &target.argument.size);
    luaL_argcheck(L, target.method.size < METHOD_SIZE, 1, "too long");
    luaL_argcheck(L, target.argument.size < UINT32_MAX, 2, "too large");
    luaL_argcheck(L, credit >= 0 && credit <= RPC_MOST_CREDIT, 4, "out of range");
    luaL_argcheck(L, attempts >= 0 && attempts <= INT32_MAX, 5, "out of range");
    target.credit = (uint32_t)credit;
    target.hop.previous_attempts = (uint32_t)attempts;
    if (trace != NULL)
        hop_read_trace(&target.hop, trace, trace_size);
    return target;
}

/* call_start(method, argument, deadline or nil, credit or nil, previous attempts or nil,
 * traceparent or nil) -> id: EVENT_ANSWER will come, and with credit an EVENT_ITEM before it for
 * each item | nil, "not_found": no service of this host has it */
static int l_call_start(lua_State *L)
{
    LocalTarget target = check_target(L);
    Handle handle;
    int result = local_call_start(isolate_from(L), &target, &handle);

    if (result < 0)
        return seam_push_failure(L, result);
    seam_push_handle(L, handle);
    return 1;
}

/* call_is_known(service) -> whether a service of this host goes by that name */
static int l_call_is_known(lua_State *L)
{
    RpcSlice service;

    service.bytes = luaL_checklstring(L, 1, &service.size);
    lua_pushboolean(L, local_call_is_known(seam_host(L), service));
    return 1;
}

/* call_notify(method, argument, deadline or nil) -> true | nil, "not_found" */
static int l_call_notify(lua_State *L)
{
    LocalTarget target = check_target(L);

    return seam_push_result(L, local_call_notify(isolate_from(L), &target));
}

/* call_cancel(id): nobody waits for the answer of this call any more */
static int l_call_cancel(lua_State *L)
{
    local_call_cancel(isolate_from(L), seam_check_handle(L, 1));
    return 0;
}

/* call_grant(id, count): the caller takes so many more items */
static int l_call_grant(lua_State *L)
{
    lua_Integer count = luaL_checkinteger(L, 2);

    luaL_argcheck(L, count > 0 && count <= RPC_MOST_CREDIT, 2, "out of range");
    local_call_grant(isolate_from(L), seam_check_handle(L, 1), (uint32_t)count);
    return 0;
}

/* gob_type(text) -> the number of the type that goes by this text in the whole process | nil,
 * code */
static int l_gob_type(lua_State *L)
{
    size_t size;
    const char *key = luaL_checklstring(L, 1, &size);
    long number = gob_types_intern(seam_host(L)->gob_types, key, size);

    if (number < 0)
        return seam_push_failure(L, (int)number);
    lua_pushinteger(L, (lua_Integer)number);
    return 1;
}

/* gob_define(number, message) -> true | nil, code: what is sent before the first value that needs
 * the type; a definition that is known already stays */
static int l_gob_define(lua_State *L)
{
    lua_Integer number = luaL_checkinteger(L, 1);
    size_t size;
    const char *message = luaL_checklstring(L, 2, &size);

    luaL_argcheck(L, number >= 0, 1, "not a type");
    return seam_push_result(
        L, gob_types_define(seam_host(L)->gob_types, (uint32_t)number, message, size));
}

static const luaL_Reg functions[] = {
    {"call_cancel",      l_call_cancel     },
    {"call_definitions", l_call_definitions},
    {"call_fail",        l_call_fail       },
    {"call_grant",       l_call_grant      },
    {"call_hand_over",   l_call_hand_over  },
    {"call_is_known",    l_call_is_known   },
    {"call_notify",      l_call_notify     },
    {"call_peer",        l_call_peer       },
    {"call_reply",       l_call_reply      },
    {"call_request",     l_call_request    },
    {"call_send",        l_call_send       },
    {"call_start",       l_call_start      },
    {"gob_define",       l_gob_define      },
    {"gob_type",         l_gob_type        },
    {NULL,               NULL              },
};

void bind_call_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
