/* Private to server/: what an RpcServer is, and one connection of it: a stream that drives an
 * RpcChannel.
 *
 * Whoever calls into a connection stands between rpc_server_enter and rpc_server_leave. Inside,
 * connections are only marked, to be flushed or freed; the outermost leave does both. */
#ifndef PERIGEE_SERVER_RPC_CONNECTION_H
#define PERIGEE_SERVER_RPC_CONNECTION_H

#include "net/listener.h"
#include "os/timer.h"
#include "server/expiry.h"
#include "server/rpc_server.h"

struct RpcServer {
    RpcServerOptions options;
    RpcServerCounters counters;
    Loop *loop;
    GobTypes *types;
    Listener *listener; /* NULL once draining */
    Timer *tick;
    uint64_t last_number; /* of a connection */
    unsigned depth;       /* of enter */
    bool is_ticking;
    bool is_draining;
    bool is_closed;
    Expiry expiry; /* every open connection */
    List touched;  /* connections to be flushed */
    List dead;     /* connections to be freed */
};

typedef struct RpcConnection {
    RpcServer *server;
    Stream *stream; /* NULL once closed */
    RpcChannel *channel;
    List node; /* in server->touched or server->dead */
    ExpiryEntry expiry;
    uint64_t progress; /* what it was when its time began to run */
    uint32_t dropped_size;
    bool is_reading;
    bool is_lingering; /* nothing more is to be said: what comes in is dropped */
    bool has_input_ended;
} RpcConnection;

void rpc_server_enter(RpcServer *server);

/* The server may be gone afterwards. */
void rpc_server_leave(RpcServer *server);

/* Takes `stream` over. */
void rpc_connection_open(RpcServer *server, Stream *stream);

/* Has the connection flushed at the end. */
void rpc_connection_touch(RpcConnection *connection);

void rpc_connection_flush(RpcConnection *connection);

/* The time of what it waits for is over. */
void rpc_connection_expire(RpcConnection *connection);

/* Closes the stream now; the rest goes with rpc_connection_free. */
void rpc_connection_close(RpcConnection *connection);
void rpc_connection_free(RpcConnection *connection);

#endif
