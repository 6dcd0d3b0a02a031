#include "http/http1_file.h"

#include <assert.h>

#include "base/error.h"
#include "base/memory.h"
#include "http/http1_exchange.h"

/* A piece of an exchange's answer, and what is written behind it. */
typedef struct QueuedPiece {
    List node; /* in exchange->pieces */
    Http1FilePiece piece;
    Buffer after;
} QueuedPiece;

static QueuedPiece *piece_of(List *node)
{
    return list_entry(node, QueuedPiece, node);
}

static void drop_piece(QueuedPiece *queued)
{
    list_unlink(&queued->node);
    open_file_release(queued->piece.file);
    buffer_deinit(&queued->after);
    memory_free(queued);
}

void http1_exchange_drop_pieces(Http1Exchange *exchange)
{
    list_each (node, &exchange->pieces)
        drop_piece(piece_of(node));
}

Buffer *http1_exchange_last_buffer(Http1Exchange *exchange)
{
    if (!list_is_empty(&exchange->pieces))
        return &piece_of(exchange->pieces.previous)->after;
    return exchange->is_head_written ? &exchange->connection->output : &exchange->kept;
}

size_t http1_exchange_queued_size(const Http1Exchange *exchange)
{
    size_t size = 0;

    list_each (node, &exchange->pieces)
        size += piece_of(node)->after.size;
    return size;
}

void http1_exchange_queue_piece(Http1Exchange *exchange, const Http1FilePiece *piece)
{
    QueuedPiece *queued = memory_alloc(sizeof *queued);

    assert(piece->size > 0);
    queued->piece = *piece;
    open_file_retain(piece->file);
    list_push_back(&exchange->pieces, &queued->node);
}

/* The first in line, if its turn has come to a piece. */
static Http1Exchange *sender(const Http1Connection *connection)
{
    Http1Exchange *first = http1_connection_first_in_line(connection);
    bool is_sending = first != NULL && first->is_head_written && !list_is_empty(&first->pieces);

    return is_sending ? first : NULL;
}

const Http1FilePiece *http1_connection_file(const Http1Connection *connection)
{
    const Http1Exchange *exchange = sender(connection);

    return exchange != NULL ? &piece_of(exchange->pieces.next)->piece : NULL;
}

static void end_piece(Http1Exchange *exchange, QueuedPiece *queued)
{
    buffer_append(&exchange->connection->output, queued->after.bytes, queued->after.size);
    drop_piece(queued);
    if (!exchange->is_streaming && list_is_empty(&exchange->pieces)) {
        http1_exchange_end_answer(exchange);
        http1_exchange_free_if_unused(exchange);
    }
}

void http1_connection_consume_file(Http1Connection *connection, uint64_t size)
{
    Http1Exchange *exchange = sender(connection);
    QueuedPiece *queued = piece_of(exchange->pieces.next);

    assert(size <= queued->piece.size);
    connection->progress++;
    queued->piece.offset += size;
    queued->piece.size -= size;
    if (queued->piece.size == 0)
        end_piece(exchange, queued);
}

void http1_connection_fail_file(Http1Connection *connection)
{
    Http1Exchange *exchange = sender(connection);

    connection->is_cut = exchange->framing == FRAMED_BY_CLOSE;
    http1_connection_end_line(connection, exchange);
    http1_connection_stop_reading(connection);
    http1_exchange_abandon(exchange, ERR_CLOSED);
}
