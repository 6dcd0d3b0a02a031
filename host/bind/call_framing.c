#include "bind/call_framing.h"

#include <string.h>

#include "rpc/json_text.h"

static void write_members(Buffer *output, const RpcReply *reply)
{
    buffer_append_text(output, "{\"error\":");
    json_write_string(output, (RpcSlice){reply->bytes, reply->size});
    if (reply->data != NULL) {
        buffer_append_text(output, ",\"data\":");
        buffer_append(output, reply->data, reply->data_size);
    }
}

void call_framing_write_failure(Buffer *output, const RpcReply *reply)
{
    write_members(output, reply);
    buffer_append_text(output, "}");
}

static bool is_null(const RpcReply *reply)
{
    return reply->size == 4 && memcmp(reply->bytes, "null", 4) == 0;
}

static void put_line(Buffer *output, RpcSlice item)
{
    buffer_append(output, item.bytes, item.size);
    buffer_append_text(output, "\n");
}

static void put_last_line(Buffer *output, const RpcReply *reply)
{
    if (reply->is_failure) {
        call_framing_write_failure(output, reply);
        buffer_append_text(output, "\n");
    } else if (!is_null(reply)) {
        buffer_append_text(output, "{\"result\":");
        buffer_append(output, reply->bytes, reply->size);
        buffer_append_text(output, "}\n");
    }
}

const CallFraming call_lines = {
    .fields = "Content-Type: application/x-ndjson\r\n",
    .put_item = put_line,
    .put_end = put_last_line,
};

static void put_event(Buffer *output, RpcSlice item)
{
    buffer_append_text(output, "data: ");
    buffer_append(output, item.bytes, item.size);
    buffer_append_text(output, "\n\n");
}

static void put_last_event(Buffer *output, const RpcReply *reply)
{
    if (reply->is_failure) {
        buffer_append_text(output, "event: error\ndata: ");
        call_framing_write_failure(output, reply);
        buffer_append_text(output, "\n\n");
    } else if (!is_null(reply)) {
        buffer_append_text(output, "event: result\n");
        put_event(output, (RpcSlice){reply->bytes, reply->size});
    }
}

const CallFraming call_events = {
    .fields = "Content-Type: text/event-stream\r\nCache-Control: no-store\r\n",
    .put_item = put_event,
    .put_end = put_last_event,
};

static void put_record(Buffer *output, char kind, RpcSlice content)
{
    size_t size = content.size + 1;
    char head[5] = {(char)size, (char)(size >> 8), (char)(size >> 16), (char)(size >> 24), kind};

    buffer_append(output, head, sizeof head);
    buffer_append(output, content.bytes, content.size);
}

static void put_item_record(Buffer *output, RpcSlice item)
{
    put_record(output, 'i', item);
}

static void put_failure_record(Buffer *output, const RpcReply *reply)
{
    Buffer failure = {0};

    write_members(&failure, reply);
    buffer_append_text(&failure, ",\"code\":");
    if (reply->code < 0)
        buffer_append_text(&failure, "-");
    buffer_append_uint(&failure, (uint64_t)(reply->code < 0 ? -(int64_t)reply->code : reply->code));
    buffer_append_text(&failure, "}");
    put_record(output, 'f', (RpcSlice){failure.bytes, failure.size});
    buffer_deinit(&failure);
}

static void put_last_record(Buffer *output, const RpcReply *reply)
{
    if (reply->is_failure)
        put_failure_record(output, reply);
    else
        put_record(output, reply->ends_items ? 'e' : 'r', (RpcSlice){reply->bytes, reply->size});
}

const CallFraming call_records = {
    .fields = "Content-Type: application/octet-stream\r\n",
    .put_item = put_item_record,
    .put_end = put_last_record,
};

const CallFraming *call_framing_choose(const Http1Head *head)
{
    static const char wanted[] = "text/event-stream";
    int index = http1_head_find(head, "accept", strlen("accept"), 0);
    Http1Slice value;

    if (index < 0)
        return &call_lines;
    value = head->fields[index].value;
    return memmem(head->bytes + value.offset, value.size, wanted, sizeof wanted - 1) != NULL
               ? &call_events
               : &call_lines;
}
