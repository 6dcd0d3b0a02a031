/* Requests that are sent on, and answers that are given back, as bytes: neither becomes a value of
 * Lua. What is not plain is left to Lua, which has readers and writers for everything. */
#include "base/error.h"
#include "bind/exchange.h"
#include "bind/seam.h"
#include "bind/stream_box.h"
#include "http/http1_forward.h"
#include "server/http_server.h"

/* A request in another form than this, or of another worker's client. */
static bool is_plain(const Http1Exchange *exchange)
{
    const Http1Head *head = http1_exchange_head(exchange);

    return head->minor_version == 1 && head->body_kind == HTTP1_NO_BODY && !head->is_head &&
           !http_server_trusts(exchange);
}

static int send_on(const Http1Exchange *exchange, Stream *stream, Http1Forward forward)
{
    static Buffer scratch; /* keeps its memory from one request to the next */
    TlsDescription description;
    char client[ADDRESS_TEXT_SIZE];

    address_format_host(http_server_peer(exchange), client, sizeof client);
    forward.client = client;
    forward.is_secure = http_server_describe_tls(exchange, &description);
    buffer_clear(&scratch);
    http1_forward_request(&scratch, http1_exchange_head(exchange), &forward);
    return stream_write(stream, scratch.bytes, scratch.size);
}

/* Nothing in it can end its line, or its place there. */
static bool is_target(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)bytes[i] <= ' ' || bytes[i] == 127)
            return false;
    return size != 0;
}

/* exchange_forward(id, stream, target, fields) -> true: the request is on its way, with these
 * fields besides its own | nil, "invalid": it is not plain, and nothing was sent | nil, code */
static int l_exchange_forward(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    StreamBox *stream = stream_box_check(L, 2);
    Http1Forward forward = {0};

    forward.target = luaL_checklstring(L, 3, &forward.target_size);
    luaL_argcheck(L, is_target(forward.target, forward.target_size), 3, "not a target");
    forward.fields = exchange_check_fields(L, 4, &forward.fields_size);
    if (box == NULL || stream == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    if (!is_plain(box->exchange))
        return seam_push_failure(L, ERR_INVALID);
    return seam_push_result(L, send_on(box->exchange, stream_box_stream(stream), forward));
}

/* The instance is ill, which may be a reason to ask another. */
static bool is_at_fault(int status)
{
    return status >= 502 && status <= 504;
}

/* exchange_return(id, stream, route or nil) -> status, whether the stream may be used again: the
 * exchange was answered with the answer on the stream, and is over | nil, "again": EVENT_READABLE
 * will come | nil, "invalid": it is not plain, and was not taken | nil, code */
static int l_exchange_return(lua_State *L)
{
    static Buffer fields; /* keeps its memory from one answer to the next */
    ExchangeBox *box = exchange_check(L, 1);
    StreamBox *stream = stream_box_check(L, 2);
    const Buffer *input;
    Http1Reply reply;
    Http1Return answer;
    int result;

    if (box == NULL || stream == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    input = stream_box_input(stream);
    buffer_clear(&fields);
    result =
        input->size == 0 ? 0 : http1_forward_answer(input->bytes, input->size, &answer, &fields);
    if (result == 0)
        return seam_push_failure(L, stream_box_await(stream));
    if (result < 0 || is_at_fault(answer.status))
        return seam_push_failure(L, ERR_INVALID);
    reply = (Http1Reply){
        .status = answer.status,
        .fields = fields.size != 0 ? fields.bytes : "",
        .fields_size = fields.size,
        .body = input->bytes + answer.head_size,
        .body_size = answer.body_size,
    };
    meter_set_route(&box->meter, lua_tointeger(L, 3));
    http_server_respond(box->exchange, &reply);
    exchange_close(box);
    lua_pushinteger(L, answer.status);
    lua_pushboolean(L, answer.is_keep_alive && input->size == answer.head_size + answer.body_size);
    stream_box_consume(stream, answer.head_size + answer.body_size);
    return 2;
}

static const luaL_Reg functions[] = {
    {"exchange_forward", l_exchange_forward},
    {"exchange_return",  l_exchange_return },
    {NULL,               NULL              },
};

void bind_forward_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
