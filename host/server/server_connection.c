#include "server/server_connection.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "http/http1_file.h"
#include "http/http1_stream.h"
#include "server/server_handshake.h"

/* How much a peer may still send, unread, after the last answer. */
enum { DROPPED_SIZE = 1024 * 1024 };

static void wait_for(ServerConnection *connection, int kind)
{
    expiry_enter(&connection->server->expiry, &connection->expiry, kind,
                 clock_monotonic_ns() / 1000000);
}

static void on_read(void *owner, const char *bytes, size_t size)
{
    ServerConnection *connection = owner;
    HttpServer *server = connection->server;

    http_server_enter(server);
    server->counters.received_size += size;
    if (connection->http1 != NULL)
        http1_connection_feed(connection->http1, bytes, size);
    else
        connection->dropped_size += (uint32_t)size;
    server_connection_touch(connection);
    http_server_leave(server);
}

static void on_end(void *owner, int status)
{
    ServerConnection *connection = owner;
    HttpServer *server = connection->server;

    http_server_enter(server);
    connection->has_input_ended = true;
    server_handshake_note_end(connection);
    if (status != ERR_EOF)
        server_connection_close(connection);
    else if (connection->http1 != NULL)
        http1_connection_end_input(connection->http1);
    server_connection_touch(connection);
    http_server_leave(server);
}

static void on_drain(void *owner, int status)
{
    ServerConnection *connection = owner;
    HttpServer *server = connection->server;

    http_server_enter(server);
    if (status < 0)
        server_connection_close(connection);
    server_connection_touch(connection);
    http_server_leave(server);
}

static void on_connect(void *owner, int status)
{
    ServerConnection *connection = owner;
    HttpServer *server = connection->server;

    http_server_enter(server);
    server_handshake_finish(connection, status);
    server_connection_touch(connection);
    http_server_leave(server);
}

static const StreamHandler stream_handler = {
    .on_connect = on_connect,
    .on_read = on_read,
    .on_end = on_end,
    .on_drain = on_drain,
};

static uint64_t body_limit(void *owner, const Http1Head *head)
{
    const HttpServerOptions *options = &((ServerConnection *)owner)->server->options;

    if (options->handler->body_limit == NULL)
        return 0;
    return options->handler->body_limit(options->owner, head);
}

static void on_request(void *owner, Http1Exchange *exchange)
{
    HttpServer *server = ((ServerConnection *)owner)->server;

    server->counters.request_count++;
    server->options.handler->on_request(server->options.owner, exchange);
}

static void on_body(void *owner, Http1Exchange *exchange)
{
    HttpServer *server = ((ServerConnection *)owner)->server;

    server->options.handler->on_body(server->options.owner, exchange);
}

static void on_abandoned(void *owner, Http1Exchange *exchange)
{
    HttpServer *server = ((ServerConnection *)owner)->server;

    server->counters.abandoned_count++;
    server->options.handler->on_abandoned(server->options.owner, exchange);
}

static void on_room(void *owner, Http1Exchange *exchange)
{
    HttpServer *server = ((ServerConnection *)owner)->server;

    server->options.handler->on_room(server->options.owner, exchange);
}

static const Http1Handler http1_handler = {
    .body_limit = body_limit,
    .on_request = on_request,
    .on_body = on_body,
    .on_abandoned = on_abandoned,
    .on_room = on_room,
};

static void set_reading(ServerConnection *connection, bool is_reading)
{
    if (is_reading == connection->is_reading)
        return;
    connection->is_reading = is_reading;
    if (is_reading)
        stream_start_reading(connection->stream);
    else
        stream_stop_reading(connection->stream);
}

static ServerConnection *create(HttpServer *server, Stream *stream)
{
    ServerConnection *connection = memory_alloc(sizeof *connection);

    connection->server = server;
    connection->stream = stream;
    list_init(&connection->node);
    expiry_init_entry(&connection->expiry);
    wait_for(connection, EXPIRY_NONE);
    stream_set_handler(stream, &stream_handler, connection);
    server->counters.connection_count++;
    server_connection_touch(connection);
    return connection;
}

void server_connection_open(HttpServer *server, Stream *stream)
{
    ServerConnection *connection = create(server, stream);

    connection->http1 =
        http1_connection_create(&server->options.limits, &http1_handler, connection);
    http1_connection_set_date(connection->http1, server->date);
    http1_connection_set_counters(connection->http1, &server->counters.http1);
    if (server->tls != NULL || server->options.is_trusted)
        http1_connection_set_secure(connection->http1);
    server_handshake_begin(connection);
}

void server_connection_refuse(HttpServer *server, Stream *stream)
{
    ServerConnection *connection = create(server, stream);

    connection->is_refusal = true;
    server->refusal_count++;
    server_handshake_begin(connection);
    set_reading(connection, true);
}

void server_connection_touch(ServerConnection *connection)
{
    if (connection->stream == NULL)
        return;
    list_unlink(&connection->node);
    list_push_back(&connection->server->touched, &connection->node);
}

static void end_stream(ServerConnection *connection, void (*end)(Stream *))
{
    HttpServer *server = connection->server;
    Stream *stream = connection->stream;

    if (stream == NULL)
        return;
    connection->stream = NULL;
    end(stream);
    expiry_leave(&connection->expiry);
    list_unlink(&connection->node);
    list_push_back(&server->dead, &connection->node);
    server->counters.connection_count--;
    server->refusal_count -= connection->is_refusal;
    if (connection->http1 != NULL)
        http1_connection_fail(connection->http1, 0); /* no more requests of what is being read */
}

void server_connection_close(ServerConnection *connection)
{
    end_stream(connection, stream_close);
}

void server_connection_free(ServerConnection *connection)
{
    list_unlink(&connection->node);
    if (connection->http1 != NULL)
        http1_connection_destroy(connection->http1);
    memory_free(connection);
}

static bool is_congested(const ServerConnection *connection)
{
    return stream_unsent_size(connection->stream) > connection->server->options.unsent_size;
}

static void note_congestion(ServerConnection *connection)
{
    bool was_congested = connection->is_congested;

    connection->is_congested = is_congested(connection);
    connection->server->counters.unsent_full_count += connection->is_congested && !was_congested;
}

/* True when something was sent, so that there may be room for more. A head leaves with the file
 * behind it: as a packet of its own it is read alone, and the kernel takes the peer for a slow
 * reader whose window it keeps small. */
static bool send_output(ServerConnection *connection)
{
    Buffer *output = http1_connection_output(connection->http1);
    bool has_file = http1_connection_file(connection->http1) != NULL;
    int (*write)(Stream *, const void *, size_t) = has_file ? stream_write_more : stream_write;

    if (output->size == 0 || is_congested(connection))
        return false;
    if (write(connection->stream, output->bytes, output->size) < 0) {
        server_connection_close(connection);
        return false;
    }
    connection->server->counters.sent_size += output->size;
    buffer_clear(output);
    return true;
}

static void fail_file(ServerConnection *connection, int status)
{
    if (status == ERR_EOF) {
        connection->server->counters.cut_file_count++;
        http1_connection_fail_file(connection->http1);
    } else {
        server_connection_close(connection);
    }
}

/* The same for a piece of a file, which comes when all before it is with the kernel. */
static bool send_file(ServerConnection *connection)
{
    const Http1FilePiece *piece = http1_connection_file(connection->http1);
    uint64_t size = piece != NULL ? piece->size : 0;
    int64_t sent;

    if (piece == NULL || stream_unsent_size(connection->stream) > 0)
        return false;
    sent = stream_send_file(connection->stream, piece->file, piece->offset, size);
    if (sent < 0) {
        fail_file(connection, (int)sent);
        return false;
    }
    connection->server->counters.sent_size += (uint64_t)sent;
    http1_connection_consume_file(connection->http1, (uint64_t)sent);
    return (uint64_t)sent == size;
}

/* A request may be answered while input goes on, and so make output again. */
static void pump(ServerConnection *connection)
{
    do {
        http1_connection_continue(connection->http1);
    } while (connection->stream != NULL && (send_output(connection) || send_file(connection)));
}

/* Whoever writes answers in pieces waits until half of what may be unsent is gone, so that it is
 * not woken for every few bytes. */
static void offer_room(ServerConnection *connection)
{
    size_t unsent_size =
        http1_connection_output(connection->http1)->size + stream_unsent_size(connection->stream);

    if (unsent_size <= connection->server->options.unsent_size / 2)
        http1_connection_offer_room(connection->http1);
}

/* One that has not sent anything yet may have been accepted only just now: its first request is
 * waited for. */
static bool is_to_be_drained(const ServerConnection *connection)
{
    return connection->server->is_draining && http1_connection_progress(connection->http1) > 0;
}

static bool is_finished(const ServerConnection *connection)
{
    return http1_connection_phase(connection->http1) == HTTP1_FINISHED &&
           http1_connection_output(connection->http1)->size == 0;
}

/* Closing with unread input would reset the connection, and the peer lose the answer. So the FIN
 * goes first, and what the peer still sends is dropped until it closes too. */
void server_connection_start_lingering(ServerConnection *connection)
{
    Http1Connection *http1 = connection->http1;
    int refused_status = http1_connection_refusal(http1);
    bool is_cut = http1_connection_is_cut(http1);

    connection->server->counters.rejected_count += refused_status != 0 && refused_status != 408;
    connection->http1 = NULL;
    http1_connection_destroy(http1);
    if (is_cut)
        end_stream(connection, stream_reset);
    if (connection->stream == NULL)
        return;
    stream_shutdown(connection->stream);
    set_reading(connection, true);
}

static void linger(ServerConnection *connection)
{
    bool is_enough = connection->has_input_ended || connection->dropped_size > DROPPED_SIZE;

    if (is_enough && stream_unsent_size(connection->stream) == 0)
        server_connection_close(connection);
    else if (is_enough)
        set_reading(connection, false);
}

static int awaited(const ServerConnection *connection)
{
    if (connection->is_shaking_hands)
        return EXPIRY_HEAD;
    if (stream_unsent_size(connection->stream) > 0)
        return EXPIRY_WRITE;
    if (connection->http1 == NULL)
        return EXPIRY_LINGER;
    switch (http1_connection_phase(connection->http1)) {
    case HTTP1_IDLE:
        return connection->server->is_draining ? EXPIRY_HEAD : EXPIRY_WARM;
    case HTTP1_READING_HEAD:
        return EXPIRY_HEAD;
    case HTTP1_READING_BODY:
        return EXPIRY_BODY;
    default:
        return EXPIRY_NONE;
    }
}

static uint64_t progress_of(const ServerConnection *connection, int kind)
{
    if (kind == EXPIRY_WRITE)
        return stream_sent_size(connection->stream);
    return connection->http1 != NULL ? http1_connection_progress(connection->http1) : 0;
}

/* The time begins anew when something else is awaited, or something moved. */
static void watch(ServerConnection *connection)
{
    int kind = awaited(connection);
    int old_kind = connection->expiry.kind == EXPIRY_IDLE ? EXPIRY_WARM : connection->expiry.kind;
    uint64_t progress = progress_of(connection, kind);

    if (kind == old_kind && progress == connection->progress)
        return;
    connection->progress = progress;
    wait_for(connection, kind);
}

static void serve(ServerConnection *connection)
{
    pump(connection);
    if (connection->stream == NULL)
        return;
    offer_room(connection);
    if (connection->stream == NULL)
        return;
    note_congestion(connection);
    if (is_to_be_drained(connection))
        http1_connection_drain(connection->http1);
    if (is_finished(connection))
        server_connection_start_lingering(connection);
    else
        set_reading(connection,
                    http1_connection_wants_input(connection->http1) && !connection->is_congested);
}

void server_connection_flush(ServerConnection *connection)
{
    if (connection->http1 != NULL)
        serve(connection);
    if (connection->http1 == NULL && connection->stream != NULL)
        linger(connection);
    if (connection->stream != NULL)
        watch(connection);
}

/* Most connections are idle, and an idle one needs no memory but its structs. Right after an answer
 * it is likely to need its buffers soon again. */
static void cool_down(ServerConnection *connection)
{
    http1_connection_trim(connection->http1);
    wait_for(connection, EXPIRY_IDLE);
}

/* Says nothing to a client that has begun nothing. */
static void refuse_slow(ServerConnection *connection)
{
    bool is_idle = http1_connection_phase(connection->http1) == HTTP1_IDLE;

    wait_for(connection, EXPIRY_NONE);
    http1_connection_fail(connection->http1, is_idle ? 0 : 408);
    server_connection_touch(connection);
}

static void count_timeout(HttpServerCounters *counters, int kind)
{
    counters->timeout_count += kind != EXPIRY_LINGER;
    counters->head_timeout_count += kind == EXPIRY_HEAD;
    counters->body_timeout_count += kind == EXPIRY_BODY;
    counters->idle_timeout_count += kind == EXPIRY_IDLE;
    counters->write_timeout_count += kind == EXPIRY_WRITE;
}

void server_connection_expire(ServerConnection *connection)
{
    int kind = connection->expiry.kind;

    if (kind == EXPIRY_WARM) {
        cool_down(connection);
        return;
    }
    if (kind == EXPIRY_WRITE && stream_sent_size(connection->stream) != connection->progress) {
        watch(connection);
        return;
    }
    count_timeout(&connection->server->counters, kind);
    if (connection->is_shaking_hands)
        server_handshake_give_up(connection);
    else if (kind == EXPIRY_HEAD || kind == EXPIRY_BODY)
        refuse_slow(connection);
    else if (kind == EXPIRY_WRITE)
        end_stream(connection, stream_reset);
    else
        server_connection_close(connection);
}
