/* RpcFramer: where the messages of a stream end, for who reads answers: whatever pieces the bytes
 * come in, it takes one look at each. */
#ifndef PERIGEE_RPC_RPC_FRAMER_H
#define PERIGEE_RPC_RPC_FRAMER_H

#include "rpc/json_scan.h"
#include "rpc/msgpack_scan.h"

typedef enum RpcFraming {
    RPC_FRAMING_GOB,
    RPC_FRAMING_JSON,
    RPC_FRAMING_MSGPACK,
} RpcFraming;

typedef struct RpcFramer {
    RpcFraming framing;
    size_t limit_size;   /* of one message */
    size_t scanned_size; /* JSON: of the message that has begun */
    union {
        JsonScan json;
        MsgpackScan msgpack;
    } scan;
} RpcFramer;

void rpc_framer_init(RpcFramer *framer, RpcFraming framing, size_t limit_size);

/* Looks on at a message that begins at `bytes`, of which `size` are there by now. Returns its size,
 * after which the framer is as new; 0 when more is needed; ERR_INVALID for what begins no message,
 * ERR_TOO_LARGE for one beyond the limit, or nested too deep. */
long rpc_framer_next(RpcFramer *framer, const char *bytes, size_t size);

#endif
