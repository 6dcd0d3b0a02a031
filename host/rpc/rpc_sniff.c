#include "rpc/rpc_sniff.h"

#include <stdbool.h>
#include <string.h>

/* A gob stream begins with the definition of its Request: the size of the message, below 128 for
 * any such definition, and then the negative of a type number from 64 on. No text begins so. */
static bool is_gob(unsigned char first, unsigned char second)
{
    return first > 2 && first < 0x80 && (second == 0x7f || second >= 0xf8);
}

static bool is_json(char first)
{
    return first == '{' || first == '[' || first == ' ' || first == '\t' || first == '\r' ||
           first == '\n';
}

/* An array of four, which begins with 0 (a request), of three, which begins with 2 (a
 * notification), of five, which begins with 3 (a request for a stream), of six, which begins with 7
 * (a request that says how long its caller waits), or of seven, which begins with 8 (and of which
 * trace it is a part); arrays of MessagePack have two longer heads besides. */
static RpcDialect sniff_msgpack(const char *bytes, size_t size)
{
    static const struct {
        const char *head;
        size_t size;
    } heads[] = {
        {"\x94\x00",                 2},
        {"\x93\x02",                 2},
        {"\x95\x03",                 2},
        {"\x96\x07",                 2},
        {"\x97\x08",                 2},
        {"\xdc\x00\x04\x00",         4},
        {"\xdc\x00\x03\x02",         4},
        {"\xdc\x00\x05\x03",         4},
        {"\xdc\x00\x06\x07",         4},
        {"\xdc\x00\x07\x08",         4},
        {"\xdd\x00\x00\x00\x04\x00", 6},
        {"\xdd\x00\x00\x00\x03\x02", 6},
        {"\xdd\x00\x00\x00\x05\x03", 6},
        {"\xdd\x00\x00\x00\x06\x07", 6},
        {"\xdd\x00\x00\x00\x07\x08", 6},
    };
    RpcDialect found = RPC_DIALECT_NONE;

    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        size_t common = size < heads[i].size ? size : heads[i].size;

        if (memcmp(bytes, heads[i].head, common) != 0)
            continue;
        if (common == heads[i].size)
            return RPC_DIALECT_MSGPACK;
        found = RPC_DIALECT_UNKNOWN;
    }
    return found;
}

static RpcDialect sniff_http(const char *bytes, size_t size)
{
    static const char connect[] = "CONNECT ";
    size_t common = size < sizeof connect - 1 ? size : sizeof connect - 1;

    if (memcmp(bytes, connect, common) == 0)
        return common == sizeof connect - 1 ? RPC_DIALECT_CONNECT : RPC_DIALECT_UNKNOWN;
    return bytes[0] >= 'A' && bytes[0] <= 'Z' ? RPC_DIALECT_HTTP : RPC_DIALECT_NONE;
}

RpcDialect rpc_sniff(const char *bytes, size_t size)
{
    RpcDialect found;

    if (size < 2)
        return RPC_DIALECT_UNKNOWN;
    if (is_gob((unsigned char)bytes[0], (unsigned char)bytes[1]))
        return RPC_DIALECT_GOB;
    if (is_json(bytes[0]))
        return RPC_DIALECT_JSON;
    found = sniff_msgpack(bytes, size);
    return found != RPC_DIALECT_NONE ? found : sniff_http(bytes, size);
}
