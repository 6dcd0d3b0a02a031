#include "bind/exchange.h"

#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/spares.h"
#include "bind/exchange_websocket.h"
#include "bind/http_call.h"
#include "bind/isolates.h"
#include "server/server_exchange.h"

static Spares spares;

static const char text_fields[] = "Content-Type: text/plain; charset=utf-8\r\n";
static const char retry_fields[] = "Content-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\n";

static void respond_text(Http1Exchange *exchange, int status, const char *text)
{
    const char *fields = status == 503 ? retry_fields : text_fields;
    Http1Reply reply = {status, fields, strlen(fields), text, strlen(text)};

    http_server_respond(exchange, &reply);
}

static void close_box(Resource *resource)
{
    ExchangeBox *box = list_entry(resource, ExchangeBox, resource);

    if (!http1_exchange_is_answered(box->exchange))
        respond_text(box->exchange, 503, "The service was stopped before it answered.\n");
    if (box->websocket != NULL)
        exchange_websocket_close(box);
    server_exchange_cut(box->exchange);
    meter_end_request(&box->meter, box->exchange);
    http1_exchange_set_holder(box->exchange, NULL);
    http1_exchange_release(box->exchange);
    handle_table_remove(&box->host->exchanges, box->handle);
    if (!spares_keep(&spares, box))
        memory_free(box);
}

void exchange_close(ExchangeBox *box)
{
    resource_close(&box->resource);
}

ExchangeBox *exchange_find(const Host *host, Handle handle)
{
    return handle_table_find(&host->exchanges, handle);
}

/* Nobody's request: it is answered here. */
static void refuse(Http1Exchange *exchange, int status, const char *text)
{
    respond_text(exchange, status, text);
    http1_exchange_release(exchange);
}

/* What the host's own code has, it passes on. */
static void announce(ExchangeBox *box, Isolate *isolate, Event event)
{
    event.id = box->handle;
    if (isolate != box->host->system)
        meter_begin_request(&box->meter, isolate);
    resource_attach(&box->resource, isolate, close_box);
    if (isolate_push_event(isolate, event) == 0)
        return;
    if (!http1_exchange_is_answered(box->exchange))
        respond_text(box->exchange, 503, "The service has no room for another request.\n");
    exchange_close(box);
}

void exchange_hand_over(ExchangeBox *box, Isolate *target, Event event)
{
    list_unlink(&box->resource.link);
    meter_end_request(&box->meter, NULL);
    announce(box, target, event);
}

static void deliver(Host *host, Isolate *isolate, Http1Exchange *exchange, size_t mount_size)
{
    const Hop *hop = &http1_exchange_head(exchange)->hop;
    ExchangeBox *box = spares_take(&spares);

    if (box == NULL)
        box = memory_alloc(sizeof *box);
    *box = (ExchangeBox){.host = host, .exchange = exchange, .mount_size = mount_size};
    if (hop->wait_s > 0)
        box->deadline_s = (double)clock_monotonic_ns() / 1e9 + hop->wait_s;
    box->handle = handle_table_add(&host->exchanges, box);
    http1_exchange_set_holder(exchange, box);
    announce(box, isolate, (Event){.kind = EVENT_REQUEST});
}

/* "OPTIONS *" asks the server itself, whatever is mounted at "/". */
static bool is_for_host(const Http1Head *head)
{
    return head->path.size == 1 && head->bytes[head->path.offset] == '*';
}

static const MountTarget *find_target(const Host *host, const Http1Head *head, size_t *mount_size)
{
    return mount_table_find(host->mounts, head->bytes + head->path.offset, head->path.size,
                            mount_size);
}

static uint64_t body_limit(void *owner, const Http1Head *head)
{
    size_t mount_size;
    const MountTarget *target = find_target(owner, head, &mount_size);

    return target != NULL ? target->body_size : 0;
}

static void on_request(void *owner, Http1Exchange *exchange)
{
    Host *host = owner;
    const Http1Head *head = http1_exchange_head(exchange);
    size_t mount_size = 0;
    const MountTarget *target = find_target(host, head, &mount_size);
    Isolate *isolate = target != NULL ? isolates_find(host, target->handle) : NULL;

    atomic_fetch_add_explicit(&host->pulse->request_count, 1, memory_order_relaxed);
    if (is_for_host(head))
        refuse(exchange, 204, "");
    else if ((mount_size < HTTP_CALL_PATH_SIZE && http_call_is_meant(head)) ||
             http_call_is_forwarded(exchange))
        http_call_take(host, exchange);
    else if (isolate != NULL)
        deliver(host, isolate, exchange, mount_size);
    else
        refuse(exchange, 404, "No service is mounted at this path.\n");
}

static void push_event(Http1Exchange *exchange, EventKind kind)
{
    ExchangeBox *box = http1_exchange_holder(exchange);

    if (box != NULL && box->on_event != NULL)
        box->on_event(box, kind);
    else if (box != NULL && box->resource.isolate != NULL)
        isolate_tell(box->resource.isolate, (Event){.kind = kind, .id = box->handle});
}

/* True when the exchange is a WebSocket, which tells itself what there is to tell. */
static bool move_websocket(Http1Exchange *exchange)
{
    ExchangeBox *box = http1_exchange_holder(exchange);

    if (box == NULL || box->websocket == NULL)
        return false;
    exchange_websocket_move(box);
    return true;
}

static void on_body(void *owner, Http1Exchange *exchange)
{
    (void)owner;
    if (!move_websocket(exchange))
        push_event(exchange, EVENT_BODY);
}

static void on_abandoned(void *owner, Http1Exchange *exchange)
{
    (void)owner;
    move_websocket(exchange);
    push_event(exchange, EVENT_ABANDONED);
}

static void on_room(void *owner, Http1Exchange *exchange)
{
    (void)owner;
    if (!move_websocket(exchange))
        push_event(exchange, EVENT_ROOM);
}

const HttpServerHandler exchange_handler = {
    .body_limit = body_limit,
    .on_request = on_request,
    .on_body = on_body,
    .on_abandoned = on_abandoned,
    .on_room = on_room,
};
