#include "rpc/rpc_framer.h"

#include "base/error.h"
#include "rpc/gob_wire.h"

/* As deep as MessagePack is read, and as --rpc-nesting says by default. */
enum { JSON_DEPTH = 128 };

void rpc_framer_init(RpcFramer *framer, RpcFraming framing, size_t limit_size)
{
    *framer = (RpcFramer){.framing = framing, .limit_size = limit_size};
    if (framing == RPC_FRAMING_JSON)
        json_scan_init(&framer->scan.json, JSON_DEPTH);
}

static long next_json(RpcFramer *framer, const char *bytes, size_t size)
{
    size_t begun_size = framer->scanned_size;
    size_t known_size = size < framer->limit_size ? size : framer->limit_size;
    long result = json_scan_feed(&framer->scan.json, bytes + begun_size, known_size - begun_size);

    if (result < 0)
        return result;
    if (result == 0 && known_size < size)
        return ERR_TOO_LARGE;
    framer->scanned_size = known_size;
    if (result == 0)
        return 0;
    rpc_framer_init(framer, RPC_FRAMING_JSON, framer->limit_size);
    return (long)begun_size + result;
}

long rpc_framer_next(RpcFramer *framer, const char *bytes, size_t size)
{
    GobReader body;

    switch (framer->framing) {
    case RPC_FRAMING_GOB:
        return gob_next_message(bytes, size, framer->limit_size, &body);
    case RPC_FRAMING_JSON:
        return next_json(framer, bytes, size);
    default:
        return msgpack_scan(&framer->scan.msgpack, bytes, size, framer->limit_size);
    }
}
