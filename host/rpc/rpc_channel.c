#include "rpc/rpc_channel.h"

#include <assert.h>

#include "base/error.h"
#include "base/memory.h"
#include "rpc/rpc_protocol.h"

/* So much more is read while no call may begin, so that the peer's end is noticed. */
enum { READ_AHEAD_SIZE = 64 * 1024 };

/* With so much unsent no item is taken. */
enum { ITEMS_SIZE = 64 * 1024 };

/* While as many calls are in flight as may be, nothing is read, credit for items neither. So at
 * most half of them take items. */
static const char crowded_text[] =
    "perigee: too many streams on this connection, call again on another";
static const char draining_text[] = "perigee: shutting down, call again on another connection";

static void answered(RpcCaller *caller, RpcCall *call, const RpcReply *reply)
{
    RpcChannel *channel = list_entry(caller, RpcChannel, caller);

    channel->stream_count -= call->takes_items;
    if (!call->is_notification)
        channel->protocol->answer(channel, call, reply);
    channel->handler->on_output(caller->owner);
}

static int take_item(RpcCaller *caller, RpcCall *call, RpcSlice item)
{
    RpcChannel *channel = list_entry(caller, RpcChannel, caller);

    if (channel->output.size > ITEMS_SIZE) {
        channel->is_room_awaited = true;
        return ERR_AGAIN;
    }
    channel->protocol->send(channel, call, item);
    channel->handler->on_output(caller->owner);
    return 0;
}

/* The first call for which `is_meant`; NULL when there is none. A call may be answered by what is
 * done with it, so each next one is looked for from the beginning. */
static RpcCall *find_call(RpcChannel *channel, bool (*is_meant)(const RpcCall *call))
{
    List *calls = &channel->caller.calls;

    for (List *node = calls->next; node != calls; node = node->next) {
        RpcCall *call = list_entry(node, RpcCall, node);

        if (is_meant(call))
            return call;
    }
    return NULL;
}

static bool awaits_room(const RpcCall *call)
{
    return call->is_room_awaited && call->credit > 0;
}

static void offer_room(RpcChannel *channel)
{
    RpcCall *call;

    if (!channel->is_room_awaited)
        return;
    while (channel->output.size <= ITEMS_SIZE) {
        if ((call = find_call(channel, awaits_room)) == NULL) {
            channel->is_room_awaited = false;
            return;
        }
        rpc_call_offer_room(call);
    }
}

RpcChannel *rpc_channel_create(const RpcLimits *limits, GobTypes *types, const RpcHandler *handler,
                               void *owner, uint64_t number)
{
    RpcChannel *channel = memory_alloc(sizeof *channel);

    rpc_caller_init(&channel->caller, answered, owner);
    channel->caller.on_item = take_item;
    channel->limits = limits;
    channel->types = types;
    channel->handler = handler;
    channel->number = number;
    channel->protocol = &rpc_opening;
    return channel;
}

void rpc_channel_expect_json(RpcChannel *channel)
{
    channel->protocol = &rpc_json;
    channel->is_version_2 = true;
}

void rpc_channel_destroy(RpcChannel *channel)
{
    rpc_channel_abandon(channel);
    channel->protocol->close(channel);
    buffer_deinit(&channel->input);
    buffer_deinit(&channel->output);
    memory_free(channel);
}

void rpc_channel_deliver(RpcChannel *channel, RpcCall *call)
{
    call->connection = channel->number;
    channel->stream_count += call->takes_items;
    if (call->takes_items && channel->stream_count > channel->limits->pending_count / 2)
        rpc_call_fail(call, RPC_UNAVAILABLE, crowded_text);
    else if (channel->is_draining && !channel->is_last_due)
        rpc_call_fail(call, RPC_UNAVAILABLE, draining_text);
    else {
        channel->is_last_due = false;
        channel->handler->on_call(channel->caller.owner, call);
    }
}

static bool may_read(const RpcChannel *channel)
{
    return !channel->is_stopped && channel->caller.call_count < channel->limits->pending_count;
}

void rpc_channel_cancel(RpcChannel *channel, RpcCall *call)
{
    if (call->is_canceled)
        return;
    call->is_canceled = true;
    channel->handler->on_abandoned(channel->caller.owner, call);
}

static bool is_open_stream(const RpcCall *call)
{
    return call->takes_items && !call->is_canceled;
}

/* Nothing more is read, so there will be no credit for them. */
static void cancel_streams(RpcChannel *channel)
{
    RpcCall *call;

    while ((call = find_call(channel, is_open_stream)) != NULL)
        rpc_channel_cancel(channel, call);
}

/* Reads the messages at the front. Returns how many bytes they took. */
static size_t process(RpcChannel *channel, const char *bytes, size_t size)
{
    size_t used = 0;

    channel->is_processing = true;
    while (used < size && may_read(channel)) {
        long result = channel->protocol->read(channel, bytes + used, size - used);

        if (result <= 0) {
            channel->is_stopped = result < 0;
            if (result < 0)
                cancel_streams(channel);
            break;
        }
        channel->progress++;
        used += (size_t)result;
    }
    channel->is_processing = false;
    return used;
}

static void stop_at_end(RpcChannel *channel)
{
    if (channel->protocol->end != NULL)
        channel->protocol->end(channel, channel->input.bytes, channel->input.size);
    rpc_channel_stop(channel);
}

void rpc_channel_continue(RpcChannel *channel)
{
    if (channel->is_processing)
        return;
    offer_room(channel);
    if (channel->input.size > 0 && may_read(channel))
        buffer_consume(&channel->input,
                       process(channel, channel->input.bytes, channel->input.size));
    if (channel->has_input_ended && may_read(channel))
        stop_at_end(channel);
}

void rpc_channel_feed(RpcChannel *channel, const char *bytes, size_t size)
{
    size_t used = 0;

    assert(!channel->is_processing);
    if (channel->input.size > 0) {
        buffer_append(&channel->input, bytes, size);
        rpc_channel_continue(channel);
        return;
    }
    used = process(channel, bytes, size);
    if (!channel->is_stopped)
        buffer_append(&channel->input, bytes + used, size - used);
}

void rpc_channel_stop(RpcChannel *channel)
{
    channel->is_stopped = true;
    buffer_clear(&channel->input);
}

void rpc_channel_end_input(RpcChannel *channel)
{
    if (!channel->protocol->is_text)
        rpc_channel_abandon(channel);
    rpc_channel_finish_input(channel);
}

void rpc_channel_finish_input(RpcChannel *channel)
{
    channel->has_input_ended = true;
    rpc_channel_continue(channel);
}

void rpc_channel_abandon(RpcChannel *channel)
{
    rpc_channel_stop(channel);
    buffer_clear(&channel->output);
    rpc_caller_leave(&channel->caller, channel->handler->on_abandoned);
}

bool rpc_channel_wants_input(const RpcChannel *channel)
{
    return !channel->is_stopped && (may_read(channel) || channel->input.size < READ_AHEAD_SIZE);
}

void rpc_channel_drain(RpcChannel *channel)
{
    bool is_first = !channel->is_draining;

    channel->is_draining = true;
    channel->is_last_due = (is_first || channel->is_last_due) && channel->input.size > 0;
}

int rpc_channel_phase(const RpcChannel *channel)
{
    if (channel->caller.call_count > 0)
        return channel->has_input_ended ? RPC_LEAVING : RPC_WAITING;
    if (channel->is_stopped || (channel->is_draining && !channel->is_last_due))
        return RPC_FINISHED;
    return channel->input.size > 0 ? RPC_READING : RPC_IDLE;
}

uint64_t rpc_channel_progress(const RpcChannel *channel)
{
    return channel->progress;
}

const char *rpc_channel_refusal(const RpcChannel *channel)
{
    return channel->refusal;
}

Buffer *rpc_channel_output(RpcChannel *channel)
{
    return &channel->output;
}

GobReader rpc_channel_definitions(const RpcCall *call, uint32_t known)
{
    const RpcChannel *channel;

    if (call->protocol != RPC_GOB || call->caller == NULL)
        return (GobReader){NULL, 0};
    channel = list_entry(call->caller, RpcChannel, caller);
    return gob_definitions_since(&channel->state.gob, known);
}
