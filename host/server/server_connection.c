#include "server/server_connection.h"

#include "base/error.h"
#include "base/memory.h"
#include "server/server_handshake.h"

/* How much a peer may still send, unread, after the last answer. */
enum { DROPPED_SIZE = 1024 * 1024 };

static void wait_for(ServerConnection *connection, int kind)
{
    expiry_enter(&connection->server->expiry, &connection->expiry, kind,
                 loop_now_ms(connection->server->loop));
}

static const SessionKind *kind_of(const ServerConnection *connection)
{
    return connection->server->setup.kind;
}

static void on_read(void *owner, const char *bytes, size_t size)
{
    ServerConnection *connection = owner;
    Server *server = connection->server;

    server_enter(server);
    server->counters.received_size += size;
    if (connection->session != NULL)
        server->setup.kind->feed(connection->session, bytes, size);
    else
        connection->dropped_size += (uint32_t)size;
    server_connection_touch(connection);
    server_leave(server);
}

static void on_end(void *owner, int status)
{
    ServerConnection *connection = owner;
    Server *server = connection->server;

    server_enter(server);
    connection->has_input_ended = true;
    server_handshake_note_end(connection);
    if (status != ERR_EOF)
        server_connection_close(connection);
    else if (connection->session != NULL)
        server->setup.kind->end_input(connection->session);
    server_connection_touch(connection);
    server_leave(server);
}

static void on_drain(void *owner, int status)
{
    ServerConnection *connection = owner;
    Server *server = connection->server;

    server_enter(server);
    if (status < 0)
        server_connection_close(connection);
    server_connection_touch(connection);
    server_leave(server);
}

static void on_connect(void *owner, int status)
{
    ServerConnection *connection = owner;
    Server *server = connection->server;

    server_enter(server);
    server_handshake_finish(connection, status);
    server_connection_touch(connection);
    server_leave(server);
}

static const StreamHandler stream_handler = {
    .on_connect = on_connect,
    .on_read = on_read,
    .on_end = on_end,
    .on_drain = on_drain,
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

static ServerConnection *create(Server *server, Stream *stream)
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

void server_connection_open(Server *server, Stream *stream)
{
    ServerConnection *connection = create(server, stream);

    connection->session = server->setup.kind->create(connection);
    server_handshake_begin(connection);
}

void server_connection_refuse(Server *server, Stream *stream)
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
    Server *server = connection->server;
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
    if (connection->session != NULL)
        server->setup.kind->stop(connection->session);
}

void server_connection_close(ServerConnection *connection)
{
    end_stream(connection, stream_close);
}

void server_connection_free(ServerConnection *connection)
{
    list_unlink(&connection->node);
    if (connection->session != NULL)
        connection->server->setup.kind->destroy(connection->session);
    memory_free(connection);
}

static bool is_congested(const ServerConnection *connection)
{
    return stream_unsent_size(connection->stream) > connection->server->setup.bounds.unsent_size;
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
static bool send_output(ServerConnection *connection, SessionOutput pending)
{
    Buffer *output = pending.bytes;
    int (*write)(Stream *, const void *, size_t) =
        pending.has_file ? stream_write_more : stream_write;

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

/* The same for a file, which comes when all before it is with the kernel. */
static bool send_file(ServerConnection *connection)
{
    return connection->stream != NULL && stream_unsent_size(connection->stream) == 0 &&
           kind_of(connection)->send_file(connection);
}

/* A request may be answered while input goes on, and so make output again. Returns what could not
 * be sent yet. */
static const Buffer *pump(ServerConnection *connection)
{
    SessionOutput output;

    do {
        output = kind_of(connection)->advance(connection->session);
    } while (connection->stream != NULL &&
             (send_output(connection, output) || (output.has_file && send_file(connection))));
    return output.bytes;
}

/* Whoever writes answers in pieces waits until half of what may be unsent is gone, so that it is
 * not woken for every few bytes. */
static void offer_room(ServerConnection *connection, const Buffer *output)
{
    const SessionKind *kind = kind_of(connection);
    size_t unsent_size = output->size + stream_unsent_size(connection->stream);

    if (kind->offer_room != NULL && unsent_size <= connection->server->setup.bounds.unsent_size / 2)
        kind->offer_room(connection->session);
}

/* Of a drain. A connection that was accepted or answered only just now may have a request on its
 * way: that one is waited for. Its answer will say that it is the last. */
static SessionStatus drain(ServerConnection *connection, SessionStatus status)
{
    const SessionKind *kind = kind_of(connection);

    if (status.awaited == EXPIRY_WARM && connection->expiry.kind != EXPIRY_IDLE)
        return status;
    kind->drain(connection->session);
    return kind->status(connection->session);
}

/* Closing with unread input would reset the connection, and the peer lose the answer. So the FIN
 * goes first, and what the peer still sends is dropped until it closes too. */
void server_connection_start_lingering(ServerConnection *connection)
{
    const SessionKind *kind = kind_of(connection);
    void *session = connection->session;
    SessionEnding ending = kind->ending(session);

    connection->server->counters.rejected_count += ending.is_rejected;
    connection->session = NULL;
    kind->destroy(session);
    if (ending.is_cut)
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

static int awaited(const ServerConnection *connection, const SessionStatus *status)
{
    if (connection->is_shaking_hands)
        return EXPIRY_HEAD;
    if (stream_unsent_size(connection->stream) > 0)
        return EXPIRY_WRITE;
    if (connection->session == NULL)
        return EXPIRY_LINGER;
    if (status->awaited == EXPIRY_WARM && connection->server->is_draining)
        return EXPIRY_LAST;
    return status->awaited;
}

/* The time begins anew when something else is awaited, or something moved. */
static void watch(ServerConnection *connection, const SessionStatus *status)
{
    int kind = awaited(connection, status);
    int old_kind = connection->expiry.kind == EXPIRY_IDLE ? EXPIRY_WARM : connection->expiry.kind;
    uint64_t progress =
        kind == EXPIRY_WRITE ? stream_sent_size(connection->stream) : status->progress;

    if (kind == old_kind && progress == connection->progress)
        return;
    connection->progress = progress;
    wait_for(connection, kind);
}

static SessionStatus serve(ServerConnection *connection)
{
    const Buffer *output = pump(connection);
    SessionStatus status = {0};

    if (connection->stream == NULL)
        return status;
    offer_room(connection, output);
    if (connection->stream == NULL)
        return status;
    note_congestion(connection);
    status = kind_of(connection)->status(connection->session);
    if (connection->server->is_draining)
        status = drain(connection, status);
    if (status.is_finished && output->size == 0)
        server_connection_start_lingering(connection);
    else
        set_reading(connection, status.wants_input && !connection->is_congested);
    return status;
}

void server_connection_flush(ServerConnection *connection)
{
    SessionStatus status = {0};

    if (connection->session != NULL)
        status = serve(connection);
    if (connection->session == NULL && connection->stream != NULL)
        linger(connection);
    if (connection->stream != NULL)
        watch(connection, &status);
}

/* Most connections are idle, and an idle one needs no memory but its structs. Right after an answer
 * it is likely to need its buffers soon again. */
static void cool_down(ServerConnection *connection)
{
    if (kind_of(connection)->trim != NULL)
        kind_of(connection)->trim(connection->session);
    wait_for(connection, EXPIRY_IDLE);
}

static void refuse_slow(ServerConnection *connection)
{
    wait_for(connection, EXPIRY_NONE);
    kind_of(connection)->refuse_slow(connection->session);
    server_connection_touch(connection);
}

/* Nothing has come: it ends as if it had been idle when the drain began. */
static void end_drain(ServerConnection *connection)
{
    wait_for(connection, EXPIRY_NONE);
    kind_of(connection)->drain(connection->session);
    server_connection_touch(connection);
}

static void count_timeout(ServerCounters *counters, int kind)
{
    counters->timeout_count += kind != EXPIRY_LINGER;
    counters->head_timeout_count += kind == EXPIRY_HEAD;
    counters->body_timeout_count += kind == EXPIRY_BODY;
    counters->idle_timeout_count += kind == EXPIRY_IDLE;
    counters->write_timeout_count += kind == EXPIRY_WRITE;
}

static bool has_word_for_slow(const ServerConnection *connection, int kind)
{
    return (kind == EXPIRY_HEAD || kind == EXPIRY_BODY) && kind_of(connection)->refuse_slow != NULL;
}

void server_connection_expire(ServerConnection *connection)
{
    int kind = connection->expiry.kind;

    if (kind == EXPIRY_WARM || kind == EXPIRY_LAST) {
        (kind == EXPIRY_WARM ? cool_down : end_drain)(connection);
        return;
    }
    if (kind == EXPIRY_WRITE && stream_sent_size(connection->stream) != connection->progress) {
        connection->progress = stream_sent_size(connection->stream);
        wait_for(connection, EXPIRY_WRITE);
        return;
    }
    count_timeout(&connection->server->counters, kind);
    if (connection->is_shaking_hands)
        server_handshake_give_up(connection);
    else if (kind == EXPIRY_WRITE)
        end_stream(connection, stream_reset);
    else if (has_word_for_slow(connection, kind))
        refuse_slow(connection);
    else
        server_connection_close(connection);
}
