/* JSON-RPC over a stream: values one after the other, with or without white space between them.
 * Each message is answered as it asks: in Go's dialect of 1.0, or in 2.0. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "rpc/json_request.h"
#include "rpc/json_text.h"
#include "rpc/rpc_protocol.h"

/* Answers to a batch are written together, when the last is there. */
typedef struct RpcBatch {
    List node;
    Buffer output;
    size_t pending_count; /* answers to come */
} RpcBatch;

static void write_text(Buffer *output, const char *text)
{
    buffer_append_text(output, text);
}

static void write_slice(Buffer *output, RpcSlice slice)
{
    buffer_append(output, slice.bytes, slice.size);
}

static void write_code(Buffer *output, int code)
{
    if (code < 0)
        write_text(output, "-");
    buffer_append_uint(output, (uint64_t)(code < 0 ? -(int64_t)code : code));
}

/* What the specification calls it, where it has a name; what else is known goes with it as data. */
static const char *standard_message(int code)
{
    switch (code) {
    case RPC_PARSE_ERROR:
        return "Parse error";
    case RPC_INVALID_REQUEST:
        return "Invalid Request";
    case RPC_METHOD_NOT_FOUND:
        return "Method not found";
    default:
        return NULL;
    }
}

static void write_failure_2(Buffer *output, const RpcReply *reply)
{
    int code = reply->code != 0 ? reply->code : RPC_SERVICE_ERROR;
    const char *message = standard_message(code);

    write_text(output, "\"error\":{\"code\":");
    write_code(output, code);
    write_text(output, ",\"message\":");
    json_write_string(output, message != NULL ? (RpcSlice){message, strlen(message)}
                                              : (RpcSlice){reply->bytes, reply->size});
    if (reply->data != NULL) {
        write_text(output, ",\"data\":");
        buffer_append(output, reply->data, reply->data_size);
    } else if (message != NULL && reply->size > 0) {
        write_text(output, ",\"data\":");
        json_write_string(output, (RpcSlice){reply->bytes, reply->size});
    }
    write_text(output, "}");
}

static void write_answer_2(Buffer *output, RpcSlice id, const RpcReply *reply)
{
    write_text(output, "{\"jsonrpc\":\"2.0\",");
    if (reply->is_failure) {
        write_failure_2(output, reply);
    } else {
        write_text(output, "\"result\":");
        buffer_append(output, reply->bytes, reply->size);
    }
    write_text(output, ",\"id\":");
    write_slice(output, id.size > 0 ? id : (RpcSlice){"null", 4});
    write_text(output, "}");
}

/* A client of Go takes an empty error, or one that is no string, for a broken connection. */
static void write_answer_1(Buffer *output, RpcSlice id, const RpcReply *reply)
{
    static const RpcSlice unspecified = {"unspecified error", 17};

    write_text(output, "{\"id\":");
    write_slice(output, id);
    write_text(output, ",\"result\":");
    if (reply->is_failure) {
        write_text(output, "null,\"error\":");
        json_write_string(output,
                          reply->size > 0 ? (RpcSlice){reply->bytes, reply->size} : unspecified);
    } else {
        buffer_append(output, reply->bytes, reply->size);
        write_text(output, ",\"error\":null");
    }
    write_text(output, "}");
}

static void end_batch(RpcChannel *channel, RpcBatch *batch)
{
    if (batch->output.size > 0) {
        buffer_append(&channel->output, batch->output.bytes, batch->output.size);
        write_text(&channel->output, "]\n");
    }
    list_unlink(&batch->node);
    buffer_deinit(&batch->output);
    memory_free(batch);
}

static void release_batch(RpcChannel *channel, RpcBatch *batch)
{
    if (--batch->pending_count == 0)
        end_batch(channel, batch);
}

/* Answers in 2.0; `batch` is NULL for a request that stands by itself. */
static void answer_2(RpcChannel *channel, RpcBatch *batch, RpcSlice id, const RpcReply *reply)
{
    Buffer *output = batch != NULL ? &batch->output : &channel->output;

    if (batch != NULL)
        write_text(output, output->size == 0 ? "[" : ",");
    write_answer_2(output, id, reply);
    if (batch == NULL)
        write_text(output, "\n");
}

static void answer(RpcChannel *channel, RpcCall *call, const RpcReply *reply)
{
    RpcSlice id = {call->id, call->id_size};

    if (call->protocol == RPC_JSON2) {
        answer_2(channel, call->batch, id, reply);
    } else {
        write_answer_1(&channel->output, id, reply);
        write_text(&channel->output, "\n");
    }
    if (call->batch != NULL)
        release_batch(channel, call->batch);
}

/* `detail` is what is known besides the code, or NULL. */
static void refuse_with(RpcChannel *channel, RpcBatch *batch, RpcSlice id, int code,
                        const char *detail)
{
    RpcReply reply = {.is_failure = true,
                      .code = code,
                      .bytes = detail,
                      .size = detail != NULL ? strlen(detail) : 0};

    answer_2(channel, batch, id, &reply);
}

static void refuse(RpcChannel *channel, RpcBatch *batch, RpcSlice id, int code)
{
    refuse_with(channel, batch, id, code, NULL);
}

static bool is_null(RpcSlice text)
{
    return text.size == 4 && memcmp(text.bytes, "null", 4) == 0;
}

static void call_method(RpcChannel *channel, RpcBatch *batch, const JsonRequest *request)
{
    Buffer method = {0};
    RpcSlice id = request->id;
    RpcCall *call;

    if (!request->is_version_2 && id.size == 0)
        id = (RpcSlice){"null", 4};
    json_read_string(&method, request->method);
    call = rpc_call_create(&channel->caller, (RpcSlice){method.bytes, method.size},
                           is_null(request->params) ? (RpcSlice){NULL, 0} : request->params, id);
    buffer_deinit(&method);
    call->protocol = request->is_version_2 ? RPC_JSON2 : RPC_JSON1;
    call->is_notification = request->is_version_2 && request->id.size == 0;
    call->hop = request->hop;
    if (batch != NULL && !call->is_notification) {
        call->batch = batch;
        batch->pending_count++;
    }
    rpc_channel_deliver(channel, call);
}

static RpcSlice echoed_id(const JsonRequest *request)
{
    bool is_id = request->id.size > 0 && strchr("\"-0123456789", request->id.bytes[0]) != NULL;

    return is_id ? request->id : (RpcSlice){"null", 4};
}

static void take_element(RpcChannel *channel, RpcBatch *batch, RpcSlice text)
{
    JsonRequest request = json_request_read(text);

    if (request.is_valid && request.is_version_2)
        call_method(channel, batch, &request);
    else
        refuse(channel, batch, echoed_id(&request), RPC_INVALID_REQUEST);
}

/* `text` is an array. Returns the size of the space and the comma in front of its next element, and
 * the element; false at the end. */
static bool next_element(RpcSlice *text, RpcSlice *element)
{
    size_t lead = 1 + json_space_size(text->bytes + 1, text->size - 1);

    *text = (RpcSlice){text->bytes + lead, text->size - lead};
    if (text->bytes[0] == ']')
        return false;
    *element = (RpcSlice){text->bytes, json_value_size(text->bytes, text->size)};
    lead = element->size;
    lead += json_space_size(text->bytes + lead, text->size - lead);
    *text = (RpcSlice){text->bytes + lead, text->size - lead};
    return true;
}

/* Beyond the bound on calls in one batch the rest of them is refused. */
static void take_batch(RpcChannel *channel, RpcSlice text)
{
    RpcBatch *batch = memory_alloc(sizeof *batch);
    RpcSlice element;
    size_t count = 0;

    list_init(&batch->node);
    list_push_back(&channel->state.json.batches, &batch->node);
    batch->pending_count = 1; /* this loop */
    while (text.bytes[0] != ']' && next_element(&text, &element)) {
        if (count++ < channel->limits->batch_count) {
            take_element(channel, batch, element);
        } else {
            JsonRequest request = json_request_read(element);
            refuse(channel, batch, echoed_id(&request), RPC_INVALID_REQUEST);
        }
    }
    if (count == 0)
        refuse(channel, NULL, (RpcSlice){"null", 4}, RPC_INVALID_REQUEST);
    release_batch(channel, batch);
}

static int take_message(RpcChannel *channel, RpcSlice text)
{
    JsonRequest request;

    if (text.bytes[0] == '[') {
        take_batch(channel, text);
        return 0;
    }
    request = json_request_read(text);
    if (request.is_valid)
        call_method(channel, NULL, &request);
    else if (request.is_version_2 || channel->is_version_2)
        refuse(channel, NULL, echoed_id(&request), RPC_INVALID_REQUEST);
    else
        return ERR_INVALID; /* as Go's server does */
    return 0;
}

/* A place in the stream cannot be found again. To who speaks 2.0, as far as one can tell, it is
 * said; Go's server says nothing, and its clients would not understand. */
static long break_off_with(RpcChannel *channel, RpcSlice read, int code, const char *detail)
{
    static const char member[] = "\"jsonrpc\"";

    channel->refusal = "not JSON-RPC";
    if (channel->is_version_2 ||
        (read.size > 0 && (read.bytes[0] == '[' ||
                           memmem(read.bytes, read.size, member, sizeof member - 1) != NULL)))
        refuse_with(channel, NULL, (RpcSlice){"null", 4}, code, detail);
    return ERR_INVALID;
}

static long break_off(RpcChannel *channel, const char *bytes, size_t size, int code)
{
    return break_off_with(channel, (RpcSlice){bytes, size}, code, NULL);
}

static void begin_scan(RpcChannel *channel)
{
    JsonState *json = &channel->state.json;

    if (json->batches.next == NULL)
        list_init(&json->batches);
    if (json->scanned_size == 0)
        json_scan_init(&json->scan, channel->limits->nesting_count);
}

/* Scans on, at most to the largest size a message may have. Returns as json_scan_feed; what failed
 * has been broken off. */
static long scan_message(RpcChannel *channel, const char *bytes, size_t size)
{
    JsonState *json = &channel->state.json;
    size_t limit_size = channel->limits->message_size;
    size_t known_size = size < limit_size ? size : limit_size;
    size_t begun_size = json->scanned_size;
    long result = json_scan_feed(&json->scan, bytes + begun_size, known_size - begun_size);

    json->scanned_size = result > 0 ? 0 : known_size;
    if (result < 0)
        return break_off(channel, bytes, begun_size + json->scan.failed_at, RPC_PARSE_ERROR);
    if (result == 0 && known_size == limit_size)
        return break_off_with(channel, (RpcSlice){bytes, known_size}, RPC_INVALID_REQUEST,
                              "the message is larger than --rpc-message");
    return result > 0 ? (long)begun_size + result : 0;
}

static long read_message(RpcChannel *channel, const char *bytes, size_t size)
{
    JsonState *json = &channel->state.json;
    size_t space_size = json->scanned_size == 0 ? json_space_size(bytes, size) : 0;
    long used;

    begin_scan(channel);
    if (space_size > 0)
        return (long)space_size;
    if (bytes[0] != '{' && bytes[0] != '[')
        return break_off(channel, bytes, 0, RPC_PARSE_ERROR);
    used = scan_message(channel, bytes, size);
    if (used > 0 && take_message(channel, (RpcSlice){bytes, (size_t)used}) < 0)
        return break_off(channel, bytes, 0, RPC_INVALID_REQUEST);
    return used;
}

/* Half a message, or where one was due none at all. */
static void end_json(RpcChannel *channel, const char *bytes, size_t size)
{
    if (size > 0 || (channel->is_version_2 && channel->progress == 0))
        break_off(channel, bytes, size, RPC_PARSE_ERROR);
}

static void close_json(RpcChannel *channel)
{
    List *batches = &channel->state.json.batches;

    while (batches->next != NULL && !list_is_empty(batches)) {
        RpcBatch *batch = list_entry(batches->next, RpcBatch, node);
        batch->output.size = 0;
        end_batch(channel, batch);
    }
}

const RpcProtocol rpc_json = {
    .read = read_message, .answer = answer, .close = close_json, .end = end_json, .is_text = true};
