#include "bind/call.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "bind/isolates.h"

enum { MESSAGE_SIZE = 1200 };

/* The call is freed by its answer. */
static int answer(CallBox *box, const RpcReply *reply)
{
    RpcCall *call = box->call;

    meter_end_call(&box->meter, call, reply);
    box->call = NULL;
    return rpc_call_answer(call, reply);
}

static void fail(CallBox *box, const char *message)
{
    RpcReply reply = {
        .is_failure = true,
        .bytes = message,
        .size = strlen(message),
        .code = RPC_UNAVAILABLE,
    };

    answer(box, &reply);
}

static void close_box(Resource *resource)
{
    CallBox *box = list_entry(resource, CallBox, resource);

    if (box->call != NULL)
        fail(box, "perigee: the service was stopped before it answered");
    handle_table_remove(&box->host->calls, box->handle);
    memory_free(box);
}

int call_answer(CallBox *box, const RpcReply *reply)
{
    Meter meter = box->meter;
    RpcCall *call = box->call;

    box->call = NULL;
    resource_close(&box->resource);
    meter_end_call(&meter, call, reply);
    return rpc_call_answer(call, reply);
}

/* What the host's own code has, it passes on. */
static void announce(CallBox *box, Isolate *isolate)
{
    if (isolate != box->host->system)
        meter_begin_call(&box->meter, isolate);
    resource_attach(&box->resource, isolate, close_box);
    if (isolate_push_event(isolate, (Event){.kind = EVENT_CALL, .id = box->handle}) == 0)
        return;
    fail(box, "perigee: the service has no room for another call");
    resource_close(&box->resource);
}

void call_hand_over(CallBox *box, Isolate *target)
{
    list_unlink(&box->resource.link);
    meter_end_call(&box->meter, box->call, NULL);
    announce(box, target);
}

static void announce_room(RpcCall *call)
{
    CallBox *box = call->holder;

    isolate_tell(box->resource.isolate, (Event){.kind = EVENT_CALL_ROOM, .id = box->handle});
}

static void deliver(Host *host, Isolate *isolate, RpcCall *call, const Address *peer)
{
    CallBox *box = memory_alloc(sizeof *box);

    if (call->hop.wait_s > 0)
        call->deadline_s = (double)clock_monotonic_ns() / 1e9 + call->hop.wait_s;
    box->host = host;
    box->call = call;
    if (peer != NULL)
        box->peer = *peer;
    box->handle = handle_table_add(&host->calls, box);
    call->holder = box;
    call->on_room = announce_room;
    announce(box, isolate);
}

/* The texts are those of Go's net/rpc, which clients compare. */
static void refuse(RpcCall *call, const char *text)
{
    char message[MESSAGE_SIZE];

    snprintf(message, sizeof message, "%s%.*s", text, (int)call->method_size, call->method);
    rpc_call_fail(call, RPC_METHOD_NOT_FOUND, message);
}

static void on_call(void *owner, RpcCall *call, const Address *peer)
{
    Host *host = owner;
    RpcSlice service = rpc_call_service(call);
    Handle handle = method_table_find(host->methods, service.bytes, service.size);
    Isolate *isolate = isolates_find(host, handle);

    if (memchr(call->method, '.', call->method_size) == NULL)
        refuse(call, "rpc: service/method request ill-formed: ");
    else if (isolate == NULL)
        refuse(call, "rpc: can't find service ");
    else
        deliver(host, isolate, call, peer);
}

static void on_abandoned(void *owner, RpcCall *call)
{
    CallBox *box = call->holder;

    (void)owner;
    if (box != NULL && box->resource.isolate != NULL)
        isolate_tell(box->resource.isolate,
                     (Event){.kind = EVENT_CALL_ABANDONED, .id = box->handle});
}

const RpcServerHandler call_handler = {
    .on_call = on_call,
    .on_abandoned = on_abandoned,
};
