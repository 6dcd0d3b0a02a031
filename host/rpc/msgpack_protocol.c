/* MessagePack-RPC (github.com/msgpack-rpc): requests [0, msgid, method, params], notifications
 * [2, method, params], and answers [1, msgid, error, result]. Beyond that, for streams: requests
 * [3, msgid, method, params, credit], items [4, msgid, item], further credit [5, msgid, credit],
 * for any call that is in flight [6, msgid], which cancels it, and requests whose caller says how
 * many microseconds it waits, or 0, and how often it has asked before: [7, msgid, method, params,
 * wait, attempts]; and the same for a part of a trace: [8, ..., attempts, traceparent]. */
#include <string.h>

#include "base/error.h"
#include "rpc/rpc_protocol.h"

enum { REQUEST, RESPONSE, NOTIFICATION, STREAM, ITEM, CREDIT, CANCEL, HOP_REQUEST, TRACED_REQUEST };

static const char canceled_text[] = "canceled";

static const char nil[] = "\xc0";

static void write_big_endian(Buffer *output, unsigned char head, uint64_t value, size_t size)
{
    unsigned char bytes[9] = {head};

    for (size_t i = size; i > 0; i--) {
        bytes[i] = (unsigned char)value;
        value >>= 8;
    }
    buffer_append(output, bytes, 1 + size);
}

static void write_uint(Buffer *output, uint64_t value)
{
    if (value <= 0x7f)
        write_big_endian(output, (unsigned char)value, 0, 0);
    else if (value <= UINT32_MAX)
        write_big_endian(output, 0xce, value, 4);
    else
        write_big_endian(output, 0xcf, value, 8);
}

static void write_string(Buffer *output, const char *bytes, size_t size)
{
    if (size <= 0x1f)
        write_big_endian(output, (unsigned char)(0xa0 | size), 0, 0);
    else
        write_big_endian(output, 0xdb, size, 4);
    buffer_append(output, bytes, size);
}

static void answer(RpcChannel *channel, RpcCall *call, const RpcReply *reply)
{
    static const char head[] = {'\x94', RESPONSE};
    Buffer *output = &channel->output;

    buffer_append(output, head, sizeof head);
    write_uint(output, call->sequence);
    if (call->is_canceled) {
        write_string(output, canceled_text, sizeof canceled_text - 1);
        buffer_append(output, nil, 1);
    } else if (reply->is_failure) {
        write_string(output, reply->bytes, reply->size);
        buffer_append(output, nil, 1);
    } else {
        buffer_append(output, nil, 1);
        buffer_append(output, reply->bytes, reply->size);
    }
}

static void send_item(RpcChannel *channel, RpcCall *call, RpcSlice item)
{
    static const char head[] = {'\x93', ITEM};
    Buffer *output = &channel->output;

    buffer_append(output, head, sizeof head);
    write_uint(output, call->sequence);
    buffer_append(output, item.bytes, item.size);
}

/* The call in flight that has this number; NULL when there is none. */
static RpcCall *find_call(RpcChannel *channel, uint64_t sequence)
{
    List *calls = &channel->caller.calls;

    for (List *node = calls->next; node != calls; node = node->next) {
        RpcCall *call = list_entry(node, RpcCall, node);

        if (call->sequence == sequence && !call->is_notification)
            return call;
    }
    return NULL;
}

/* What stands in a message behind its kind. */
typedef struct Frame {
    uint64_t kind;
    uint64_t sequence;
    uint64_t credit;
    Hop hop;
    RpcSlice rest;
} Frame;

/* The params are the argument; what a message has behind them is `behind`. */
static bool split_behind(Frame *frame, RpcSlice *behind)
{
    MsgpackScan scan = {0};
    long size = msgpack_scan(&scan, frame->rest.bytes, frame->rest.size, frame->rest.size);

    if (size <= 0)
        return false;
    *behind = (RpcSlice){frame->rest.bytes + size, frame->rest.size - (size_t)size};
    frame->rest.size = (size_t)size;
    return true;
}

static bool split_credit(Frame *frame)
{
    RpcSlice behind;

    return split_behind(frame, &behind) && msgpack_take_uint(&behind, &frame->credit) &&
           frame->credit > 0 && frame->credit <= RPC_MOST_CREDIT;
}

static bool split_hop(Frame *frame)
{
    RpcSlice behind, trace;
    uint64_t wait_us, attempts;

    if (!split_behind(frame, &behind) || !msgpack_take_uint(&behind, &wait_us) ||
        !msgpack_take_uint(&behind, &attempts))
        return false;
    if (wait_us > 0)
        hop_limit_wait(&frame->hop, (double)wait_us / 1e6);
    frame->hop.previous_attempts = attempts < INT32_MAX ? (uint32_t)attempts : INT32_MAX;
    if (frame->kind == HOP_REQUEST)
        return true;
    if (!msgpack_take_string(&behind, &trace))
        return false;
    hop_read_trace(&frame->hop, trace.bytes, trace.size);
    return true;
}

static bool take_call(RpcChannel *channel, Frame *frame)
{
    RpcSlice method, none = {NULL, 0};
    RpcCall *call;

    if (!msgpack_take_string(&frame->rest, &method))
        return false;
    if (frame->kind == STREAM &&
        (!split_credit(frame) || find_call(channel, frame->sequence) != NULL))
        return false;
    if (frame->kind >= HOP_REQUEST && !split_hop(frame))
        return false;
    call = rpc_call_create(&channel->caller, method, frame->rest, none);
    call->hop = frame->hop;
    call->protocol = RPC_MSGPACK;
    call->sequence = frame->sequence;
    call->is_notification = frame->kind == NOTIFICATION;
    call->takes_items = frame->kind == STREAM;
    call->credit = (uint32_t)frame->credit;
    rpc_channel_deliver(channel, call);
    return true;
}

/* A call may be over before its caller knows. */
static bool take_credit(RpcChannel *channel, Frame *frame)
{
    RpcCall *call = find_call(channel, frame->sequence);

    if (!msgpack_take_uint(&frame->rest, &frame->credit))
        return false;
    return call == NULL || (call->takes_items && rpc_call_grant(call, frame->credit) == 0);
}

static bool take_cancel(RpcChannel *channel, Frame *frame)
{
    RpcCall *call = find_call(channel, frame->sequence);

    if (call != NULL)
        rpc_channel_cancel(channel, call);
    return true;
}

/* By the kind of a message: how many values it has, and what becomes of it. */
static const struct {
    uint32_t count;
    bool (*take)(RpcChannel *channel, Frame *frame);
} messages[] = {
    [REQUEST] = {4, take_call  },
    [RESPONSE] = {0, NULL       },
    [NOTIFICATION] = {3, take_call  },
    [STREAM] = {5, take_call  },
    [ITEM] = {0, NULL       },
    [CREDIT] = {3, take_credit},
    [CANCEL] = {2, take_cancel},
    [HOP_REQUEST] = {6, take_call  },
    [TRACED_REQUEST] = {7, take_call  },
};

/* False when the message is none that a client sends. */
static bool take_message(RpcChannel *channel, RpcSlice message)
{
    Frame frame = {0};
    uint32_t count;

    if (!msgpack_take_array(&message, &count) || !msgpack_take_uint(&message, &frame.kind))
        return false;
    if (frame.kind > TRACED_REQUEST || messages[frame.kind].count != count)
        return false;
    if (frame.kind != NOTIFICATION && !msgpack_take_uint(&message, &frame.sequence))
        return false;
    frame.rest = message;
    return messages[frame.kind].take(channel, &frame);
}

static long read_message(RpcChannel *channel, const char *bytes, size_t size)
{
    long used = msgpack_scan(&channel->state.msgpack, bytes, size, channel->limits->message_size);

    if (used > 0 && !take_message(channel, (RpcSlice){bytes, (size_t)used}))
        used = ERR_INVALID;
    if (used < 0)
        channel->refusal = "not MessagePack-RPC";
    return used;
}

static void close_nothing(RpcChannel *channel)
{
    (void)channel;
}

const RpcProtocol rpc_msgpack = {
    .read = read_message, .answer = answer, .send = send_item, .close = close_nothing};
