/* Answers in pieces. */
#include "http/http1_stream.h"

#include <assert.h>

#include "base/error.h"
#include "http/http1_exchange.h"

static uint8_t framing_of(const Http1Exchange *exchange, int status, uint64_t length)
{
    const Http1Head *head = &exchange->head;

    if (status == 204 || status == 304)
        return FRAMED_BY_NOTHING;
    if (length != HTTP1_UNKNOWN_LENGTH)
        return FRAMED_BY_LENGTH;
    if (head->minor_version >= 1)
        return FRAMED_BY_CHUNKS;
    return head->is_head ? FRAMED_BY_NOTHING : FRAMED_BY_CLOSE;
}

int http1_exchange_start(Http1Exchange *exchange, const Http1Reply *head, uint64_t length)
{
    Http1Reply without_body = *head;

    assert(head->status >= 200);
    if (exchange->is_answered)
        return ERR_ANSWERED;
    if (exchange->connection == NULL)
        return ERR_CLOSED;
    if (http1_exchange_awaits_continue(exchange))
        http1_exchange_give_up_body(exchange);
    without_body.body_size = 0;
    exchange->framing = framing_of(exchange, head->status, length);
    exchange->answer_length = length;
    exchange->remaining_size = length;
    exchange->is_streaming = true;
    http1_exchange_give_head(exchange, &without_body);
    if (exchange->framing == FRAMED_BY_CLOSE && exchange->is_head_written)
        http1_connection_end_line(exchange->connection, exchange);
    return 0;
}

static bool is_open(const Http1Exchange *exchange)
{
    return exchange->is_streaming && exchange->connection != NULL;
}

/* Makes way for `size` > 0 bytes of body: counts them, and begins a chunk of them. */
static int begin_piece(Http1Exchange *exchange, uint64_t size)
{
    Buffer *target = is_open(exchange) ? http1_exchange_target(exchange) : NULL;

    if (target == NULL)
        return ERR_CLOSED;
    if (size > exchange->remaining_size)
        return ERR_TOO_LARGE;
    exchange->answered_size += size;
    if (exchange->framing == FRAMED_BY_LENGTH)
        exchange->remaining_size -= size;
    if (exchange->framing == FRAMED_BY_CHUNKS && size > 0) {
        buffer_append_hex(target, size);
        buffer_append(target, "\r\n", 2);
    }
    return 0;
}

static void end_piece(Http1Exchange *exchange)
{
    if (exchange->framing == FRAMED_BY_CHUNKS)
        buffer_append(http1_exchange_target(exchange), "\r\n", 2);
}

int http1_exchange_write(Http1Exchange *exchange, const char *bytes, size_t size)
{
    int result = begin_piece(exchange, size);

    if (result < 0 || size == 0)
        return result; /* an empty chunk would be the end */
    buffer_append(http1_exchange_target(exchange), bytes, size);
    end_piece(exchange);
    return 0;
}

int http1_exchange_write_file(Http1Exchange *exchange, const Http1FilePiece *piece)
{
    int result = begin_piece(exchange, piece->size);

    if (result < 0 || piece->size == 0)
        return result;
    http1_exchange_queue_piece(exchange, piece);
    end_piece(exchange);
    return 0;
}

int http1_exchange_finish(Http1Exchange *exchange, const char *trailers, size_t trailers_size)
{
    Buffer *target = is_open(exchange) ? http1_exchange_target(exchange) : NULL;

    if (!is_open(exchange))
        return ERR_CLOSED;
    if (target != NULL && exchange->framing == FRAMED_BY_LENGTH && exchange->remaining_size > 0) {
        http1_exchange_cut(exchange);
        return ERR_INVALID;
    }
    if (target != NULL && exchange->framing == FRAMED_BY_CHUNKS) {
        buffer_append(target, "0\r\n", 3);
        buffer_append(target, trailers, trailers_size);
        buffer_append(target, "\r\n", 2);
    }
    http1_exchange_give_up_body(exchange);
    http1_exchange_end_answer(exchange);
    return 0;
}

/* Nothing of it was sent yet, so it can still be told properly. */
static void turn_into_500(Http1Exchange *exchange)
{
    buffer_deinit(&exchange->kept);
    http1_exchange_drop_pieces(exchange);
    exchange->kept_status = exchange->status = 500;
    exchange->answered_size = 0;
    exchange->kept_fields_size = 0;
    exchange->framing = FRAMED_BY_LENGTH;
    exchange->answer_length = 0;
    exchange->is_streaming = false;
    exchange->is_upgraded = false;
}

void http1_exchange_cut(Http1Exchange *exchange)
{
    Http1Connection *connection = exchange->connection;

    if (!is_open(exchange))
        return;
    http1_exchange_give_up_body(exchange);
    if (!exchange->is_head_written) {
        turn_into_500(exchange);
    } else if (http1_exchange_target(exchange) == NULL) {
        http1_exchange_end_answer(exchange);
    } else {
        exchange->is_streaming = false;
        connection->is_cut = exchange->framing == FRAMED_BY_CLOSE;
        http1_exchange_leave_line(exchange);
        http1_connection_end_line(connection, NULL);
    }
}

bool http1_exchange_has_turn(const Http1Exchange *exchange)
{
    return is_open(exchange) && exchange->is_head_written;
}

size_t http1_exchange_unsent_size(const Http1Exchange *exchange)
{
    if (!is_open(exchange))
        return 0;
    return http1_exchange_queued_size(exchange) +
           (exchange->is_head_written ? exchange->connection->output.size : exchange->kept.size);
}

void http1_exchange_await_room(Http1Exchange *exchange)
{
    exchange->is_awaiting_room = is_open(exchange);
}

void http1_connection_offer_room(Http1Connection *connection)
{
    Http1Exchange *first = http1_connection_first_in_line(connection);

    if (first != NULL && first->is_awaiting_room) {
        first->is_awaiting_room = false;
        connection->handler->on_room(connection->owner, first);
    }
}

bool http1_connection_is_cut(const Http1Connection *connection)
{
    return connection->is_cut;
}
