/* The first bytes of a connection: once they tell a protocol, more of them change nothing; and who
 * speaks none, or a CONNECT that is none, is told so once and is done with.
 * Input: a byte that chooses whether CONNECT comes first, then what follows. */
#include <assert.h>
#include <stdint.h>

#include "../host/rpc/rpc_peer.h"
#include "rpc/rpc_sniff.h"

enum { LARGEST_REFUSAL = 1000 };

static const char line[] = "CONNECT /_goRPC_ HTTP/1.0\r\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sniffing(const char *bytes, size_t size)
{
    RpcDialect found = RPC_DIALECT_UNKNOWN;

    for (size_t i = 0; i <= size && i < 16; i++) {
        RpcDialect next = rpc_sniff(bytes, i);
        assert(found == RPC_DIALECT_UNKNOWN || next == found);
        found = next;
    }
}

static void check_opening(const char *bytes, size_t size, size_t step)
{
    RpcPeer whole, pieces;
    RpcDialect dialect;

    peer_open(&whole);
    peer_open(&pieces);
    peer_feed(&whole, bytes, size, size, 1);
    peer_feed(&pieces, bytes, size, step, step);
    assert(peer_is_same(&whole.seen, &pieces.seen));
    assert(peer_is_same(&whole.output, &pieces.output));
    assert(rpc_channel_phase(whole.channel) == rpc_channel_phase(pieces.channel));
    dialect = rpc_sniff(bytes, size);
    if (dialect == RPC_DIALECT_NONE || dialect == RPC_DIALECT_HTTP) {
        assert(rpc_channel_refusal(whole.channel) != NULL);
        assert(rpc_channel_phase(whole.channel) == RPC_FINISHED);
        assert(whole.seen.size == 0 && whole.output.size <= LARGEST_REFUSAL);
    }
    peer_close(&whole);
    peer_close(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Buffer bytes = {0};

    if (size < 2)
        return 0;
    if (data[0] % 2 == 1)
        buffer_append(&bytes, line, sizeof line - 1);
    buffer_append(&bytes, data + 1, size - 1);
    check_sniffing(bytes.bytes, bytes.size);
    check_opening(bytes.bytes, bytes.size, (size_t)data[0] / 2 % 7 + 1);
    buffer_deinit(&bytes);
    return 0;
}
