/* Private to rpc/: what a channel is, and what a protocol does for it. */
#ifndef PERIGEE_RPC_RPC_PROTOCOL_H
#define PERIGEE_RPC_RPC_PROTOCOL_H

#include "rpc/gob_header.h"
#include "rpc/gob_walk.h"
#include "rpc/json_scan.h"
#include "rpc/msgpack_scan.h"
#include "rpc/rpc_channel.h"

/* What gob keeps of a connection. */
typedef struct GobState {
    Buffer definitions; /* the messages that define the peer's types, in order */
    uint32_t definition_count;
    GobShapes shapes; /* the same types */
    GobWalk *walk;    /* NULL before the first argument that may hold an interface */
    GobHeaderType header_type;
    Buffer method; /* of the header whose body is still to come */
    uint64_t sequence;
    bool has_header;
    bool has_response_type; /* the header's definition was sent */
    Buffer sent_types;      /* numbers of the types whose definitions were sent, as uint32_t */
} GobState;

/* What JSON-RPC keeps of a connection. */
typedef struct JsonState {
    JsonScan scan;
    size_t scanned_size; /* of the message that has begun; 0 while none has */
    List batches;        /* those that have answers to come; not inited before the first */
} JsonState;

typedef struct RpcProtocol {
    /* Reads the message at the front. Returns its size, 0 when more bytes are needed, or a negative
     * code after which nothing more is read. */
    long (*read)(RpcChannel *channel, const char *bytes, size_t size);
    void (*answer)(RpcChannel *channel, RpcCall *call, const RpcReply *reply);
    /* Writes an item of a call that takes items; NULL where there are none such. */
    void (*send)(RpcChannel *channel, RpcCall *call, RpcSlice item);
    /* Frees what it keeps. */
    void (*close)(RpcChannel *channel);
    /* Nothing follows `size` bytes that are no message yet; NULL where there is nothing to say. */
    void (*end)(RpcChannel *channel, const char *bytes, size_t size);
    bool is_text; /* people type it: the end of what they send is no end of their waiting */
} RpcProtocol;

struct RpcChannel {
    RpcCaller caller; /* of every call that comes in here */
    const RpcLimits *limits;
    GobTypes *types;
    const RpcHandler *handler;
    const RpcProtocol *protocol;
    uint64_t number;
    uint64_t progress;
    Buffer input; /* what could not be read yet */
    Buffer output;
    const char *refusal;
    uint32_t stream_count; /* calls that take items */
    bool is_room_awaited;  /* by one of them */
    bool is_processing;    /* of messages: callbacks that answer do not begin another round of it */
    bool is_draining;
    bool is_last_due; /* a message had begun when the drain did: its call is the last */
    bool has_input_ended;
    bool is_stopped;   /* nothing more is read */
    bool is_version_2; /* of JSON-RPC, also where the text does not say it */
    union {
        GobState gob;
        JsonState json;
        MsgpackScan msgpack;
    } state;
};

extern const RpcProtocol rpc_opening; /* until the first bytes tell which it is */
extern const RpcProtocol rpc_gob;
extern const RpcProtocol rpc_json;
extern const RpcProtocol rpc_msgpack;

/* See rpc_channel_definitions. */
GobReader gob_definitions_since(const GobState *gob, uint32_t known);

/* Its caller wants an end of it: the holder is told. */
void rpc_channel_cancel(RpcChannel *channel, RpcCall *call);

/* Hands a call in; the protocol has filled what its answer needs. */
void rpc_channel_deliver(RpcChannel *channel, RpcCall *call);

#endif
