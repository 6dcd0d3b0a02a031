/* RpcServer: connections of one listening descriptor, each a net/stream driven by an rpc_channel,
 * with the timers and bounds neither of them knows. Who answers is the owner's business. */
#ifndef PERIGEE_SERVER_RPC_SERVER_H
#define PERIGEE_SERVER_RPC_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "os/loop.h"
#include "rpc/rpc_channel.h"

typedef struct RpcServer RpcServer;

/* Inside a callback every function below may be called. */
typedef struct RpcServerHandler {
    void (*on_call)(void *owner, RpcCall *call);      /* see RpcHandler */
    void (*on_abandoned)(void *owner, RpcCall *call); /* see RpcHandler */
} RpcServerHandler;

typedef struct RpcServerOptions {
    RpcLimits limits;
    uint32_t connection_count;       /* more are closed at once */
    uint32_t unsent_size;            /* with more than this unsent nothing more is read */
    uint32_t read_timeout_ms;        /* the rest of a message that has begun */
    uint32_t idle_timeout_ms;        /* with nothing under way */
    uint32_t write_timeout_ms;       /* without the peer taking a byte */
    const RpcServerHandler *handler; /* borrowed; outlives the server */
    void *owner;                     /* what the callbacks get */
} RpcServerOptions;

/* No handler; 10,000 connections, 256 KiB unsent; reading 10 s, idle without end, write 30 s. A
 * timeout of 0 is none. */
extern const RpcServerOptions rpc_server_default_options;

typedef struct RpcServerCounters {
    uint64_t accepted_count; /* connections that were served */
    uint64_t refused_count;  /* connections beyond the bound */
    uint64_t call_count;
    uint64_t abandoned_count; /* calls whose caller was gone before the answer */
    uint64_t timeout_count;   /* connections ended by any of the timers */
    uint64_t rejected_count;  /* connections closed for what they sent */
    uint64_t received_size;
    uint64_t sent_size;
    size_t connection_count; /* open now */
} RpcServerCounters;

/* Adopts `fd` (closed also when this fails). `types` is borrowed. */
int rpc_server_open(Loop *loop, int fd, const RpcServerOptions *options, GobTypes *types,
                    RpcServer **out);

/* Sends what calls were answered with. The owner calls it once for many of them. */
void rpc_server_flush(RpcServer *server);

/* Stops accepting. Calls in flight are answered, others refused, then connections are closed. */
void rpc_server_drain(RpcServer *server);

const RpcServerCounters *rpc_server_counters(const RpcServer *server);

/* Closes every connection now; calls are abandoned. NULL is fine. */
void rpc_server_close(RpcServer *server);

#endif
