#include "server/rpc_server.h"

#include <assert.h>

#include "base/memory.h"
#include "server/server_connection.h"

/* What the connections of one RPC server share. */
typedef struct RpcState {
    RpcServerOptions options;
    GobTypes *types;
    uint64_t last_number; /* of a connection */
} RpcState;

const RpcServerOptions rpc_server_default_options = {
    .limits = RPC_DEFAULT_LIMITS,
    .bounds = {.connection_count = 10000,
               .unsent_size = 256 * 1024,
               .head_timeout_ms = 10000,
               .body_timeout_ms = 10000,
               .write_timeout_ms = 30000}
};

static const RpcServerOptions *options_of(void *owner)
{
    const RpcState *state = ((ServerConnection *)owner)->server->setup.state;

    return &state->options;
}

static void on_call(void *owner, RpcCall *call)
{
    const RpcServerOptions *options = options_of(owner);
    ServerConnection *connection = owner;

    connection->server->counters.request_count++;
    options->handler->on_call(options->owner, call, stream_peer(connection->stream));
}

static void on_abandoned(void *owner, RpcCall *call)
{
    const RpcServerOptions *options = options_of(owner);

    ((ServerConnection *)owner)->server->counters.abandoned_count++;
    options->handler->on_abandoned(options->owner, call);
}

static void on_output(void *owner)
{
    server_connection_touch(owner);
}

static const RpcHandler channel_handler = {
    .on_call = on_call,
    .on_abandoned = on_abandoned,
    .on_output = on_output,
};

static void *create(ServerConnection *connection)
{
    RpcState *state = connection->server->setup.state;

    return rpc_channel_create(&state->options.limits, state->types, &channel_handler, connection,
                              ++state->last_number);
}

static void destroy(void *session)
{
    rpc_channel_destroy(session);
}

static void feed(void *session, const char *bytes, size_t size)
{
    rpc_channel_feed(session, bytes, size);
}

static void end_input(void *session)
{
    rpc_channel_end_input(session);
}

static SessionOutput advance(void *session)
{
    rpc_channel_continue(session);
    return (SessionOutput){.bytes = rpc_channel_output(session)};
}

static SessionStatus status(const void *session)
{
    static const uint8_t awaited[] = {
        [RPC_IDLE] = EXPIRY_WARM,      [RPC_READING] = EXPIRY_BODY,  [RPC_WAITING] = EXPIRY_NONE,
        [RPC_LEAVING] = EXPIRY_LINGER, [RPC_FINISHED] = EXPIRY_NONE,
    };
    int phase = rpc_channel_phase(session);

    return (SessionStatus){
        .progress = rpc_channel_progress(session),
        .awaited = awaited[phase],
        .wants_input = rpc_channel_wants_input(session),
        .is_finished = phase == RPC_FINISHED,
    };
}

static SessionEnding ending(const void *session)
{
    return (SessionEnding){.is_rejected = rpc_channel_refusal(session) != NULL};
}

static void drain(void *session)
{
    rpc_channel_drain(session);
}

static void stop(void *session)
{
    rpc_channel_stop(session);
}

static const SessionKind rpc_session = {
    .create = create,
    .destroy = destroy,
    .feed = feed,
    .end_input = end_input,
    .advance = advance,
    .status = status,
    .ending = ending,
    .drain = drain,
    .stop = stop,
    .not_tls_text = "perigee: this port speaks TLS, and what came is not\n",
};

int rpc_server_open(Loop *loop, int fd, const RpcServerOptions *options, GobTypes *types,
                    Server **out)
{
    RpcState *state = memory_alloc(sizeof *state);

    assert(options->handler != NULL);
    state->options = *options;
    state->types = types;
    return server_open(loop, fd, &(ServerSetup){&rpc_session, state, options->bounds}, out);
}
