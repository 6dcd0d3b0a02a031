#include "bind/exchange_websocket.h"

#include "base/error.h"
#include "server/server_exchange.h"

/* A peer that sends pings and reads no pongs is not read any further. */
enum { OUTPUT_SIZE = 64 * 1024 };

enum { INTERNAL_ERROR = 1011 };

static void flush(ExchangeBox *box)
{
    Buffer *output = websocket_output(box->websocket);

    while (output->size > 0) {
        long written = server_exchange_write(box->exchange, output->bytes, output->size);

        if (written == ERR_AGAIN)
            return;
        if (written < 0) {
            websocket_end_input(box->websocket);
            buffer_clear(output);
        } else {
            buffer_consume(output, (size_t)written);
        }
    }
    if (websocket_is_over(box->websocket))
        server_exchange_finish(box->exchange, "", 0);
}

static bool takes_input(const ExchangeBox *box)
{
    return websocket_wants_input(box->websocket) &&
           websocket_output(box->websocket)->size < OUTPUT_SIZE;
}

static void feed(ExchangeBox *box)
{
    Buffer *body = http1_exchange_body(box->exchange);

    while (body->size > 0 && takes_input(box)) {
        size_t taken = websocket_feed(box->websocket, body->bytes, body->size);

        box->heard_size += taken;
        server_exchange_consume_body(box->exchange, taken);
        flush(box);
    }
    if (body->size > 0)
        return;
    if (http1_exchange_body_status(box->exchange) != 0)
        websocket_end_input(box->websocket);
    else
        http_server_await_body(box->exchange);
}

static bool is_ready(const ExchangeBox *box)
{
    WebsocketMessage message;

    return websocket_first_message(box->websocket, &message) || !websocket_is_open(box->websocket);
}

static void tell(ExchangeBox *box, bool *is_awaited, EventKind kind)
{
    if (!*is_awaited || box->resource.isolate == NULL)
        return;
    *is_awaited = false;
    isolate_tell(box->resource.isolate, (Event){.kind = kind, .id = box->handle});
}

void exchange_websocket_move(ExchangeBox *box)
{
    flush(box);
    feed(box);
    flush(box);
    if (is_ready(box))
        tell(box, &box->is_message_awaited, EVENT_BODY);
    if (websocket_is_over(box->websocket))
        tell(box, &box->is_end_awaited, EVENT_BODY);
    if (websocket_output(box->websocket)->size == 0)
        tell(box, &box->is_room_awaited, EVENT_ROOM);
}

void exchange_websocket_open(ExchangeBox *box, const WebsocketOptions *options)
{
    box->websocket = websocket_create(options);
    exchange_websocket_move(box);
}

bool exchange_websocket_is_ready(ExchangeBox *box)
{
    exchange_websocket_move(box);
    box->is_message_awaited = !is_ready(box);
    return !box->is_message_awaited;
}

bool exchange_websocket_is_over(ExchangeBox *box)
{
    exchange_websocket_move(box);
    box->is_end_awaited = !websocket_is_over(box->websocket);
    return !box->is_end_awaited;
}

bool exchange_websocket_has_room(ExchangeBox *box)
{
    flush(box);
    box->is_room_awaited = websocket_output(box->websocket)->size > 0;
    return !box->is_room_awaited;
}

void exchange_websocket_close(ExchangeBox *box)
{
    websocket_close(box->websocket, INTERNAL_ERROR, NULL, 0);
    websocket_end_input(box->websocket);
    flush(box);
    websocket_destroy(box->websocket);
    box->websocket = NULL;
}
