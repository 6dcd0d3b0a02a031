/* Exchanges: their life, and the way of their answers into the output. The answer of the first in
 * line is written there at once; one that comes before its turn is kept with its exchange. */
#include "http/http1_exchange.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "http/http1_write.h"

/* --- life --- */

enum { SPARE_BLOCK_SIZE = 4 * 1024 };

/* One block for the fields and the head's bytes. That of a spare exchange is taken again. */
static void reserve_block(Http1Exchange *exchange, size_t size)
{
    if (size <= exchange->block_capacity)
        return;
    memory_free(exchange->block);
    exchange->block_capacity = size < SPARE_BLOCK_SIZE / 4 ? SPARE_BLOCK_SIZE / 4 : size;
    exchange->block = memory_resize(NULL, exchange->block_capacity);
}

Http1Exchange *http1_exchange_create(Http1Connection *connection, const char *head_bytes,
                                     size_t head_size, size_t field_count)
{
    size_t fields_size = field_count * sizeof(Http1Field);
    Http1Exchange *exchange = connection->spare;

    if (exchange == NULL)
        exchange = memory_alloc(sizeof *exchange);
    connection->spare = NULL;
    reserve_block(exchange, fields_size + head_size);
    memcpy(exchange->block + fields_size, head_bytes, head_size);
    exchange->head.fields = (Http1Field *)(void *)exchange->block;
    exchange->head.bytes = exchange->block + fields_size;
    exchange->connection = connection;
    list_push_back(&connection->exchanges, &exchange->node);
    list_init(&exchange->turn);
    return exchange;
}

/* A spare keeps its block and nothing else, all other fields are as in a new one. */
static void make_spare(Http1Connection *connection, Http1Exchange *exchange)
{
    *exchange = (Http1Exchange){
        .block = exchange->block,
        .block_capacity = exchange->block_capacity,
    };
    connection->spare = exchange;
}

static void free_exchange(Http1Exchange *exchange)
{
    Http1Connection *connection = exchange->connection;

    list_unlink(&exchange->node);
    buffer_deinit(&exchange->body);
    buffer_deinit(&exchange->kept);
    if (connection != NULL && connection->spare == NULL &&
        exchange->block_capacity <= SPARE_BLOCK_SIZE) {
        make_spare(connection, exchange);
    } else {
        memory_free(exchange->block);
        memory_free(exchange);
    }
}

static bool is_in_line(const Http1Exchange *exchange)
{
    return !list_is_empty(&exchange->turn);
}

static void free_if_unused(Http1Exchange *exchange)
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

static void leave_line(Http1Exchange *exchange)
{
    list_unlink(&exchange->turn);
    exchange->connection->line_count--;
}

/* An unanswered exchange is always held, so its holder frees it, perhaps inside the callback. */
void http1_exchange_abandon(Http1Exchange *exchange, int body_status)
{
    Http1Connection *connection = exchange->connection;

    if (is_in_line(exchange))
        leave_line(exchange);
    list_unlink(&exchange->node);
    exchange->connection = NULL;
    if (exchange->body_status == 0)
        exchange->body_status = body_status;
    if (exchange->is_answered)
        free_if_unused(exchange);
    else
        connection->handler->on_abandoned(connection->owner, exchange);
}

/* --- output --- */

static Http1Exchange *first_in_line(const Http1Connection *connection)
{
    if (list_is_empty(&connection->line))
        return NULL;
    return list_entry(connection->line.next, Http1Exchange, turn);
}

/* True when no answer comes behind that of the first in line. */
static bool is_line_ending(const Http1Connection *connection)
{
    bool is_reading_others = connection->reading == READING_HEAD ||
                             (connection->reading == READING_BODY && !connection->is_last);

    return connection->line_count == 1 && !is_reading_others && connection->refusal == 0;
}

static bool gives_date(const Http1Reply *reply)
{
    static const char name[] = "Date:";
    const char *at = reply->fields;
    size_t left = reply->fields_size;

    while (left >= sizeof name) {
        const char *line_end = memchr(at, '\n', left);
        if (strncasecmp(at, name, sizeof name - 1) == 0)
            return true;
        assert(line_end != NULL);
        left -= (size_t)(line_end + 1 - at);
        at = line_end + 1;
    }
    return false;
}

static void write_reply(Http1Connection *connection, const Http1Head *head, const Http1Reply *reply)
{
    bool has_length = reply->status != 204 && reply->status != 304;
    Http1Answer answer = {
        .status = reply->status,
        .minor_version = head->minor_version,
        .is_keep_alive = !is_line_ending(connection),
        .has_length = has_length,
        .content_length = reply->body_size,
        .date = gives_date(reply) ? NULL : connection->date,
        .fields = reply->fields,
        .fields_size = reply->fields_size,
    };

    http1_write_head(&connection->output, &answer);
    if (has_length && !head->is_head)
        buffer_append(&connection->output, reply->body, reply->body_size);
}

static void keep_reply(Http1Exchange *exchange, const Http1Reply *reply)
{
    Buffer *kept = &exchange->kept;

    buffer_reserve(kept, reply->fields_size + reply->body_size);
    buffer_append(kept, reply->fields, reply->fields_size);
    if (!exchange->head.is_head)
        buffer_append(kept, reply->body, reply->body_size);
    exchange->kept_reply = *reply;
    exchange->kept_reply.fields = kept->bytes;
    exchange->kept_reply.body = kept->bytes + reply->fields_size;
}

static void write_kept_replies(Http1Connection *connection)
{
    Http1Exchange *first;

    while ((first = first_in_line(connection)) != NULL && first->is_answered) {
        write_reply(connection, &first->head, &first->kept_reply);
        leave_line(first);
        free_if_unused(first);
    }
}

static void write_due_continue(Http1Connection *connection)
{
    Http1Exchange *first = first_in_line(connection);

    if (first != NULL && first->is_continue_due && !connection->is_body_begun) {
        buffer_append_text(&connection->output, "HTTP/1.1 100 Continue\r\n\r\n");
        first->is_continue_due = false;
        first->is_continue_sent = true;
    }
}

void http1_connection_advance_line(Http1Connection *connection)
{
    write_kept_replies(connection);
    write_due_continue(connection);
    if (connection->refusal != 0 && list_is_empty(&connection->line)) {
        http1_write_refusal(&connection->output, connection->refusal, connection->date);
        connection->refused_status = connection->refusal;
        connection->refusal = 0;
    }
}

bool http1_exchange_awaits_continue(const Http1Exchange *exchange)
{
    const Http1Connection *connection = exchange->connection;

    return connection->receiver == exchange && exchange->head.expects_continue &&
           !exchange->is_continue_sent && !connection->is_body_begun;
}

/* The client may now send its body or leave it: the next request could not be told from it. */
static void give_up_body(Http1Exchange *exchange)
{
    Http1Connection *connection = exchange->connection;

    if (connection->receiver != exchange)
        return;
    exchange->body_status = ERR_CLOSED;
    if (http1_exchange_awaits_continue(exchange))
        http1_connection_stop_reading(connection);
    else
        http1_connection_drop_body(connection);
}

int http1_exchange_respond(Http1Exchange *exchange, const Http1Reply *reply)
{
    Http1Connection *connection = exchange->connection;

    assert(reply->status >= 200);
    if (exchange->is_answered)
        return ERR_ANSWERED;
    if (connection == NULL)
        return ERR_CLOSED;
    give_up_body(exchange);
    exchange->is_answered = true;
    connection->progress++;
    if (first_in_line(connection) == exchange) {
        write_reply(connection, &exchange->head, reply);
        leave_line(exchange);
        http1_connection_advance_line(connection);
    } else {
        keep_reply(exchange, reply);
    }
    return 0;
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

void *http1_exchange_owner(const Http1Exchange *exchange)
{
    return exchange->connection != NULL ? exchange->connection->owner : NULL;
}

Buffer *http1_exchange_body(Http1Exchange *exchange)
{
    return &exchange->body;
}

int http1_exchange_body_status(const Http1Exchange *exchange)
{
    return exchange->body_status;
}

bool http1_exchange_is_answered(const Http1Exchange *exchange)
{
    return exchange->is_answered;
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

void http1_exchange_release(Http1Exchange *exchange)
{
    assert(exchange->is_held);
    if (!exchange->is_answered)
        http1_exchange_respond(exchange, &(Http1Reply){.status = 500});
    exchange->is_held = false;
    free_if_unused(exchange);
}
