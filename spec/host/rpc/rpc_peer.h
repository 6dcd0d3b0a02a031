/* A channel of RPC under test: every call is answered with a text about it, and what it says is
 * collected. */
#ifndef PERIGEE_SPEC_RPC_PEER_H
#define PERIGEE_SPEC_RPC_PEER_H

#include <stdio.h>
#include <string.h>

#include "rpc/rpc_channel.h"

typedef struct RpcPeer {
    RpcLimits limits;
    GobTypes *types;
    RpcChannel *channel;
    Buffer seen;   /* "method argument-size;" of each call */
    Buffer output; /* all of it */
    List kept;     /* calls that are not answered at once */
    bool is_keeping;
    Hop hop;             /* of the last call */
    size_t item_size;    /* of each item of a stream; it ends when it is cancelled */
    unsigned item_count; /* that were taken */
    unsigned abandoned_count;
} RpcPeer;

enum { PEER_ITEM_SIZE = 256 * 1024, PEER_ITEM_COUNT = 100 };

/* Sends what is taken, but not for ever. */
static inline void peer_send(RpcCall *call)
{
    static char item[PEER_ITEM_SIZE] = "\xc6\x00\x03\xff\xfb"; /* bytes that fill it */
    RpcPeer *peer = call->caller->owner;

    while (peer->item_count < PEER_ITEM_COUNT &&
           rpc_call_send(call, (RpcSlice){item, peer->item_size}) == 0)
        peer->item_count++;
}

static inline void peer_on_call(void *owner, RpcCall *call)
{
    RpcPeer *peer = owner;
    char text[64];
    RpcReply reply = {.bytes = text};

    buffer_append(&peer->seen, call->method, call->method_size);
    buffer_append_text(&peer->seen, " ");
    buffer_append_uint(&peer->seen, call->argument_size);
    buffer_append_text(&peer->seen, ";");
    peer->hop = call->hop;
    call->on_room = peer_send;
    if (call->takes_items)
        peer_send(call);
    if (peer->is_keeping || call->takes_items)
        return;
    /* A number in JSON, an int in gob, an integer in MessagePack. */
    if (call->protocol == RPC_GOB) {
        memcpy(text, "\x04\x00\x1e", 3);
        reply.size = 3;
    } else {
        reply.size = (size_t)snprintf(text, sizeof text, "%d", 7);
    }
    rpc_call_answer(call, &reply);
}

static inline void peer_on_abandoned(void *owner, RpcCall *call)
{
    RpcPeer *peer = owner;

    peer->abandoned_count++;
    rpc_call_fail(call, 0, "nobody hears this");
}

static inline void peer_on_output(void *owner)
{
    (void)owner;
}

static const RpcHandler peer_handler = {
    .on_call = peer_on_call,
    .on_abandoned = peer_on_abandoned,
    .on_output = peer_on_output,
};

static inline void peer_open(RpcPeer *peer)
{
    *peer = (RpcPeer){.limits = RPC_DEFAULT_LIMITS, .types = gob_types_create(), .item_size = 1};
    peer->channel = rpc_channel_create(&peer->limits, peer->types, &peer_handler, peer, 1);
}

static inline void peer_collect(RpcPeer *peer)
{
    Buffer *output = rpc_channel_output(peer->channel);

    buffer_append(&peer->output, output->bytes, output->size);
    buffer_clear(output);
}

/* Pieces of `step` bytes after a first one of `first`. */
static inline void peer_feed(RpcPeer *peer, const char *bytes, size_t size, size_t first,
                             size_t step)
{
    size_t at = 0, piece = first;

    while (at < size) {
        size_t taken = piece < size - at ? piece : size - at;
        /* A copy of its own size, so that a sanitizer sees what reads past it. */
        Buffer copy = {0};

        buffer_append(&copy, bytes + at, taken);
        rpc_channel_feed(peer->channel, copy.bytes, taken);
        buffer_deinit(&copy);
        peer_collect(peer);
        at += taken;
        piece = step;
    }
}

static inline void peer_close(RpcPeer *peer)
{
    rpc_channel_destroy(peer->channel);
    gob_types_destroy(peer->types);
    buffer_deinit(&peer->seen);
    buffer_deinit(&peer->output);
}

static inline bool peer_is_same(const Buffer *one, const Buffer *other)
{
    return one->size == other->size &&
           (one->size == 0 || memcmp(one->bytes, other->bytes, one->size) == 0);
}

#endif
