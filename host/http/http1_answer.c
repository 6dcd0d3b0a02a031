/* Answers on their way into the output. That of the first in line is written there at once; one
 * that comes before its turn is kept with its exchange. */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "http/http1_exchange.h"
#include "http/http1_write.h"

enum { UPGRADE_REQUIRED = 426 };

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

/* `name` is that of a field with its colon. */
static bool gives(const Http1Reply *reply, const char *name)
{
    size_t name_size = strlen(name);
    const char *at = reply->fields;
    size_t left = reply->fields_size;

    while (left > name_size) {
        const char *line_end = memchr(at, '\n', left);
        if (strncasecmp(at, name, name_size) == 0)
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
        .is_keep_alive = exchange->is_upgraded ||
                         (exchange->framing != FRAMED_BY_CLOSE && !is_line_ending(connection)),
        .is_upgrade = exchange->is_upgraded ||
                      (reply->status == UPGRADE_REQUIRED && gives(reply, "Upgrade:")),
        .is_chunked = exchange->framing == FRAMED_BY_CHUNKS,
        .has_length = exchange->framing == FRAMED_BY_LENGTH,
        .content_length = exchange->answer_length,
        .date = gives(reply, "Date:") ? NULL : connection->date,
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

    http1_exchange_decline_upgrade(exchange);
    exchange->is_answered = true;
    exchange->status = reply->status;
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
    return http1_exchange_last_buffer(exchange);
}

bool http1_exchange_is_done(const Http1Exchange *exchange)
{
    return !exchange->is_streaming && list_is_empty(&exchange->pieces);
}

void http1_exchange_end_answer(Http1Exchange *exchange)
{
    Http1Connection *connection = exchange->connection;

    assert(connection != NULL);
    exchange->is_streaming = false;
    if (exchange->is_head_written && http1_exchange_is_done(exchange)) {
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
        bool is_done = http1_exchange_is_done(first);
        bool is_last = first->framing == FRAMED_BY_CLOSE;

        write_kept(first);
        if (is_done) {
            http1_exchange_leave_line(first);
            http1_exchange_free_if_unused(first);
        }
        if (is_last)
            http1_connection_end_line(connection, is_done ? NULL : first);
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
    if ((target = http1_exchange_target(exchange)) != NULL) {
        buffer_append(target, reply->body, reply->body_size);
        exchange->answered_size = reply->body_size;
    }
    http1_exchange_end_answer(exchange);
    return 0;
}
