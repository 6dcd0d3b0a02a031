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
    buffer_deinit(&exchange->trailers);
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

    if (is_in_line(exchange))
        http1_exchange_leave_line(exchange);
    list_unlink(&exchange->node);
    exchange->connection = NULL;
    if (exchange->body_status == 0)
        exchange->body_status = body_status;
    if (exchange->is_answered && !exchange->is_streaming)
        free_if_unused(exchange);
    else
        connection->handler->on_abandoned(connection->owner, exchange);
}

/* --- output --- */

Http1Exchange *http1_connection_first_in_line(const Http1Connection *connection)
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

static void write_head(Http1Exchange *exchange, const Http1Reply *reply)
{
    Http1Connection *connection = exchange->connection;
    Http1Answer answer = {
        .status = reply->status,
        .minor_version = exchange->head.minor_version,
        .is_keep_alive = exchange->framing != FRAMED_BY_CLOSE && !is_line_ending(connection),
        .is_chunked = exchange->framing == FRAMED_BY_CHUNKS,
        .has_length = exchange->framing == FRAMED_BY_LENGTH,
        .content_length = exchange->answer_length,
        .date = gives_date(reply) ? NULL : connection->date,
        .fields = reply->fields,
        .fields_size = reply->fields_size,
    };

    http1_write_head(&connection->output, &answer);
    exchange->is_head_written = true;
}

static void keep_head(Http1Exchange *exchange, const Http1Reply *reply)
{
    exchange->kept_status = reply->status;
    exchange->kept_fields_size = reply->fields_size;
    buffer_reserve(&exchange->kept, reply->fields_size + reply->body_size);
    buffer_append(&exchange->kept, reply->fields, reply->fields_size);
}

void http1_exchange_give_head(Http1Exchange *exchange, const Http1Reply *reply)
{
    Http1Connection *connection = exchange->connection;

    exchange->is_answered = true;
    connection->progress++;
    if (http1_connection_first_in_line(connection) == exchange)
        write_head(exchange, reply);
    else
        keep_head(exchange, reply);
}

Buffer *http1_exchange_target(Http1Exchange *exchange)
{
    if (exchange->framing == FRAMED_BY_NOTHING || exchange->head.is_head)
        return NULL;
    return exchange->is_head_written ? &exchange->connection->output : &exchange->kept;
}

void http1_exchange_end_answer(Http1Exchange *exchange)
{
    Http1Connection *connection = exchange->connection;

    exchange->is_streaming = false;
    if (exchange->is_head_written) {
        http1_exchange_leave_line(exchange);
        http1_connection_advance_line(connection);
    }
}

/* Callbacks may free any exchange, so `last` is only compared. */
void http1_connection_end_line(Http1Connection *connection, const Http1Exchange *last)
{
    const List *last_turn = last != NULL ? &last->turn : &connection->line;

    connection->is_last = true;
    connection->refusal = 0;
    if (last == NULL || connection->receiver != last)
        http1_connection_stop_reading(connection);
    while (!list_is_empty(&connection->line) && connection->line.previous != last_turn) {
        List *turn = connection->line.previous;
        http1_exchange_abandon(list_entry(turn, Http1Exchange, turn), ERR_CLOSED);
    }
}

static void write_kept(Http1Exchange *exchange)
{
    const Buffer *kept = &exchange->kept;
    size_t fields_size = exchange->kept_fields_size;
    Http1Reply head = {
        .status = exchange->kept_status,
        .fields = kept->bytes,
        .fields_size = fields_size,
    };

    write_head(exchange, &head);
    if (kept->size > fields_size)
        buffer_append(&exchange->connection->output, kept->bytes + fields_size,
                      kept->size - fields_size);
    buffer_deinit(&exchange->kept);
}

static void write_kept_answers(Http1Connection *connection)
{
    Http1Exchange *first;

    while ((first = http1_connection_first_in_line(connection)) != NULL && first->is_answered &&
           !first->is_head_written) {
        bool is_streaming = first->is_streaming;
        bool is_last = first->framing == FRAMED_BY_CLOSE;

        write_kept(first);
        if (!is_streaming) {
            http1_exchange_leave_line(first);
            free_if_unused(first);
        }
        if (is_last)
            http1_connection_end_line(connection, is_streaming ? first : NULL);
    }
}

static void write_due_continue(Http1Connection *connection)
{
    Http1Exchange *first = http1_connection_first_in_line(connection);

    if (first != NULL && first->is_continue_due && !connection->is_body_begun) {
        buffer_append_text(&connection->output, "HTTP/1.1 100 Continue\r\n\r\n");
        first->is_continue_due = false;
        first->is_continue_sent = true;
    }
}

void http1_connection_advance_line(Http1Connection *connection)
{
    write_kept_answers(connection);
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

int http1_exchange_respond(Http1Exchange *exchange, const Http1Reply *reply)
{
    bool has_length = reply->status != 204 && reply->status != 304;
    Buffer *target;

    assert(reply->status >= 200);
    if (exchange->is_answered)
        return ERR_ANSWERED;
    if (exchange->connection == NULL)
        return ERR_CLOSED;
    http1_exchange_give_up_body(exchange);
    exchange->framing = has_length ? FRAMED_BY_LENGTH : FRAMED_BY_NOTHING;
    exchange->answer_length = reply->body_size;
    http1_exchange_give_head(exchange, reply);
    if ((target = http1_exchange_target(exchange)) != NULL)
        buffer_append(target, reply->body, reply->body_size);
    http1_exchange_end_answer(exchange);
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
    free_if_unused(exchange);
}
