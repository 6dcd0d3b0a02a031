/* The reading side of a connection: heads and bodies in turns, in the order they come. Input is
 * read where it lies as far as possible; only a begun head and what waits for room are kept. */
#include "http/http1_connection.h"

#include <assert.h>

#include "base/error.h"
#include "base/memory.h"
#include "http/http1_exchange.h"

/* With more unsent output than this no further request is read: a client that does not take its
 * answers gets no more of them. */
enum { FULL_OUTPUT_SIZE = 64 * 1024 };

/* So much of a body nobody wants is read for the sake of the request behind it. */
enum { DROPPED_BODY_SIZE = 256 * 1024 };

Http1Connection *http1_connection_create(const Http1Limits *limits, const Http1Handler *handler,
                                         void *owner)
{
    Http1Connection *connection = memory_alloc(sizeof *connection);

    assert(limits->pipelined_count > 0 && limits->unread_size > 0);
    connection->limits = limits;
    connection->handler = handler;
    connection->owner = owner;
    http1_rules_init(&connection->rules, limits);
    list_init(&connection->line);
    list_init(&connection->exchanges);
    return connection;
}

void http1_connection_destroy(Http1Connection *connection)
{
    assert(!connection->is_processing);
    connection->is_processing = true;
    while (!list_is_empty(&connection->exchanges)) {
        List *node = connection->exchanges.next;
        http1_exchange_abandon(list_entry(node, Http1Exchange, node), ERR_CLOSED);
    }
    buffer_deinit(&connection->input);
    buffer_deinit(&connection->output);
    memory_free(connection);
}

/* --- endings --- */

/* Input that is being processed is cleared by whoever processes it. */
void http1_connection_stop_reading(Http1Connection *connection)
{
    connection->reading = READING_NOTHING;
    connection->receiver = NULL;
    if (!connection->is_processing)
        buffer_deinit(&connection->input);
}

static void begin_next_head(Http1Connection *connection)
{
    if (connection->is_last) {
        http1_connection_stop_reading(connection);
    } else {
        connection->reading = READING_HEAD;
        http1_rules_init(&connection->rules, connection->limits);
    }
}

void http1_connection_drop_body(Http1Connection *connection)
{
    bool is_short = http1_body_lower_limit(&connection->body, DROPPED_BODY_SIZE);

    connection->receiver = NULL;
    if (connection->is_last || !is_short)
        http1_connection_stop_reading(connection);
}

/* NULL for what the time or the owner refuses. */
static uint64_t *counter_of(const Http1Connection *connection, int status)
{
    Http1Counters *counters = connection->counters;

    switch (status) {
    case 400:
        return &counters->malformed_count;
    case 413:
        return &counters->body_count;
    case 414:
        return &counters->target_count;
    case 417:
    case 421:
    case 501:
    case 505:
        return &counters->unsupported_count;
    case 431:
        if (connection->reading == READING_BODY)
            return &counters->framing_count;
        return connection->rules.field_count > connection->limits->field_count
                   ? &counters->field_count
                   : &counters->head_count;
    default:
        return NULL;
    }
}

static void count_refusal(Http1Connection *connection, int status)
{
    uint64_t *counter = connection->counters != NULL ? counter_of(connection, status) : NULL;

    if (counter != NULL)
        (*counter)++;
}

static void refuse(Http1Connection *connection, int status)
{
    count_refusal(connection, status);
    http1_connection_stop_reading(connection);
    connection->refusal = status;
    http1_connection_advance_line(connection);
}

static int body_status_for(int status)
{
    switch (status) {
    case 0:
        return ERR_CLOSED;
    case 408:
        return ERR_TIMEOUT;
    case 413:
    case 431:
        return ERR_TOO_LARGE;
    default:
        return ERR_INVALID;
    }
}

/* The receiver may be answered and freed inside its callback: nothing touches it afterwards. */
static void tell_receiver(Http1Connection *connection, Http1Exchange *receiver)
{
    if (receiver == NULL || !receiver->is_awaiting_body ||
        (receiver->is_whole_body_wanted && receiver->body_status == 0))
        return;
    receiver->is_awaiting_body = false;
    connection->handler->on_body(connection->owner, receiver);
}

/* Nothing more can be read. A begun answer goes on: its holder learns what happened to the body. */
static void lose_body(Http1Connection *connection, int body_status, int refusal)
{
    Http1Exchange *receiver = connection->receiver;

    http1_connection_stop_reading(connection);
    if (receiver == NULL)
        return;
    if (receiver->is_streaming) {
        receiver->body_status = body_status;
        tell_receiver(connection, receiver);
    } else {
        connection->refusal = refusal;
        http1_exchange_abandon(receiver, body_status);
    }
}

static void fail_body(Http1Connection *connection, int status)
{
    count_refusal(connection, status);
    lose_body(connection, body_status_for(status), status);
    http1_connection_advance_line(connection);
}

void http1_connection_fail(Http1Connection *connection, int status)
{
    if (connection->reading == READING_HEAD)
        refuse(connection, status);
    else if (connection->reading == READING_BODY)
        fail_body(connection, status);
}

static bool is_between_requests(const Http1Connection *connection)
{
    return connection->reading == READING_HEAD && !http1_rules_has_begun(&connection->rules);
}

void http1_connection_drain(Http1Connection *connection)
{
    bool is_dropping_body = connection->reading == READING_BODY && connection->receiver == NULL;

    connection->is_last = true;
    if (connection->asking == NULL && (is_between_requests(connection) || is_dropping_body))
        http1_connection_stop_reading(connection);
}

/* --- reading --- */

static void end_body(Http1Connection *connection)
{
    if (connection->receiver != NULL)
        connection->receiver->body_status = 1;
    connection->receiver = NULL;
    begin_next_head(connection);
}

static void begin_request(Http1Connection *connection, Http1Exchange *exchange, bool has_more_input)
{
    connection->progress++;
    connection->is_last |= !exchange->head.is_keep_alive;
    http1_exchange_line_up(exchange);
    if (connection->counters != NULL)
        connection->counters->pipelined_count +=
            connection->line_count == connection->limits->pipelined_count;
    http1_body_init(&connection->body, &exchange->head, connection->limits);
    connection->body.size_limit = connection->body_limit;
    connection->receiver = exchange;
    connection->reading = READING_BODY;
    connection->is_body_begun = has_more_input;
    if (http1_body_is_complete(&connection->body))
        end_body(connection);
    if (exchange->head.wants_upgrade && !connection->is_last)
        connection->asking = exchange;
    connection->handler->on_request(connection->owner, exchange);
}

static uint64_t find_body_limit(const Http1Connection *connection, const Http1Head *head)
{
    const Http1Handler *handler = connection->handler;
    uint64_t limit = 0;

    if (handler->body_limit != NULL && head->body_kind != HTTP1_NO_BODY)
        limit = handler->body_limit(connection->owner, head);
    return limit != 0 ? limit : connection->limits->body_size;
}

static int parse_head(Http1Connection *connection, Http1Exchange *exchange, size_t size)
{
    Http1Head *head = &exchange->head;
    size_t field_count = connection->rules.field_count;
    int result = http1_head_parse(head->bytes, size, head->fields, field_count, head);

    if (result < 0)
        return result;
    if (head->is_https && !connection->is_secure)
        return -421;
    connection->body_limit = find_body_limit(connection, head);
    if (head->body_kind == HTTP1_SIZED_BODY && head->content_length > connection->body_limit)
        return -413;
    return 0;
}

/* Returns the bytes taken, or 0 when the head needs more. Bytes seen before are not seen again. */
static size_t read_head(Http1Connection *connection, const char *bytes, size_t size)
{
    size_t seen_size = connection->rules.head_size;
    int result = http1_rules_feed(&connection->rules, bytes + seen_size, size - seen_size);
    size_t head_size = connection->rules.head_size;
    Http1Exchange *exchange;

    if (result == 0)
        return 0;
    if (result < 0) {
        refuse(connection, -result);
        return size;
    }
    exchange = http1_exchange_create(connection, bytes, head_size, connection->rules.field_count);
    if ((result = parse_head(connection, exchange, head_size)) < 0) {
        http1_exchange_discard(exchange);
        refuse(connection, -result);
    } else {
        begin_request(connection, exchange, head_size < size);
    }
    return head_size;
}

/* Content is never larger than its bytes, so no more of it is read than may lie there, and where
 * reading stops does not depend on how the bytes were split. */
static size_t limit_to_window(const Http1Connection *connection, size_t size)
{
    const Http1Exchange *receiver = connection->receiver;
    size_t room;

    if (receiver == NULL || receiver->is_whole_body_wanted)
        return size;
    room = connection->limits->unread_size - receiver->body.size;
    return size < room ? size : room;
}

/* The holder of the body has not taken what is there. */
static bool is_body_unread(const Http1Connection *connection)
{
    const Http1Exchange *receiver = connection->receiver;

    return connection->reading == READING_BODY && receiver != NULL &&
           !receiver->is_whole_body_wanted &&
           receiver->body.size >= connection->limits->unread_size;
}

static void count_unread(const Http1Connection *connection)
{
    if (connection->counters != NULL)
        connection->counters->unread_count += is_body_unread(connection);
}

static size_t read_body(Http1Connection *connection, const char *bytes, size_t size)
{
    Http1Exchange *receiver = connection->receiver;
    uint64_t decoded_before = connection->body.decoded_size;
    Buffer *out = receiver != NULL ? &receiver->body : NULL;
    bool has_grown, is_complete;
    long taken;

    connection->body.trailers = receiver != NULL ? &receiver->trailers : NULL;
    size = limit_to_window(connection, size);
    taken = http1_body_feed(&connection->body, bytes, size, out);
    has_grown = connection->body.decoded_size != decoded_before;
    if (receiver != NULL)
        receiver->received_size += connection->body.decoded_size - decoded_before;
    is_complete = http1_body_is_complete(&connection->body);
    connection->is_body_begun = true;
    if (taken < 0) {
        fail_body(connection, (int)-taken);
        return size;
    }
    connection->progress++;
    count_unread(connection);
    if (is_complete)
        end_body(connection);
    if (has_grown || is_complete)
        tell_receiver(connection, receiver);
    return (size_t)taken;
}

static bool has_room(const Http1Connection *connection)
{
    return connection->line_count < connection->limits->pipelined_count &&
           connection->output.size < FULL_OUTPUT_SIZE;
}

static bool may_read(const Http1Connection *connection)
{
    if (connection->asking != NULL)
        return false;
    if (is_between_requests(connection))
        return has_room(connection);
    return connection->reading != READING_NOTHING && !is_body_unread(connection);
}

static size_t read_some(Http1Connection *connection, const char *bytes, size_t size)
{
    if (connection->reading == READING_HEAD)
        return read_head(connection, bytes, size);
    return read_body(connection, bytes, size);
}

/* Returns the bytes taken. The rest is a begun head, or waits for room. */
static size_t process(Http1Connection *connection, const char *bytes, size_t size)
{
    size_t taken = 0;

    connection->is_processing = true;
    while (taken < size && may_read(connection)) {
        size_t step = read_some(connection, bytes + taken, size - taken);
        if (step == 0)
            break;
        taken += step;
    }
    connection->is_processing = false;
    return connection->reading == READING_NOTHING ? size : taken;
}

static void process_kept_input(Http1Connection *connection)
{
    size_t taken = process(connection, connection->input.bytes, connection->input.size);

    buffer_consume(&connection->input, taken);
    if (connection->is_input_ended && (may_read(connection) || connection->input.size == 0))
        lose_body(connection, ERR_CLOSED, 0);
}

void http1_connection_feed(Http1Connection *connection, const char *bytes, size_t size)
{
    assert(!connection->is_processing);
    if (connection->reading == READING_NOTHING || connection->is_input_ended)
        return;
    if (connection->input.size != 0) {
        buffer_append(&connection->input, bytes, size);
        process_kept_input(connection);
    } else {
        size_t taken = process(connection, bytes, size);
        buffer_append(&connection->input, bytes + taken, size - taken);
    }
}

void http1_connection_continue(Http1Connection *connection)
{
    if (!connection->is_processing && connection->reading != READING_NOTHING)
        process_kept_input(connection);
}

void http1_connection_end_input(Http1Connection *connection)
{
    connection->is_input_ended = true;
    http1_connection_continue(connection);
}

/* --- for the owner --- */

bool http1_connection_ends_with_input(const Http1Connection *connection)
{
    return connection->ends_with_input;
}

void *http1_connection_owner(const Http1Connection *connection)
{
    return connection->owner;
}

bool http1_connection_wants_input(const Http1Connection *connection)
{
    return !connection->is_input_ended && may_read(connection);
}

static bool is_body_due(const Http1Connection *connection)
{
    return connection->receiver == NULL ||
           (!http1_exchange_awaits_continue(connection->receiver) && !is_body_unread(connection));
}

int http1_connection_phase(const Http1Connection *connection)
{
    bool is_line_empty = list_is_empty(&connection->line);

    if (connection->reading == READING_NOTHING)
        return is_line_empty ? HTTP1_FINISHED : HTTP1_ANSWERING;
    if (connection->receiver != NULL && connection->receiver->is_upgraded)
        return HTTP1_UPGRADED;
    if (connection->reading == READING_BODY)
        return is_body_due(connection) ? HTTP1_READING_BODY : HTTP1_ANSWERING;
    if (!is_between_requests(connection))
        return HTTP1_READING_HEAD;
    return is_line_empty && has_room(connection) ? HTTP1_IDLE : HTTP1_ANSWERING;
}

uint64_t http1_connection_progress(const Http1Connection *connection)
{
    return connection->progress;
}

int http1_connection_refusal(const Http1Connection *connection)
{
    return connection->refused_status;
}

static void trim_buffer(Buffer *buffer)
{
    if (buffer->size == 0)
        buffer_deinit(buffer);
}

void http1_connection_trim(Http1Connection *connection)
{
    assert(!connection->is_processing);
    trim_buffer(&connection->input);
    trim_buffer(&connection->output);
}

Buffer *http1_connection_output(Http1Connection *connection)
{
    return &connection->output;
}

void http1_connection_set_date(Http1Connection *connection, const char *date)
{
    connection->date = date;
}

void http1_connection_set_counters(Http1Connection *connection, Http1Counters *counters)
{
    connection->counters = counters;
}

void http1_connection_set_secure(Http1Connection *connection)
{
    connection->is_secure = true;
}
