#include "server/rpc_server.h"

#include <assert.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "server/rpc_connection.h"

enum { LINGER_TIMEOUT_MS = 1000 };

const RpcServerOptions rpc_server_default_options = {
    .limits = RPC_DEFAULT_LIMITS,
    .connection_count = 10000,
    .unsent_size = 256 * 1024,
    .read_timeout_ms = 10000,
    .write_timeout_ms = 30000,
};

void rpc_server_enter(RpcServer *server)
{
    server->depth++;
}

static RpcConnection *first_of(const List *list)
{
    return list_is_empty(list) ? NULL : list_entry(list->next, RpcConnection, node);
}

/* Flushing and freeing make callbacks, which may touch and close other connections. */
static void settle(RpcServer *server)
{
    RpcConnection *connection;

    for (;;) {
        if ((connection = first_of(&server->touched)) != NULL) {
            list_unlink(&connection->node);
            rpc_connection_flush(connection);
        } else if ((connection = first_of(&server->dead)) != NULL) {
            rpc_connection_free(connection);
        } else {
            return;
        }
    }
}

void rpc_server_leave(RpcServer *server)
{
    if (server->depth == 1)
        settle(server);
    server->depth--;
    if (server->depth == 0 && server->is_closed)
        memory_free(server);
}

static void on_tick(void *owner)
{
    RpcServer *server = owner;
    uint64_t now_ms = clock_monotonic_ns() / 1000000;
    ExpiryEntry *entry;

    server->is_ticking = server->counters.connection_count > 0;
    if (!server->is_ticking) {
        timer_stop(server->tick);
        return;
    }
    rpc_server_enter(server);
    while ((entry = expiry_first(&server->expiry, now_ms)) != NULL)
        rpc_connection_expire(list_entry(entry, RpcConnection, expiry));
    rpc_server_leave(server);
}

static void start_ticking(RpcServer *server)
{
    uint64_t tick_ms = expiry_tick_ms(&server->expiry);

    if (server->is_ticking)
        return;
    server->is_ticking = true;
    timer_start(server->tick, tick_ms, tick_ms);
}

static void on_accept(void *owner, Stream *stream)
{
    RpcServer *server = owner;

    if (server->counters.connection_count >= server->options.connection_count) {
        server->counters.refused_count++;
        stream_close(stream);
        return;
    }
    rpc_server_enter(server);
    start_ticking(server);
    server->counters.accepted_count++;
    rpc_connection_open(server, stream);
    rpc_server_leave(server);
}

int rpc_server_open(Loop *loop, int fd, const RpcServerOptions *options, GobTypes *types,
                    RpcServer **out)
{
    RpcServer *server = memory_alloc(sizeof *server);
    int result;

    assert(options->handler != NULL);
    server->options = *options;
    server->types = types;
    list_init(&server->touched);
    list_init(&server->dead);
    expiry_init(&server->expiry, (uint64_t[EXPIRY_KIND_COUNT]){
                                     [EXPIRY_BODY] = options->read_timeout_ms,
                                     [EXPIRY_IDLE] = options->idle_timeout_ms,
                                     [EXPIRY_WRITE] = options->write_timeout_ms,
                                     [EXPIRY_LINGER] = LINGER_TIMEOUT_MS,
                                 });
    if ((result = timer_create_on(loop, on_tick, server, &server->tick)) < 0) {
        close(fd);
        goto fail;
    }
    if ((result = listener_open(loop, fd, on_accept, server, &server->listener)) < 0)
        goto fail;
    *out = server;
    return 0;

fail:
    rpc_server_close(server);
    return result;
}

void rpc_server_flush(RpcServer *server)
{
    rpc_server_enter(server);
    rpc_server_leave(server);
}

void rpc_server_drain(RpcServer *server)
{
    rpc_server_enter(server);
    listener_close(server->listener);
    server->listener = NULL;
    server->is_draining = true;
    for (int kind = 0; kind < EXPIRY_KIND_COUNT; kind++) {
        list_each (node, &server->expiry.lists[kind])
            rpc_connection_touch(list_entry(node, RpcConnection, expiry.node));
    }
    rpc_server_leave(server);
}

const RpcServerCounters *rpc_server_counters(const RpcServer *server)
{
    return &server->counters;
}

void rpc_server_close(RpcServer *server)
{
    ExpiryEntry *entry;

    if (server == NULL)
        return;
    rpc_server_enter(server);
    listener_close(server->listener);
    timer_close(server->tick);
    server->is_closed = true;
    while ((entry = expiry_any(&server->expiry)) != NULL)
        rpc_connection_close(list_entry(entry, RpcConnection, expiry));
    rpc_server_leave(server);
}
