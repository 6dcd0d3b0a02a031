/* A connection of calls in any protocol: any split of the bytes brings the same calls and the same
 * answers, and what is said is bounded by what came.
 * Input: a byte that chooses a split, then the bytes of a connection. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

#include "../host/rpc/rpc_peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RpcPeer whole, split;
    const char *bytes;
    size_t first;

    if (size < 2)
        return 0;
    bytes = (const char *)data + 1;
    size--;
    first = data[0] % size + 1;
    peer_open(&whole);
    peer_open(&split);
    peer_feed(&whole, bytes, size, size, 1);
    peer_feed(&split, bytes, size, first, (size_t)data[0] % 7 + 1);
    assert(peer_is_same(&whole.seen, &split.seen));
    assert(peer_is_same(&whole.output, &split.output));
    assert(whole.hop.wait_s == split.hop.wait_s && whole.hop.wait_s >= 0);
    assert(whole.hop.previous_attempts == split.hop.previous_attempts);
    assert(rpc_channel_phase(whole.channel) == rpc_channel_phase(split.channel));
    peer_close(&whole);
    peer_close(&split);
    return 0;
}
