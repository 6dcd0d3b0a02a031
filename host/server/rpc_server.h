/* A server of RPC: see server.h for its connections, each driven by an rpc_channel. Who answers is
 * the owner's business. */
#ifndef PERIGEE_SERVER_RPC_SERVER_H
#define PERIGEE_SERVER_RPC_SERVER_H

#include "net/address.h"
#include "os/loop.h"
#include "rpc/rpc_channel.h"
#include "server/server.h"

/* Inside a callback every function of server.h may be called. */
typedef struct RpcServerHandler {
    /* See RpcHandler; `peer` is who sent it, NULL when nobody outside did. */
    void (*on_call)(void *owner, RpcCall *call, const Address *peer);
    void (*on_abandoned)(void *owner, RpcCall *call); /* see RpcHandler */
} RpcServerHandler;

/* Beyond bounds.connection_count connections are closed at once. Messages have one part:
 * bounds.body_timeout_ms is for the rest of one that has begun. */
typedef struct RpcServerOptions {
    ServerBounds bounds;
    RpcLimits limits;
    const RpcServerHandler *handler; /* borrowed; outlives the server */
    void *owner;                     /* what the callbacks get */
} RpcServerOptions;

/* No handler; 10,000 connections, 256 KiB unsent; handshakes and reading 10 s, idle without end,
 * write 30 s. */
extern const RpcServerOptions rpc_server_default_options;

/* Adopts `fd` (closed also when this fails). `types` is borrowed. */
int rpc_server_open(Loop *loop, int fd, const RpcServerOptions *options, GobTypes *types,
                    Server **out);

#endif
