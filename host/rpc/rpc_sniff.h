/* Which protocol a connection speaks, by the first bytes of its first message. */
#ifndef PERIGEE_RPC_RPC_SNIFF_H
#define PERIGEE_RPC_RPC_SNIFF_H

#include <stddef.h>

typedef enum RpcDialect {
    RPC_DIALECT_UNKNOWN, /* more bytes are needed */
    RPC_DIALECT_GOB,
    RPC_DIALECT_JSON,
    RPC_DIALECT_MSGPACK,
    RPC_DIALECT_CONNECT, /* rpc.DialHTTP: a CONNECT request, then gob */
    RPC_DIALECT_HTTP,    /* another request of HTTP, which the other port answers */
    RPC_DIALECT_NONE,
} RpcDialect;

RpcDialect rpc_sniff(const char *bytes, size_t size);

#endif
