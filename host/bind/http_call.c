#include "bind/http_call.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/error.h"
#include "base/memory.h"
#include "bind/call.h"
#include "bind/call_framing.h"
#include "server/server_exchange.h"

enum { FIELD_SIZE = 32 };

static const char prefix[] = "/rpc";

/* The number of the protocol a call came in to the worker that sends it on. */
static const char protocol_field[] = "perigee-protocol";

/* Requests that are sent on have it, calls have not: so no client of another worker can make up a
 * call. */
static const char origin_field[] = "perigee-origin";

static const char json_fields[] = "Content-Type: application/json\r\n";
static const char retry_fields[] = "Content-Type: application/json\r\nRetry-After: 1\r\n";
static const char allow_fields[] = "Content-Type: application/json\r\nAllow: POST\r\n";
static const char allow_get_fields[] = "Content-Type: application/json\r\nAllow: GET, POST\r\n";

/* What GET /rpc asks. */
static const char describe_method[] = "rpc.describe";

typedef struct HttpCall {
    ExchangeBox box;     /* without a handle and an isolate */
    RpcChannel *channel; /* of POST /rpc */
    RpcCaller caller;    /* of POST /rpc/Service.Method, and of GET /rpc */
    const CallFraming *framing;
    Buffer unsent;  /* of an answer in pieces; without any another item is taken */
    bool has_begun; /* its answer in pieces */
    bool has_ended; /* and everything is in `unsent` */
    bool is_starting;
} HttpCall;

static HttpCall *call_of(ExchangeBox *box)
{
    return list_entry(box, HttpCall, box);
}

static bool is_prefix(const Http1Head *head, size_t size)
{
    return head->path.size >= size && memcmp(head->bytes + head->path.offset, prefix, size) == 0;
}

bool http_call_is_meant(const Http1Head *head)
{
    size_t size = sizeof prefix - 1;

    return is_prefix(head, size) &&
           (head->path.size == size || head->bytes[head->path.offset + size] == '/');
}

static void end(HttpCall *http_call)
{
    if (http_call->channel != NULL)
        rpc_channel_destroy(http_call->channel);
    rpc_caller_leave(&http_call->caller, call_handler.on_abandoned);
    buffer_deinit(&http_call->unsent);
    http1_exchange_set_holder(http_call->box.exchange, NULL);
    http1_exchange_release(http_call->box.exchange);
    memory_free(http_call);
}

static void respond(HttpCall *http_call, int status, const char *fields, RpcSlice body)
{
    Http1Reply reply = {status, fields, strlen(fields), body.bytes, body.size};

    http_server_respond(http_call->box.exchange, &reply);
}

static void refuse(HttpCall *http_call, int status, const char *fields, const char *json)
{
    respond(http_call, status, fields, (RpcSlice){json, strlen(json)});
    end(http_call);
}

/* What the channel has to say is complete. */
static void finish_channel(HttpCall *http_call)
{
    const Buffer *output = rpc_channel_output(http_call->channel);

    if (http_call->is_starting || rpc_channel_phase(http_call->channel) != RPC_FINISHED)
        return;
    if (output->size > 0)
        respond(http_call, 200, json_fields, (RpcSlice){output->bytes, output->size});
    else
        respond(http_call, 204, "", (RpcSlice){"", 0});
    end(http_call);
}

static bool has_field(const Http1Head *head, const char *name)
{
    return http1_head_find(head, name, strlen(name), 0) >= 0;
}

bool http_call_is_forwarded(const Http1Exchange *exchange)
{
    const Http1Head *head = http1_exchange_head(exchange);

    return http_server_trusts(exchange) && has_field(head, protocol_field) &&
           !has_field(head, origin_field);
}

/* Who called the worker that sends this on, as it says. */
static bool read_sent_peer(const Http1Head *head, Address *out)
{
    static const char name[] = "perigee-peer";
    int index = http1_head_find(head, name, sizeof name - 1, 0);
    char text[ADDRESS_TEXT_SIZE];
    Http1Slice value;

    if (index < 0 || head->fields[index].value.size >= sizeof text)
        return false;
    value = head->fields[index].value;
    memcpy(text, head->bytes + value.offset, value.size);
    text[value.size] = '\0';
    return address_parse(text, out) == 0;
}

static void deliver(HttpCall *http_call, RpcCall *call)
{
    const Http1Exchange *exchange = http_call->box.exchange;
    const Http1Head *head = http1_exchange_head(exchange);
    const Address *peer = http_server_peer(exchange);
    Address sent;

    hop_limit_by(&call->hop, &head->hop);
    if (http_call_is_forwarded(exchange))
        peer = read_sent_peer(head, &sent) ? &sent : NULL;
    call_handler.on_call(http_call->box.host, call, peer);
}

static void on_call(void *owner, RpcCall *call)
{
    deliver(owner, call);
}

static void on_abandoned(void *owner, RpcCall *call)
{
    HttpCall *http_call = owner;

    call_handler.on_abandoned(http_call->box.host, call);
}

static void on_output(void *owner)
{
    finish_channel(owner);
}

static const RpcHandler channel_handler = {
    .on_call = on_call,
    .on_abandoned = on_abandoned,
    .on_output = on_output,
};

/* A page of somebody else's can have a browser post anything but this. */
static bool is_json(const Http1Head *head)
{
    static const char expected[] = "application/json";
    int index = http1_head_find(head, "content-type", strlen("content-type"), 0);
    Http1Slice value;

    if (index < 0)
        return false;
    value = head->fields[index].value;
    return value.size >= sizeof expected - 1 &&
           strncasecmp(head->bytes + value.offset, expected, sizeof expected - 1) == 0;
}

static void start_channel(HttpCall *http_call, const Buffer *body)
{
    Host *host = http_call->box.host;

    http_call->channel =
        rpc_channel_create(&host->rpc_limits, host->gob_types, &channel_handler, http_call, 0);
    if (is_json(http1_exchange_head(http_call->box.exchange)))
        rpc_channel_expect_json(http_call->channel);
    http_call->is_starting = true;
    if (body->size > 0)
        rpc_channel_feed(http_call->channel, body->bytes, body->size);
    rpc_channel_finish_input(http_call->channel);
    http_call->is_starting = false;
    finish_channel(http_call);
}

static int status_of(int code)
{
    switch (code) {
    case RPC_METHOD_NOT_FOUND:
        return 404;
    case RPC_INVALID_PARAMS:
        return 400;
    case RPC_INTERNAL_ERROR:
        return 500;
    case RPC_UNAVAILABLE:
        return 503;
    case RPC_DEADLINE_EXCEEDED:
        return 504;
    default:
        return 422; /* the method says no */
    }
}

/* The answer has no items: it is whole. */
static void answer_whole(HttpCall *http_call, const RpcReply *reply)
{
    Buffer failure = {0};
    int status;

    if (!reply->is_failure) {
        respond(http_call, 200, json_fields, (RpcSlice){reply->bytes, reply->size});
    } else {
        status = status_of(reply->code);
        call_framing_write_failure(&failure, reply);
        respond(http_call, status, status == 503 ? retry_fields : json_fields,
                (RpcSlice){failure.bytes, failure.size});
        buffer_deinit(&failure);
    }
    end(http_call);
}

static void start_answer(HttpCall *http_call)
{
    const char *fields = http_call->framing->fields;
    Http1Reply head = {.status = 200, .fields = fields, .fields_size = strlen(fields)};

    http_call->has_begun = true;
    http1_exchange_end_with_input(http_call->box.exchange);
    server_exchange_start(http_call->box.exchange, &head, HTTP1_UNKNOWN_LENGTH);
}

/* Sends what there is room for. True when that was all; else EVENT_ROOM or EVENT_ABANDONED will
 * come. */
static bool flush(HttpCall *http_call)
{
    Buffer *unsent = &http_call->unsent;
    long written = 0;

    while (unsent->size > 0 && written >= 0) {
        written = server_exchange_write(http_call->box.exchange, unsent->bytes, unsent->size);
        if (written > 0)
            buffer_skip(unsent, (size_t)written);
    }
    return unsent->size == 0;
}

static void finish_answer(HttpCall *http_call)
{
    server_exchange_finish(http_call->box.exchange, "", 0);
    end(http_call);
}

static void on_answer(RpcCaller *caller, RpcCall *call, const RpcReply *reply)
{
    HttpCall *http_call = list_entry(caller, HttpCall, caller);

    (void)call;
    if (!http_call->has_begun && !reply->ends_items && http_call->framing != &call_records) {
        answer_whole(http_call, reply);
        return;
    }
    if (!http_call->has_begun)
        start_answer(http_call);
    http_call->framing->put_end(&http_call->unsent, reply);
    http_call->has_ended = true;
    if (flush(http_call))
        finish_answer(http_call);
}

static int on_item(RpcCaller *caller, RpcCall *call, RpcSlice item)
{
    HttpCall *http_call = list_entry(caller, HttpCall, caller);

    (void)call;
    if (http_call->unsent.size > 0)
        return ERR_AGAIN;
    if (!http_call->has_begun)
        start_answer(http_call);
    http_call->framing->put_item(&http_call->unsent, item);
    flush(http_call);
    return 0;
}

static void on_room(HttpCall *http_call)
{
    if (!flush(http_call))
        return;
    if (http_call->has_ended)
        finish_answer(http_call);
    else if (!list_is_empty(&http_call->caller.calls))
        rpc_call_offer_room(list_entry(http_call->caller.calls.next, RpcCall, node));
}

/* The number in a field of the head; 0 when there is none. */
static double read_field(const Http1Head *head, const char *name)
{
    char text[FIELD_SIZE];
    int index = http1_head_find(head, name, strlen(name), 0);
    Http1Slice value;

    if (index < 0)
        return 0;
    value = head->fields[index].value;
    snprintf(text, sizeof text, "%.*s", (int)value.size, head->bytes + value.offset);
    return strtod(text, NULL);
}

static void call_method(HttpCall *http_call, RpcSlice method, RpcSlice argument)
{
    RpcCall *call = rpc_call_create(&http_call->caller, method, argument, (RpcSlice){NULL, 0});

    call->protocol = RPC_JSON;
    call->takes_items = true;
    call->credit = RPC_UNLIMITED_CREDIT;
    deliver(http_call, call);
}

static void start_call(HttpCall *http_call, const Http1Head *head, const Buffer *body)
{
    size_t size = sizeof prefix;
    RpcSlice method = {head->bytes + head->path.offset + size, head->path.size - size};

    call_method(http_call, method, (RpcSlice){body->bytes, body->size});
}

/* Another worker says which protocol the call came in. The method stands before the argument. */
static void start_forwarded(HttpCall *http_call, const Http1Head *head, const Buffer *body)
{
    double method_size = read_field(head, "perigee-method-size");
    RpcSlice method = {body->bytes, (size_t)method_size}, argument;
    RpcCall *call;

    if (method_size > (double)body->size) {
        refuse(http_call, 400, json_fields, "{\"error\":\"no method\"}");
        return;
    }
    argument = (RpcSlice){body->bytes + method.size, body->size - method.size};
    call = rpc_call_create(&http_call->caller, method, argument, (RpcSlice){NULL, 0});
    http_call->framing = &call_records;
    call->protocol = (RpcProtocolKind)read_field(head, protocol_field);
    call->takes_items = read_field(head, "perigee-items") > 0;
    call->credit = RPC_UNLIMITED_CREDIT;
    deliver(http_call, call);
}

static void start(HttpCall *http_call)
{
    const Http1Head *head = http1_exchange_head(http_call->box.exchange);
    const Buffer *body = http1_exchange_body(http_call->box.exchange);

    if (http_call_is_forwarded(http_call->box.exchange) &&
        read_field(head, protocol_field) > RPC_GOB)
        start_forwarded(http_call, head, body);
    else if (head->path.size > sizeof prefix - 1)
        start_call(http_call, head, body);
    else
        start_channel(http_call, body);
}

static void on_event(ExchangeBox *box, EventKind kind)
{
    HttpCall *http_call = call_of(box);
    int status;

    if (kind == EVENT_ABANDONED) {
        end(http_call);
        return;
    }
    if (kind == EVENT_ROOM)
        on_room(http_call);
    if (kind != EVENT_BODY || http_call->channel != NULL || http_call->caller.call_count > 0)
        return;
    status = http1_exchange_body_status(box->exchange);
    if (status > 0)
        start(http_call);
    else if (status < 0)
        refuse(http_call, status == ERR_TOO_LARGE ? 413 : 400, json_fields,
               "{\"error\":\"the body could not be read\"}");
    else
        server_exchange_await_whole_body(box->exchange);
}

static bool is_method(const Http1Head *head, const char *name)
{
    size_t size = strlen(name);

    return head->method.size == size && memcmp(head->bytes + head->method.offset, name, size) == 0;
}

void http_call_take(Host *host, Http1Exchange *exchange)
{
    const Http1Head *head = http1_exchange_head(exchange);
    bool is_whole = head->path.size == sizeof prefix - 1;
    HttpCall *http_call = memory_alloc(sizeof *http_call);

    http_call->box.host = host;
    http_call->box.exchange = exchange;
    http_call->box.on_event = on_event;
    http_call->framing = call_framing_choose(head);
    rpc_caller_init(&http_call->caller, on_answer, host);
    http_call->caller.on_item = on_item;
    http1_exchange_set_holder(exchange, &http_call->box);
    if (http_call_is_forwarded(exchange))
        http1_exchange_end_with_input(exchange);
    if (is_whole && is_method(head, "GET"))
        call_method(http_call, (RpcSlice){describe_method, sizeof describe_method - 1},
                    (RpcSlice){NULL, 0});
    else if (!is_method(head, "POST"))
        refuse(http_call, 405, is_whole ? allow_get_fields : allow_fields,
               "{\"error\":\"RPC over HTTP is a POST\"}");
    else if (!is_json(head) && !http_call_is_forwarded(exchange))
        refuse(http_call, 415, json_fields,
               "{\"error\":\"the body must be JSON: Content-Type: application/json\"}");
    else
        on_event(&http_call->box, EVENT_BODY);
}
