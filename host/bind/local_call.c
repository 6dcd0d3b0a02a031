#include "bind/local_call.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "bind/call.h"
#include "bind/isolates.h"
#include "bind/seam.h"
#include "isolate/resource.h"

typedef struct LocalCall {
    Resource resource; /* of the caller */
    Host *host;
    Handle handle;
    RpcCaller caller;
    bool is_failure;
    int code;
    char *bytes; /* the result, or the message of a failure */
    size_t size;
    char *data; /* of a failure; NULL for none */
    size_t data_size;
} LocalCall;

static void close_call(Resource *resource)
{
    LocalCall *self = list_entry(resource, LocalCall, resource);

    rpc_caller_leave(&self->caller, call_handler.on_abandoned);
    handle_table_remove(&self->host->local_calls, self->handle);
    memory_free(self->bytes);
    memory_free(self->data);
    memory_free(self);
}

static void on_answer(RpcCaller *caller, RpcCall *call, const RpcReply *reply)
{
    LocalCall *self = list_entry(caller, LocalCall, caller);

    (void)call;
    self->is_failure = reply->is_failure;
    self->code = reply->code != 0 ? reply->code : RPC_SERVICE_ERROR;
    self->bytes = memory_copy(reply->bytes, reply->size);
    self->size = reply->size;
    if (reply->data != NULL)
        self->data = memory_copy(reply->data, reply->data_size);
    self->data_size = reply->data_size;
    isolate_tell(self->resource.isolate, (Event){.kind = EVENT_ANSWER, .id = self->handle});
}

static int on_item(RpcCaller *caller, RpcCall *call, RpcSlice item)
{
    LocalCall *self = list_entry(caller, LocalCall, caller);
    Event event = {.kind = EVENT_ITEM, .id = self->handle, .size = item.size};

    (void)call;
    event.bytes = memory_copy(item.bytes, item.size);
    return isolate_tell(self->resource.isolate, event);
}

bool local_call_is_known(const Host *host, RpcSlice service)
{
    return host->methods != NULL &&
           method_table_find(host->methods, service.bytes, service.size) != 0;
}

static bool is_known(const Host *host, RpcSlice method)
{
    const char *dot = memrchr(method.bytes, '.', method.size);

    return dot != NULL &&
           local_call_is_known(host, (RpcSlice){method.bytes, (size_t)(dot - method.bytes)});
}

static void start(Host *host, RpcCaller *caller, const LocalTarget *target, bool is_notification)
{
    RpcCall *call = rpc_call_create(caller, target->method, target->argument, (RpcSlice){NULL, 0});

    call->protocol = RPC_COPY;
    call->deadline_s = target->deadline_s;
    call->hop = target->hop;
    call->credit = target->credit;
    call->takes_items = target->credit > 0;
    call->is_notification = is_notification;
    if (is_notification)
        rpc_call_detach(call);
    call_handler.on_call(host, call, NULL);
}

int local_call_start(Isolate *caller, const LocalTarget *target, Handle *out)
{
    Host *host = isolate_host(caller);
    LocalCall *self;

    if (!is_known(host, target->method))
        return ERR_NOT_FOUND;
    self = memory_alloc(sizeof *self);
    self->host = host;
    self->handle = handle_table_add(&host->local_calls, self);
    rpc_caller_init(&self->caller, on_answer, host);
    self->caller.on_item = on_item;
    resource_attach(&self->resource, caller, close_call);
    *out = self->handle;
    start(host, &self->caller, target, false);
    return 0;
}

int local_call_notify(Isolate *caller, const LocalTarget *target)
{
    Host *host = isolate_host(caller);
    RpcCaller nobody;

    if (!is_known(host, target->method))
        return ERR_NOT_FOUND;
    rpc_caller_init(&nobody, on_answer, host);
    start(host, &nobody, target, true);
    return 0;
}

static LocalCall *find(Isolate *caller, Handle handle)
{
    const Host *host = isolate_host(caller);
    LocalCall *self = handle_table_find(&host->local_calls, handle);

    return self != NULL && self->resource.isolate == caller ? self : NULL;
}

void local_call_grant(Isolate *caller, Handle handle, uint32_t count)
{
    LocalCall *self = find(caller, handle);

    if (self != NULL && !list_is_empty(&self->caller.calls))
        rpc_call_grant(list_entry(self->caller.calls.next, RpcCall, node), count);
}

void local_call_cancel(Isolate *caller, Handle handle)
{
    LocalCall *self = find(caller, handle);

    if (self != NULL)
        resource_close(&self->resource);
}

int local_call_push_answer(lua_State *L, Handle handle)
{
    LocalCall *self = handle_table_find(&seam_host(L)->local_calls, handle);

    if (self == NULL)
        return 0;
    lua_pushinteger(L, self->is_failure ? self->code : 0);
    lua_pushlstring(L, self->bytes, self->size);
    if (self->data != NULL)
        lua_pushlstring(L, self->data, self->data_size);
    else
        lua_pushnil(L);
    resource_close(&self->resource);
    return 3;
}
