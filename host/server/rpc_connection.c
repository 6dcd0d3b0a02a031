#include "server/rpc_connection.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"

/* How much a peer may still send, unread, after the last answer. */
enum { DROPPED_SIZE = 1024 * 1024 };

static void wait_for(RpcConnection *connection, int kind)
{
    expiry_enter(&connection->server->expiry, &connection->expiry, kind,
                 clock_monotonic_ns() / 1000000);
}

static void on_read(void *owner, const char *bytes, size_t size)
{
    RpcConnection *connection = owner;
    RpcServer *server = connection->server;

    rpc_server_enter(server);
    server->counters.received_size += size;
    if (connection->is_lingering)
        connection->dropped_size += (uint32_t)size;
    else
        rpc_channel_feed(connection->channel, bytes, size);
    rpc_connection_touch(connection);
    rpc_server_leave(server);
}

static void on_end(void *owner, int status)
{
    RpcConnection *connection = owner;
    RpcServer *server = connection->server;

    rpc_server_enter(server);
    connection->has_input_ended = true;
    if (status == ERR_EOF)
        rpc_channel_end_input(connection->channel);
    else
        rpc_connection_close(connection);
    rpc_connection_touch(connection);
    rpc_server_leave(server);
}

static void on_drain(void *owner, int status)
{
    RpcConnection *connection = owner;
    RpcServer *server = connection->server;

    rpc_server_enter(server);
    if (status < 0)
        rpc_connection_close(connection);
    rpc_connection_touch(connection);
    rpc_server_leave(server);
}

static const StreamHandler stream_handler = {
    .on_read = on_read,
    .on_end = on_end,
    .on_drain = on_drain,
};

static void on_call(void *owner, RpcCall *call)
{
    RpcServer *server = ((RpcConnection *)owner)->server;

    server->counters.call_count++;
    server->options.handler->on_call(server->options.owner, call);
}

static void on_abandoned(void *owner, RpcCall *call)
{
    RpcServer *server = ((RpcConnection *)owner)->server;

    server->counters.abandoned_count++;
    server->options.handler->on_abandoned(server->options.owner, call);
}

static void on_output(void *owner)
{
    rpc_connection_touch(owner);
}

static const RpcHandler channel_handler = {
    .on_call = on_call,
    .on_abandoned = on_abandoned,
    .on_output = on_output,
};

void rpc_connection_open(RpcServer *server, Stream *stream)
{
    RpcConnection *connection = memory_alloc(sizeof *connection);

    connection->server = server;
    connection->stream = stream;
    list_init(&connection->node);
    expiry_init_entry(&connection->expiry);
    wait_for(connection, EXPIRY_NONE);
    connection->channel = rpc_channel_create(&server->options.limits, server->types,
                                             &channel_handler, connection, ++server->last_number);
    stream_set_handler(stream, &stream_handler, connection);
    server->counters.connection_count++;
    rpc_connection_touch(connection);
}

void rpc_connection_touch(RpcConnection *connection)
{
    if (connection->stream == NULL)
        return;
    list_unlink(&connection->node);
    list_push_back(&connection->server->touched, &connection->node);
}

static void end_stream(RpcConnection *connection, void (*end)(Stream *))
{
    RpcServer *server = connection->server;
    Stream *stream = connection->stream;

    if (stream == NULL)
        return;
    connection->stream = NULL;
    end(stream);
    expiry_leave(&connection->expiry);
    list_unlink(&connection->node);
    list_push_back(&server->dead, &connection->node);
    server->counters.connection_count--;
    rpc_channel_stop(connection->channel);
}

void rpc_connection_close(RpcConnection *connection)
{
    end_stream(connection, stream_close);
}

void rpc_connection_free(RpcConnection *connection)
{
    list_unlink(&connection->node);
    rpc_channel_destroy(connection->channel);
    memory_free(connection);
}

static bool is_congested(const RpcConnection *connection)
{
    return stream_unsent_size(connection->stream) > connection->server->options.unsent_size;
}

static bool send_output(RpcConnection *connection)
{
    Buffer *output = rpc_channel_output(connection->channel);

    if (output->size == 0 || is_congested(connection))
        return false;
    if (stream_write(connection->stream, output->bytes, output->size) < 0) {
        rpc_connection_close(connection);
        return false;
    }
    connection->server->counters.sent_size += output->size;
    buffer_clear(output);
    return true;
}

static void set_reading(RpcConnection *connection, bool is_reading)
{
    if (is_reading == connection->is_reading)
        return;
    connection->is_reading = is_reading;
    if (is_reading)
        stream_start_reading(connection->stream);
    else
        stream_stop_reading(connection->stream);
}

/* Closing with unread input would reset the connection, and the peer lose the last answers. So the
 * FIN goes first, and what the peer still sends is dropped until it closes too. */
static void start_lingering(RpcConnection *connection)
{
    connection->server->counters.rejected_count += rpc_channel_refusal(connection->channel) != NULL;
    connection->is_lingering = true;
    stream_shutdown(connection->stream);
    set_reading(connection, true);
}

static void linger(RpcConnection *connection)
{
    bool is_enough = connection->has_input_ended || connection->dropped_size > DROPPED_SIZE;

    if (is_enough && stream_unsent_size(connection->stream) == 0)
        rpc_connection_close(connection);
    else if (is_enough)
        set_reading(connection, false);
}

static int awaited(const RpcConnection *connection)
{
    if (stream_unsent_size(connection->stream) > 0)
        return EXPIRY_WRITE;
    if (connection->is_lingering || connection->has_input_ended)
        return EXPIRY_LINGER;
    switch (rpc_channel_phase(connection->channel)) {
    case RPC_IDLE:
        return EXPIRY_IDLE;
    case RPC_READING:
        return EXPIRY_BODY;
    default:
        return EXPIRY_NONE;
    }
}

static uint64_t progress_of(const RpcConnection *connection, int kind)
{
    return kind == EXPIRY_WRITE ? stream_sent_size(connection->stream)
                                : rpc_channel_progress(connection->channel);
}

/* The time begins anew when something else is awaited, or something moved. */
static void watch(RpcConnection *connection)
{
    int kind = awaited(connection);
    uint64_t progress = progress_of(connection, kind);

    if (kind == connection->expiry.kind && progress == connection->progress)
        return;
    connection->progress = progress;
    wait_for(connection, kind);
}

/* A call may be answered while input goes on, and so make output again. */
static void serve(RpcConnection *connection)
{
    RpcChannel *channel = connection->channel;

    if (connection->server->is_draining)
        rpc_channel_drain(channel);
    do {
        rpc_channel_continue(channel);
    } while (connection->stream != NULL && send_output(connection));
    if (connection->stream == NULL)
        return;
    if (rpc_channel_phase(channel) == RPC_FINISHED && rpc_channel_output(channel)->size == 0)
        start_lingering(connection);
    else
        set_reading(connection, rpc_channel_wants_input(channel) && !is_congested(connection));
}

void rpc_connection_flush(RpcConnection *connection)
{
    if (!connection->is_lingering)
        serve(connection);
    if (connection->stream != NULL && connection->is_lingering)
        linger(connection);
    if (connection->stream != NULL)
        watch(connection);
}

void rpc_connection_expire(RpcConnection *connection)
{
    int kind = connection->expiry.kind;

    if (kind == EXPIRY_WRITE && stream_sent_size(connection->stream) != connection->progress) {
        watch(connection);
        return;
    }
    connection->server->counters.timeout_count += kind != EXPIRY_LINGER;
    if (kind == EXPIRY_WRITE)
        end_stream(connection, stream_reset);
    else
        rpc_connection_close(connection);
}
