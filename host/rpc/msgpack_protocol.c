/* MessagePack-RPC (github.com/msgpack-rpc): requests [0, msgid, method, params], notifications
 * [2, method, params], and answers [1, msgid, error, result]. */
#include <string.h>

#include "base/error.h"
#include "rpc/rpc_protocol.h"

enum { REQUEST = 0, RESPONSE = 1, NOTIFICATION = 2 };

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
    if (reply->is_failure) {
        write_string(output, reply->bytes, reply->size);
        buffer_append(output, nil, 1);
    } else {
        buffer_append(output, nil, 1);
        buffer_append(output, reply->bytes, reply->size);
    }
}

/* False when the message is no request. */
static bool take_message(RpcChannel *channel, RpcSlice message)
{
    RpcSlice method, none = {NULL, 0};
    uint64_t kind, sequence = 0;
    uint32_t count;
    RpcCall *call;

    if (!msgpack_take_array(&message, &count) || !msgpack_take_uint(&message, &kind))
        return false;
    if (!(kind == REQUEST && count == 4 && msgpack_take_uint(&message, &sequence)) &&
        !(kind == NOTIFICATION && count == 3))
        return false;
    if (!msgpack_take_string(&message, &method))
        return false;
    call = rpc_call_create(&channel->caller, method, message, none);
    call->protocol = RPC_MSGPACK;
    call->sequence = sequence;
    call->is_notification = kind == NOTIFICATION;
    rpc_channel_deliver(channel, call);
    return true;
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

const RpcProtocol rpc_msgpack = {.read = read_message, .answer = answer, .close = close_nothing};
