/* Exchanges that go over to another protocol, and WebSockets among them. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "bind/exchange_websocket.h"
#include "bind/isolates.h"
#include "bind/seam.h"
#include "http/http1_upgrade.h"
#include "http/utf8.h"
#include "http/websocket_frame.h"
#include "http/websocket_key.h"
#include "server/server_exchange.h"

enum { PIECE_SIZE = 64 * 1024 }; /* of one frame of a long message */
enum { REASON_SIZE = 123 };
enum { WINDOW_BITS = 15 };

/* exchange_upgrade(id, fields, route or nil) -> true | nil, code: 101 was answered;
 * exchange_read and exchange_write have the bytes of the other protocol from now on */
static int l_exchange_upgrade(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    size_t size;
    const char *fields = exchange_check_fields(L, 2, &size);
    int result;

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    meter_set_route(&box->meter, lua_tointeger(L, 3));
    if ((result = server_exchange_upgrade(box->exchange, fields, size)) == 0)
        meter_upgrade(&box->meter, box->exchange);
    return seam_push_result(L, result);
}

/* websocket_accept(key) -> the value of Sec-WebSocket-Accept for one of Sec-WebSocket-Key */
static int l_websocket_accept(lua_State *L)
{
    size_t size;
    const char *key = luaL_checklstring(L, 1, &size);
    char accept[WEBSOCKET_ACCEPT_SIZE];

    websocket_key_accept(key, size, accept);
    lua_pushstring(L, accept);
    return 1;
}

static ExchangeBox *check_websocket(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);

    return box != NULL && box->websocket != NULL ? box : NULL;
}

static lua_Number field(lua_State *L, const char *name, lua_Number missing)
{
    lua_Number value;

    lua_getfield(L, 2, name);
    value = luaL_optnumber(L, -1, missing);
    lua_pop(L, 1);
    return value;
}

static bool flag(lua_State *L, const char *name)
{
    bool is_set;

    lua_getfield(L, 2, name);
    is_set = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is_set;
}

/* websocket_open(id, {message_size=, waiting_size=, waiting_count=, is_compressed=,
 * forgets_input=, forgets_output=, input_window_bits=, output_window_bits=}) -> true | nil, code.
 * Of an upgraded exchange, in place of exchange_read and exchange_write */
static int l_websocket_open(lua_State *L)
{
    ExchangeBox *box = exchange_check(L, 1);
    WebsocketOptions options = {
        .message_size = (size_t)field(L, "message_size", 1024 * 1024),
        .waiting_size = (size_t)field(L, "waiting_size", 64 * 1024),
        .waiting_count = (size_t)field(L, "waiting_count", 64),
        .deflate =
            {
                      .is_used = flag(L, "is_compressed"),
                      .forgets_input = flag(L, "forgets_input"),
                      .forgets_output = flag(L, "forgets_output"),
                      .input_window_bits = (int)field(L, "input_window_bits", WINDOW_BITS),
                      .output_window_bits = (int)field(L, "output_window_bits", WINDOW_BITS),
                      },
    };

    luaL_argcheck(L, options.waiting_size > 0 && options.waiting_count > 0, 2, "no room");
    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    if (box->websocket != NULL || !http1_exchange_is_upgraded(box->exchange))
        return seam_push_failure(L, ERR_INVALID);
    exchange_websocket_open(box, &options);
    return seam_push_result(L, 0);
}

static int push_message(lua_State *L, Websocket *socket)
{
    WebsocketMessage message;

    websocket_first_message(socket, &message);
    lua_pushlstring(L, message.bytes, message.size);
    lua_pushstring(L, message.kind == WEBSOCKET_TEXT ? "text" : "binary");
    websocket_drop_message(socket);
    return 2;
}

/* websocket_receive(id) -> the oldest message, "text" or "binary" | nil, "again": EVENT_BODY will
 * come | nil, "closed", close code, reason */
static int l_websocket_receive(lua_State *L)
{
    ExchangeBox *box = check_websocket(L);
    WebsocketMessage message;
    const Buffer *reason;

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    if (!exchange_websocket_is_ready(box))
        return seam_push_failure(L, ERR_AGAIN);
    if (websocket_first_message(box->websocket, &message))
        return push_message(L, box->websocket);
    reason = websocket_end_reason(box->websocket);
    seam_push_failure(L, ERR_CLOSED);
    lua_pushinteger(L, websocket_end_code(box->websocket));
    lua_pushlstring(L, reason->size > 0 ? reason->bytes : "", reason->size);
    return 4;
}

/* websocket_is_ready(id) -> true when websocket_receive has something to say; otherwise EVENT_BODY
 * will come */
static int l_websocket_is_ready(lua_State *L)
{
    ExchangeBox *box = check_websocket(L);

    lua_pushboolean(L, box == NULL || exchange_websocket_is_ready(box));
    return 1;
}

/* websocket_is_over(id) -> true when the closing handshake is complete, or the peer gone; otherwise
 * EVENT_BODY will come */
static int l_websocket_is_over(lua_State *L)
{
    ExchangeBox *box = check_websocket(L);

    lua_pushboolean(L, box == NULL || exchange_websocket_is_over(box));
    return 1;
}

static bool is_text(const char *bytes, size_t size)
{
    Utf8 text = {0};

    return utf8_feed(&text, bytes, size) && utf8_is_complete(&text);
}

static int write_piece(Websocket *socket, const char *bytes, size_t size, size_t start, int kind)
{
    size_t left = size - start;
    WebsocketPiece piece = {
        .kind = kind,
        .bytes = bytes + start,
        .size = left < PIECE_SIZE ? left : PIECE_SIZE,
        .is_first = start == 0,
        .is_last = left <= PIECE_SIZE,
    };
    int status = websocket_write(socket, &piece);

    return status < 0 ? status : (int)piece.size;
}

/* websocket_send(id, "text" or "binary", bytes, start) -> how many bytes of the message are taken
 * now, `start` counted in | nil, "again": EVENT_ROOM will come | nil, "invalid": no UTF-8 | nil,
 * code */
static int l_websocket_send(lua_State *L)
{
    ExchangeBox *box = check_websocket(L);
    int kind = strcmp(luaL_checkstring(L, 2), "text") == 0 ? WEBSOCKET_TEXT : WEBSOCKET_BINARY;
    size_t size;
    const char *bytes = luaL_checklstring(L, 3, &size);
    lua_Number start = luaL_checknumber(L, 4);
    int written;

    luaL_argcheck(L, start >= 0 && start <= (lua_Number)size, 4, "out of range");
    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    if (start == 0 && kind == WEBSOCKET_TEXT && !is_text(bytes, size))
        return seam_push_failure(L, ERR_INVALID);
    if (!exchange_websocket_has_room(box))
        return seam_push_failure(L, ERR_AGAIN);
    written = write_piece(box->websocket, bytes, size, (size_t)start, kind);
    if (written < 0)
        return seam_push_failure(L, written);
    exchange_websocket_move(box);
    lua_pushnumber(L, start + written);
    return 1;
}

/* websocket_ping(id) -> bytes received so far, whether the peer is listened to now | nil, code */
static int l_websocket_ping(lua_State *L)
{
    ExchangeBox *box = check_websocket(L);
    int status;

    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    status = websocket_ping(box->websocket, NULL, 0);
    exchange_websocket_move(box);
    if (status < 0)
        return seam_push_failure(L, status);
    lua_pushnumber(L, (lua_Number)box->heard_size);
    lua_pushboolean(L, websocket_wants_input(box->websocket));
    return 2;
}

/* websocket_close(id, code, reason) -> true | nil, "invalid": no code or reason for a close frame |
 * nil, "closed": it has begun to close */
static int l_websocket_close(lua_State *L)
{
    ExchangeBox *box = check_websocket(L);
    lua_Integer code = luaL_checkinteger(L, 2);
    size_t size;
    const char *reason = luaL_checklstring(L, 3, &size);
    int status;

    if (!websocket_frame_is_close_code((int)code) || size > REASON_SIZE || !is_text(reason, size))
        return seam_push_failure(L, ERR_INVALID);
    if (box == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    status = websocket_close(box->websocket, (int)code, reason, size);
    exchange_websocket_move(box);
    return seam_push_result(L, status);
}

/* websocket_hand_over(id, handle, bytes) -> true | nil, "closed": another isolate gets the socket,
 * by EVENT_RESUME with these bytes, and the messages that wait in it */
static int l_websocket_hand_over(lua_State *L)
{
    ExchangeBox *box = check_websocket(L);
    Isolate *target = isolates_find(seam_host(L), seam_check_handle(L, 2));
    size_t size;
    const char *bytes = luaL_checklstring(L, 3, &size);

    if (box == NULL || target == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    box->is_message_awaited = box->is_end_awaited = box->is_room_awaited = false;
    exchange_hand_over(
        box, target,
        (Event){.kind = EVENT_RESUME, .bytes = memory_copy(bytes, size), .size = size});
    return seam_push_result(L, 0);
}

static const luaL_Reg functions[] = {
    {"exchange_upgrade",    l_exchange_upgrade   },
    {"websocket_accept",    l_websocket_accept   },
    {"websocket_close",     l_websocket_close    },
    {"websocket_hand_over", l_websocket_hand_over},
    {"websocket_is_over",   l_websocket_is_over  },
    {"websocket_is_ready",  l_websocket_is_ready },
    {"websocket_open",      l_websocket_open     },
    {"websocket_ping",      l_websocket_ping     },
    {"websocket_receive",   l_websocket_receive  },
    {"websocket_send",      l_websocket_send     },
    {NULL,                  NULL                 },
};

void bind_websocket_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
