/* Bodies and answers of exchanges in pieces. */
#include "base/error.h"
#include "bind/exchange.h"
#include "bind/seam.h"
#include "server/server_exchange.h"

/* exchange_read(id, size) -> the next bytes of the body, at most so many | nil, "again": EVENT_BODY
 * will come | nil, "eof" | nil, code */
static int l_exchange_read(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    lua_Number limit = luaL_checknumber(L, 2);
    const Buffer *body;
    size_t size;
    int status;

    luaL_argcheck(L, limit >= 1, 2, "must be at least 1");
    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    body = http1_exchange_body(box->exchange);
    if (body->size > 0) {
        size = limit < (lua_Number)body->size ? (size_t)limit : body->size;
        lua_pushlstring(L, body->bytes, size);
        server_exchange_consume_body(box->exchange, size);
        return 1;
    }
    status = http1_exchange_body_status(box->exchange);
    if (status < 0)
        return seam_push_failure(L, status);
    if (status > 0)
        return seam_push_failure(L, ERR_EOF);
    http_server_await_body(box->exchange);
    return seam_push_failure(L, ERR_AGAIN);
}

/* exchange_trailers(id) -> the trailer fields behind a complete body, as lines | nil, "closed" */
static int l_exchange_trailers(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    const Buffer *trailers;

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    trailers = http1_exchange_trailers(box->exchange);
    lua_pushlstring(L, trailers->size == 0 ? "" : trailers->bytes, trailers->size);
    return 1;
}

/* exchange_start(id, status, fields, Content-Length or nil, route or nil) -> true | nil, code: an
 * answer in pieces has begun */
static int l_exchange_start(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    Http1Reply head = {.status = exchange_check_status(L, 2)};
    lua_Number length = luaL_optnumber(L, 4, 0);
    uint64_t size;

    head.fields = exchange_check_fields(L, 3, &head.fields_size);
    luaL_argcheck(L, length >= 0 && length < 0x1p53, 4, "not a length");
    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    meter_set_route(&box->meter, lua_tointeger(L, 5));
    size = lua_isnoneornil(L, 4) ? HTTP1_UNKNOWN_LENGTH : (uint64_t)length;
    return seam_push_result(L, server_exchange_start(box->exchange, &head, size));
}

/* exchange_write(id, bytes, start) -> how many bytes are written now, `start` counted in | nil,
 * "again": EVENT_ROOM will come | nil, code */
static int l_exchange_write(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    lua_Number start = luaL_checknumber(L, 3);
    long written;

    luaL_argcheck(L, start >= 0 && start <= (lua_Number)size, 3, "out of range");
    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    written = server_exchange_write(box->exchange, bytes + (size_t)start, size - (size_t)start);
    if (written < 0)
        return seam_push_failure(L, (int)written);
    lua_pushnumber(L, start + (lua_Number)written);
    return 1;
}

/* exchange_finish(id, trailers) -> true | nil, code: the exchange is over either way */
static int l_exchange_finish(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    size_t size;
    const char *trailers = exchange_check_fields(L, 2, &size);
    int result;

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    result = server_exchange_finish(box->exchange, trailers, size);
    exchange_close(box);
    return seam_push_result(L, result);
}

/* exchange_cut(id): the answer ends here, and the client can tell that it is not whole */
static int l_exchange_cut(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);

    if (box != NULL)
        exchange_close(box);
    return 0;
}

static const luaL_Reg functions[] = {
    {"exchange_cut",      l_exchange_cut     },
    {"exchange_finish",   l_exchange_finish  },
    {"exchange_read",     l_exchange_read    },
    {"exchange_start",    l_exchange_start   },
    {"exchange_trailers", l_exchange_trailers},
    {"exchange_write",    l_exchange_write   },
    {NULL,                NULL               },
};

void bind_exchange_stream_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
