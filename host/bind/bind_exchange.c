/* HTTP exchanges, by number. What a handler does not ask for is never made a Lua value. */
#include <string.h>

#include "base/error.h"
#include "bind/exchange.h"
#include "bind/isolates.h"
#include "bind/seam.h"
#include "http/http1_rules.h"
#include "server/server_exchange.h"

/* A service may only name its own exchanges. */
ExchangeBox *exchange_check(lua_State *L, int argument)
{
    ExchangeBox *box = exchange_find(seam_host(L), seam_check_handle(L, argument));

    return box != NULL && box->resource.isolate == isolate_from(L) ? box : NULL;
}

static void push_slice(lua_State *L, const Http1Head *head, Http1Slice slice)
{
    lua_pushlstring(L, head->bytes + slice.offset, slice.size);
}

/* Few clients say any of it. Returns how many values that is. */
static int push_hop(lua_State *L, const ExchangeBox *box, const Hop *hop)
{
    bool is_timed = box->deadline_s > 0 || hop->previous_attempts > 0;
    bool is_sampled = hop_is_sampled(hop);

    if (!is_timed && !is_sampled)
        return 0;
    if (box->deadline_s > 0)
        lua_pushnumber(L, box->deadline_s);
    else
        lua_pushnil(L);
    if (is_timed)
        lua_pushinteger(L, (lua_Integer)hop->previous_attempts);
    else
        lua_pushnil(L);
    if (!is_sampled)
        return 2;
    lua_pushlstring(L, hop->trace, HOP_TRACE_SIZE);
    return 3;
}

int exchange_push_request(lua_State *L, Handle handle)
{
    const ExchangeBox *box = exchange_find(seam_host(L), handle);
    const Http1Head *head;

    if (box == NULL)
        return 0;
    head = http1_exchange_head(box->exchange);
    push_slice(L, head, head->method);
    push_slice(L, head, head->path);
    if (head->has_query)
        push_slice(L, head, head->query);
    else
        lua_pushnil(L);
    if (box->mount_size == 0)
        lua_pushliteral(L, "/");
    else
        lua_pushlstring(L, head->bytes + head->path.offset, box->mount_size);
    lua_pushinteger(L, head->minor_version);
    if (head->target.size == head->path.size)
        lua_pushvalue(L, -4); /* the path */
    else
        push_slice(L, head, head->target);
    return 6 + push_hop(L, box, &head->hop);
}

/* exchange_fields(id) -> {name, value, name, value, ...} as sent | nil, "closed" */
static int l_exchange_fields(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    const Http1Head *head;

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    head = http1_exchange_head(box->exchange);
    lua_createtable(L, (int)(2 * head->field_count), 0);
    for (size_t i = 0; i < head->field_count; i++) {
        push_slice(L, head, head->fields[i].name);
        lua_rawseti(L, -2, (int)(2 * i + 1));
        push_slice(L, head, head->fields[i].value);
        lua_rawseti(L, -2, (int)(2 * i + 2));
    }
    return 1;
}

/* exchange_field(id, name) -> the values of all such fields, joined by ", " | nil */
static int l_exchange_field(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    size_t name_size;
    const char *name = luaL_checklstring(L, 2, &name_size);
    const Http1Head *head;
    luaL_Buffer value;
    int index;

    if (box == NULL)
        return 0;
    head = http1_exchange_head(box->exchange);
    if ((index = http1_head_find(head, name, name_size, 0)) < 0)
        return 0;
    luaL_buffinit(L, &value);
    while (index >= 0) {
        Http1Slice slice = head->fields[index].value;
        luaL_addlstring(&value, head->bytes + slice.offset, slice.size);
        index = http1_head_find(head, name, name_size, (size_t)index + 1);
        if (index >= 0)
            luaL_addlstring(&value, ", ", 2);
    }
    luaL_pushresult(&value);
    return 1;
}

static void push_text(lua_State *L, const char *text)
{
    if (text != NULL)
        lua_pushstring(L, text);
    else
        lua_pushnil(L);
}

/* exchange_tls(id) -> version, cipher, host asked for or nil, subject of the client's certificate
 * or nil | nothing without TLS */
static int l_exchange_tls(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    TlsDescription description;

    if (box == NULL || !http_server_describe_tls(box->exchange, &description))
        return 0;
    lua_pushstring(L, description.version);
    lua_pushstring(L, description.cipher);
    push_text(L, description.server_name);
    push_text(L, description.client);
    return 4;
}

/* exchange_peer(id) -> host, port | nil, "closed" */
static int l_exchange_peer(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    const Address *peer;
    char host[ADDRESS_TEXT_SIZE];

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    peer = http_server_peer(box->exchange);
    address_format_host(peer, host, sizeof host);
    lua_pushstring(L, host);
    lua_pushinteger(L, address_port(peer));
    return 2;
}

/* exchange_origin(id) -> what another worker says about the client | nothing when no worker sent
 * it. Whatever clients put there themselves is not looked at. */
static int l_exchange_origin(lua_State *L)
{
    static const char name[] = "perigee-origin";
    ExchangeBox *box = exchange_check(L, 1);
    const Http1Head *head;
    int index;

    if (box == NULL || !http_server_trusts(box->exchange))
        return 0;
    head = http1_exchange_head(box->exchange);
    if ((index = http1_head_find(head, name, sizeof name - 1, 0)) < 0)
        return 0;
    push_slice(L, head, head->fields[index].value);
    return 1;
}

/* exchange_body(id) -> the whole body | nil, "again": EVENT_BODY will come at its end | nil,
 * code */
static int l_exchange_body(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    const Buffer *body;
    int status;

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    status = http1_exchange_body_status(box->exchange);
    if (status < 0)
        return seam_push_failure(L, status);
    if (status == 0) {
        server_exchange_await_whole_body(box->exchange);
        return seam_push_failure(L, ERR_AGAIN);
    }
    body = http1_exchange_body(box->exchange);
    lua_pushlstring(L, body->size == 0 ? "" : body->bytes, body->size);
    return 1;
}

/* True when `text` is nothing but lines "token: value\r\n". Whatever wrote it, nothing else may
 * reach a head. */
static bool are_fields(const char *text, size_t size)
{
    while (size > 0) {
        const char *end = memchr(text, '\r', size);
        const char *colon = memchr(text, ':', size);

        if (end == NULL || colon == NULL || colon > end || end + 1 == text + size || end[1] != '\n')
            return false;
        if (!http1_is_token(text, (size_t)(colon - text)) ||
            !http1_is_value(colon + 1, (size_t)(end - colon - 1)))
            return false;
        size -= (size_t)(end + 2 - text);
        text = end + 2;
    }
    return true;
}

/* Most answers have the same few fields as the one before, so those are known to be right. */
static bool are_known_fields(const char *text, size_t size)
{
    static char known[256];
    static size_t known_size;

    if (size == known_size && memcmp(text, known, size) == 0)
        return true;
    if (!are_fields(text, size))
        return false;
    if (size <= sizeof known) {
        memcpy(known, text, size);
        known_size = size;
    }
    return true;
}

const char *exchange_check_fields(lua_State *L, int argument, size_t *size)
{
    const char *text = luaL_checklstring(L, argument, size);

    luaL_argcheck(L, are_known_fields(text, *size), argument, "not a list of fields");
    return text;
}

int exchange_check_status(lua_State *L, int argument)
{
    lua_Integer status = luaL_checkinteger(L, argument);

    luaL_argcheck(L, status >= 200 && status <= 599, argument, "not a final status");
    return (int)status;
}

/* exchange_respond(id, status, fields, body, route or nil) -> true | nil, code: the exchange is
 * over either way. The route is what it is counted as. */
static int l_exchange_respond(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    Http1Reply reply = {.status = exchange_check_status(L, 2)};
    int result;

    reply.fields = exchange_check_fields(L, 3, &reply.fields_size);
    reply.body = luaL_checklstring(L, 4, &reply.body_size);
    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    meter_set_route(&box->meter, lua_tointeger(L, 5));
    result = http_server_respond(box->exchange, &reply);
    exchange_close(box);
    return seam_push_result(L, result);
}

/* exchange_hand_over(id, handle) -> true | nil, "closed": another isolate gets the request as if
 * it were new */
static int l_exchange_hand_over(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    Isolate *target = isolates_find(seam_host(L), seam_check_handle(L, 2));

    if (box == NULL || target == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    exchange_hand_over(box, target, (Event){.kind = EVENT_REQUEST});
    return seam_push_result(L, 0);
}

static const luaL_Reg functions[] = {
    {"exchange_body",      l_exchange_body     },
    {"exchange_field",     l_exchange_field    },
    {"exchange_fields",    l_exchange_fields   },
    {"exchange_hand_over", l_exchange_hand_over},
    {"exchange_origin",    l_exchange_origin   },
    {"exchange_peer",      l_exchange_peer     },
    {"exchange_respond",   l_exchange_respond  },
    {"exchange_tls",       l_exchange_tls      },
    {NULL,                 NULL                },
};

void bind_exchange_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
