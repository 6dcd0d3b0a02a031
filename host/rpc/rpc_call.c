#include "rpc/rpc_call.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

void rpc_caller_init(RpcCaller *caller, RpcAnswered on_answer, void *owner)
{
    *caller = (RpcCaller){.on_answer = on_answer, .owner = owner};
    list_init(&caller->calls);
}

void rpc_caller_leave(RpcCaller *caller, void (*on_abandoned)(void *owner, RpcCall *call))
{
    while (!list_is_empty(&caller->calls)) {
        RpcCall *call = list_entry(caller->calls.next, RpcCall, node);

        rpc_call_detach(call);
        on_abandoned(caller->owner, call);
    }
}

static const char *put(char **end, RpcSlice slice)
{
    const char *start = *end;

    if (slice.size > 0)
        memcpy(*end, slice.bytes, slice.size);
    *end += slice.size;
    return start;
}

RpcCall *rpc_call_create(RpcCaller *caller, RpcSlice method, RpcSlice argument, RpcSlice id)
{
    RpcCall *call;
    char *end;

    assert(method.size < UINT32_MAX && argument.size < UINT32_MAX && id.size < UINT32_MAX);
    call = memory_alloc(sizeof *call + method.size + argument.size + id.size);
    end = (char *)(call + 1);
    call->method = put(&end, method);
    call->method_size = (uint32_t)method.size;
    call->argument = put(&end, argument);
    call->argument_size = (uint32_t)argument.size;
    call->id = put(&end, id);
    call->id_size = (uint32_t)id.size;
    call->caller = caller;
    list_init(&call->node);
    list_push_back(&caller->calls, &call->node);
    caller->call_count++;
    return call;
}

void rpc_call_detach(RpcCall *call)
{
    if (call->caller == NULL)
        return;
    list_unlink(&call->node);
    call->caller->call_count--;
    call->caller = NULL;
}

int rpc_call_answer(RpcCall *call, const RpcReply *reply)
{
    RpcCaller *caller = call->caller;

    rpc_call_detach(call);
    if (caller != NULL)
        caller->on_answer(caller, call, reply);
    memory_free(call);
    return caller != NULL ? 0 : ERR_CLOSED;
}

int rpc_call_fail(RpcCall *call, int code, const char *message)
{
    RpcReply reply = {.is_failure = true, .bytes = message, .size = strlen(message), .code = code};

    return rpc_call_answer(call, &reply);
}

int rpc_call_send(RpcCall *call, RpcSlice item)
{
    int result = ERR_AGAIN;

    if (call->is_canceled)
        return ERR_CANCELED;
    if (call->caller == NULL || !call->takes_items)
        return ERR_CLOSED;
    if (call->credit > 0)
        result = call->caller->on_item(call->caller, call, item);
    if (result == 0 && call->credit != RPC_UNLIMITED_CREDIT)
        call->credit--;
    call->is_room_awaited = result == ERR_AGAIN;
    return result;
}

int rpc_call_grant(RpcCall *call, uint64_t count)
{
    if (count == 0 || count > RPC_MOST_CREDIT || call->credit + count > RPC_MOST_CREDIT)
        return ERR_INVALID;
    call->credit += (uint32_t)count;
    rpc_call_offer_room(call);
    return 0;
}

void rpc_call_offer_room(RpcCall *call)
{
    if (!call->is_room_awaited || call->credit == 0)
        return;
    call->is_room_awaited = false;
    call->on_room(call);
}

RpcSlice rpc_call_service(const RpcCall *call)
{
    const char *dot = memrchr(call->method, '.', call->method_size);

    return (RpcSlice){call->method, dot != NULL ? (size_t)(dot - call->method) : 0};
}
