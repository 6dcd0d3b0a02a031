/* Exchanges: their life, and what their holders ask for. */
#include "http/http1_exchange.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/spares.h"

/* --- life --- */

enum { FIRST_BLOCK_SIZE = 1024, SPARE_BLOCK_SIZE = 2 * 1024 };

/* Of all connections of the process, which has one thread for them: a burst takes many, and a
 * connection that is idle holds none. */
static Spares spares;

/* One block for the fields and the head's bytes. That of a spare exchange is taken again. */
static void reserve_block(Http1Exchange *exchange, size_t size)
{
    if (size <= exchange->block_capacity)
        return;
    memory_free(exchange->block);
    exchange->block_capacity = size < FIRST_BLOCK_SIZE ? FIRST_BLOCK_SIZE : size;
    exchange->block = memory_resize(NULL, exchange->block_capacity);
}

Http1Exchange *http1_exchange_create(Http1Connection *connection, const char *head_bytes,
                                     size_t head_size, size_t field_count)
{
    size_t fields_size = field_count * sizeof(Http1Field);
    Http1Exchange *exchange = spares_take(&spares);

    if (exchange == NULL)
        exchange = memory_alloc(sizeof *exchange);
    reserve_block(exchange, fields_size + head_size);
    memcpy(exchange->block + fields_size, head_bytes, head_size);
    exchange->head.fields = (Http1Field *)(void *)exchange->block;
    exchange->head.bytes = exchange->block + fields_size;
    exchange->connection = connection;
    list_push_back(&connection->exchanges, &exchange->node);
    list_init(&exchange->turn);
    list_init(&exchange->pieces);
    return exchange;
}

/* A spare keeps its block and nothing else, all other fields are as in a new one. */
static bool make_spare(Http1Exchange *exchange)
{
    if (exchange->block_capacity > SPARE_BLOCK_SIZE || !spares_keep(&spares, exchange))
        return false;
    *exchange = (Http1Exchange){
        .block = exchange->block,
        .block_capacity = exchange->block_capacity,
    };
    return true;
}

static void free_exchange(Http1Exchange *exchange)
{
    list_unlink(&exchange->node);
    buffer_deinit(&exchange->body);
    buffer_deinit(&exchange->trailers);
    buffer_deinit(&exchange->kept);
    http1_exchange_drop_pieces(exchange);
    if (!make_spare(exchange)) {
        memory_free(exchange->block);
        memory_free(exchange);
    }
}

static bool is_in_line(const Http1Exchange *exchange)
{
    return !list_is_empty(&exchange->turn);
}

void http1_exchange_free_if_unused(Http1Exchange *exchange)
{
    if (!exchange->is_held && !is_in_line(exchange))
        free_exchange(exchange);
}

void http1_exchange_discard(Http1Exchange *exchange)
{
    assert(!is_in_line(exchange));
    free_exchange(exchange);
}

void http1_exchange_line_up(Http1Exchange *exchange)
{
    Http1Connection *connection = exchange->connection;

    exchange->is_held = true;
    list_push_back(&connection->line, &exchange->turn);
    connection->line_count++;
}

void http1_exchange_leave_line(Http1Exchange *exchange)
{
    assert(exchange->connection != NULL);
    list_unlink(&exchange->turn);
    exchange->connection->line_count--;
}

/* One without the end of its answer is always held, so its holder frees it, perhaps inside the
 * callback. */
void http1_exchange_abandon(Http1Exchange *exchange, int body_status)
{
    Http1Connection *connection = exchange->connection;

    http1_exchange_decline_upgrade(exchange);
    if (is_in_line(exchange))
        http1_exchange_leave_line(exchange);
    list_unlink(&exchange->node);
    exchange->connection = NULL;
    if (exchange->body_status == 0)
        exchange->body_status = body_status;
    if (exchange->is_answered && !exchange->is_streaming)
        http1_exchange_free_if_unused(exchange);
    else
        connection->handler->on_abandoned(connection->owner, exchange);
}

/* --- the body --- */

bool http1_exchange_awaits_continue(const Http1Exchange *exchange)
{
    const Http1Connection *connection = exchange->connection;

    return connection->receiver == exchange && exchange->head.expects_continue &&
           !exchange->is_continue_sent && !connection->is_body_begun;
}

/* With "100 Continue" due, the client may now send its body or leave it: the next request could not
 * be told from it. */
void http1_exchange_give_up_body(Http1Exchange *exchange)
{
    Http1Connection *connection = exchange->connection;

    if (connection->receiver != exchange)
        return;
    exchange->body_status = ERR_CLOSED;
    if (http1_exchange_awaits_continue(exchange))
        http1_connection_stop_reading(connection);
    else
        http1_connection_drop_body(connection);
    exchange->is_awaiting_body = false;
    exchange->is_continue_due = false;
}

/* --- for the holder --- */

const Http1Head *http1_exchange_head(const Http1Exchange *exchange)
{
    return &exchange->head;
}

void http1_exchange_set_holder(Http1Exchange *exchange, void *holder)
{
    exchange->holder = holder;
}

void *http1_exchange_holder(const Http1Exchange *exchange)
{
    return exchange->holder;
}

void http1_exchange_end_with_input(Http1Exchange *exchange)
{
    if (exchange->connection != NULL)
        exchange->connection->ends_with_input = true;
}

void *http1_exchange_owner(const Http1Exchange *exchange)
{
    return exchange->connection != NULL ? exchange->connection->owner : NULL;
}

Buffer *http1_exchange_body(Http1Exchange *exchange)
{
    return &exchange->body;
}

const Buffer *http1_exchange_trailers(const Http1Exchange *exchange)
{
    return &exchange->trailers;
}

int http1_exchange_body_status(const Http1Exchange *exchange)
{
    return exchange->body_status;
}

bool http1_exchange_is_answered(const Http1Exchange *exchange)
{
    return exchange->is_answered;
}

Http1Summary http1_exchange_summary(const Http1Exchange *exchange)
{
    return (Http1Summary){exchange->status, exchange->received_size, exchange->answered_size};
}

void http1_exchange_await_body(Http1Exchange *exchange)
{
    if (exchange->connection == NULL || exchange->body_status != 0)
        return;
    exchange->is_awaiting_body = true;
    if (http1_exchange_awaits_continue(exchange)) {
        exchange->is_continue_due = true;
        http1_connection_advance_line(exchange->connection);
    }
}

void http1_exchange_await_whole_body(Http1Exchange *exchange)
{
    exchange->is_whole_body_wanted = true;
    http1_exchange_await_body(exchange);
}

void http1_exchange_release(Http1Exchange *exchange)
{
    assert(exchange->is_held);
    if (!exchange->is_answered)
        http1_exchange_respond(exchange, &(Http1Reply){.status = 500});
    http1_exchange_cut(exchange);
    exchange->is_held = false;
    http1_exchange_free_if_unused(exchange);
}
