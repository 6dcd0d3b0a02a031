/* RpcCall: one call of a method, whatever its protocol. The envelope is opened, the argument is
 * still bytes. Whoever holds it answers it once, and the answer frees it; who asked may be gone by
 * then. */
#ifndef PERIGEE_RPC_RPC_CALL_H
#define PERIGEE_RPC_RPC_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hop.h"
#include "base/list.h"

/* lua/perigee/rpc/protocol.lua has the same numbers. */
typedef enum RpcProtocolKind {
    RPC_GOB = 1,     /* the argument: the body of a gob message */
    RPC_JSON1 = 2,   /* Go's dialect of JSON-RPC 1.0; the argument: the text of params, or empty */
    RPC_JSON2 = 3,   /* JSON-RPC 2.0; the same */
    RPC_MSGPACK = 4, /* MessagePack-RPC; the argument: the array of params */
    RPC_JSON = 5,    /* POST /rpc/Service.Method; the argument: a JSON text, or empty */
    RPC_COPY = 6,    /* from another isolate; the argument: bytes of perigee.core.copy */
} RpcProtocolKind;

/* What an answer is made of: `bytes` are the result as the protocol wants it, or the message of a
 * failure. */
typedef struct RpcReply {
    bool is_failure;
    const char *bytes;
    size_t size;
    const uint32_t *types; /* gob: the numbers of the types that the value needs, in order */
    size_t type_count;
    bool ends_items;  /* the method gives items, though there may have been none */
    int code;         /* of a failure in JSON-RPC 2.0; 0 for that of a service's own error */
    const char *data; /* of a failure in JSON-RPC 2.0: a JSON text; NULL for none */
    size_t data_size;
} RpcReply;

/* The codes of JSON-RPC 2.0 failures, and ours in the range it leaves to servers. */
enum {
    RPC_PARSE_ERROR = -32700,
    RPC_INVALID_REQUEST = -32600,
    RPC_METHOD_NOT_FOUND = -32601,
    RPC_INVALID_PARAMS = -32602,
    RPC_INTERNAL_ERROR = -32603,
    RPC_SERVICE_ERROR = -32000,
    RPC_DEADLINE_EXCEEDED = -32001,
    RPC_UNAVAILABLE = -32002, /* overloaded, or shutting down: it may be tried again */
};

struct RpcCall;

typedef struct RpcSlice {
    const char *bytes;
    size_t size;
} RpcSlice;

/* Who made calls and waits for their answers. */
typedef struct RpcCaller {
    void *owner; /* the caller's own */
    /* Called once for each call that is answered; the call is freed when it returns. */
    void (*on_answer)(struct RpcCaller *caller, struct RpcCall *call, const RpcReply *reply);
    /* Takes the next item of a call that takes items: 0, or a code as rpc_call_send has. */
    int (*on_item)(struct RpcCaller *caller, struct RpcCall *call, RpcSlice item);
    List calls; /* those that are unanswered */
    size_t call_count;
} RpcCaller;

typedef struct RpcCall {
    List node;
    RpcCaller *caller;                     /* NULL when it is gone */
    void *holder;                          /* the holder's own */
    void (*on_room)(struct RpcCall *call); /* the holder's: an item may be sent again */
    struct RpcBatch *batch;
    RpcProtocolKind protocol;
    uint64_t connection; /* the number of the connection it came by, 0 for none */
    uint64_t sequence;   /* gob, MessagePack: what the answer is to bear */
    const char *method;  /* these three point into the call itself */
    const char *argument;
    const char *id;            /* JSON: the text of the id; size 0 for none */
    uint32_t definition_count; /* gob: of those before it on its connection */
    uint32_t method_size;
    uint32_t argument_size;
    uint32_t id_size;
    double deadline_s;    /* who asks waits so long, on the monotonic clock; 0 for no end */
    Hop hop;              /* what it says of that; the holder makes the deadline of it */
    uint32_t credit;      /* how many items the caller still takes */
    bool takes_items;     /* else the method's items are its result */
    bool is_room_awaited; /* on_room is due */
    bool is_canceled;     /* its caller wants no result, but an end */
    bool is_notification; /* nobody waits for the answer */
} RpcCall;

/* Credit of a call whose caller bounds its items otherwise; of any other, the most. */
#define RPC_UNLIMITED_CREDIT UINT32_MAX
#define RPC_MOST_CREDIT 65536

/* Called with each answer: see RpcCaller. */
typedef void (*RpcAnswered)(RpcCaller *caller, RpcCall *call, const RpcReply *reply);

void rpc_caller_init(RpcCaller *caller, RpcAnswered on_answer, void *owner);

/* Detaches every call, and has on_abandoned called with each. */
void rpc_caller_leave(RpcCaller *caller, void (*on_abandoned)(void *owner, RpcCall *call));

/* Copies the three slices; each is smaller than 4 GiB. The call hangs on the caller's list. */
RpcCall *rpc_call_create(RpcCaller *caller, RpcSlice method, RpcSlice argument, RpcSlice id);

/* The caller is gone: whoever holds the call need not hurry. It is still to be answered. */
void rpc_call_detach(RpcCall *call);

/* Answers and frees the call. 0, or ERR_CLOSED when nobody is there to hear it. */
int rpc_call_answer(RpcCall *call, const RpcReply *reply);

/* The same, with a failure. */
int rpc_call_fail(RpcCall *call, int code, const char *message);

/* Sends the next item of what the method gives. Returns 0; ERR_AGAIN when the caller takes none
 * now: on_room will be called; ERR_CANCELED or ERR_CLOSED when nobody wants any. */
int rpc_call_send(RpcCall *call, RpcSlice item);

/* The caller takes `count` more items. Returns 0, or ERR_INVALID for none or too many. */
int rpc_call_grant(RpcCall *call, uint64_t count);

/* The caller has room for an item, of which it had none. */
void rpc_call_offer_room(RpcCall *call);

/* The part of the method's name before its last dot; size 0 when there is none. */
RpcSlice rpc_call_service(const RpcCall *call);

#endif
