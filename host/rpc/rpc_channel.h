/* RpcChannel: one connection of calls as a function of bytes: what comes in brings calls, what is
 * answered makes output. It knows no sockets; see server/rpc_server. Many calls are in flight
 * at once and are answered in any order. */
#ifndef PERIGEE_RPC_RPC_CHANNEL_H
#define PERIGEE_RPC_RPC_CHANNEL_H

#include "base/buffer.h"
#include "rpc/gob_types.h"
#include "rpc/gob_wire.h"
#include "rpc/rpc_call.h"

typedef struct RpcChannel RpcChannel;

typedef struct RpcLimits {
    size_t message_size;    /* the largest message */
    uint32_t nesting_count; /* how deep a value of JSON or MessagePack may be nested */
    uint32_t pending_count; /* calls in flight; with so many no further one is read */
    uint32_t batch_count;   /* calls in one batch of JSON-RPC 2.0 */
} RpcLimits;

#define RPC_DEFAULT_LIMITS                                                                         \
    {                                                                                              \
        .message_size = 4 * 1024 * 1024, .nesting_count = 128, .pending_count = 1000,              \
        .batch_count = 100                                                                         \
    }

/* Inside a callback a call may be answered. */
typedef struct RpcHandler {
    void (*on_call)(void *owner, RpcCall *call);
    /* Its caller is gone, or has cancelled it. The holder is still to answer it. */
    void (*on_abandoned)(void *owner, RpcCall *call);
    /* There is more output, and perhaps room for further calls. */
    void (*on_output)(void *owner);
} RpcHandler;

/* What a channel does. */
enum {
    RPC_IDLE,     /* nothing is under way */
    RPC_READING,  /* a message has begun */
    RPC_WAITING,  /* for answers */
    RPC_LEAVING,  /* for answers to a peer that sends nothing more, and may be gone */
    RPC_FINISHED, /* nothing more is read or answered */
};

/* `limits`, `types` and `handler` are borrowed. `number` tells its calls from those of others. */
RpcChannel *rpc_channel_create(const RpcLimits *limits, GobTypes *types, const RpcHandler *handler,
                               void *owner, uint64_t number);

/* Of one that has read nothing: what comes is JSON-RPC, and what is neither 1.0 nor 2.0 is answered
 * in 2.0. */
void rpc_channel_expect_json(RpcChannel *channel);

/* Abandons the calls that are unanswered. */
void rpc_channel_destroy(RpcChannel *channel);

/* Takes all `size` bytes; what cannot be read yet is kept. */
void rpc_channel_feed(RpcChannel *channel, const char *bytes, size_t size);

/* Goes on with what was kept, after answers were given. Cheap when there is nothing to do. */
void rpc_channel_continue(RpcChannel *channel);

/* The peer will send nothing more. Whoever types JSON into a pipe may still wait for answers; of
 * other protocols the peer is gone then, see rpc_channel_abandon. */
void rpc_channel_end_input(RpcChannel *channel);

/* The same of a peer that waits for answers in any case. */
void rpc_channel_finish_input(RpcChannel *channel);

/* The peer is gone: calls in flight are abandoned, and it is finished. */
void rpc_channel_abandon(RpcChannel *channel);

/* Nothing more is read; it is finished when what is in flight was answered. */
void rpc_channel_stop(RpcChannel *channel);

/* False while the next bytes would only be kept, or will never be read. */
bool rpc_channel_wants_input(const RpcChannel *channel);

/* Calls in flight are answered, and the one whose message has begun; others that come until then
 * are refused; then it is finished. Called again whenever something has come since. */
void rpc_channel_drain(RpcChannel *channel);

int rpc_channel_phase(const RpcChannel *channel);

/* Grows with each message read: tells a timer that something moved. */
uint64_t rpc_channel_progress(const RpcChannel *channel);

/* What the peer was told when its bytes were no calls; NULL while there was no need. */
const char *rpc_channel_refusal(const RpcChannel *channel);

/* Bytes to send, for the owner to consume. FINISHED with an empty output means: shut down. */
Buffer *rpc_channel_output(RpcChannel *channel);

/* The definitions of types the call's connection has sent, without the first `known`: messages of
 * gob, each behind its length (gob_read_bytes). Size 0 when there are none. */
GobReader rpc_channel_definitions(const RpcCall *call, uint32_t known);

#endif
