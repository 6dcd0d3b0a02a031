#include "rpc/json_request.h"

#include <string.h>
#include <strings.h>

#include "rpc/json_scan.h"

static RpcSlice skip(RpcSlice text, size_t size)
{
    return (RpcSlice){text.bytes + size, text.size - size};
}

static RpcSlice skip_space(RpcSlice text)
{
    return skip(text, json_space_size(text.bytes, text.size));
}

static RpcSlice take_value(RpcSlice *text)
{
    RpcSlice value = {text->bytes, json_value_size(text->bytes, text->size)};

    *text = skip_space(skip(*text, value.size));
    return value;
}

/* Go matches the names of members without regard to case. */
static bool is_named(RpcSlice key, const char *name)
{
    size_t size = strlen(name);

    return key.size == size + 2 && strncasecmp(key.bytes + 1, name, size) == 0;
}

static bool is_text(RpcSlice value, const char *text)
{
    return value.size == strlen(text) && memcmp(value.bytes, text, value.size) == 0;
}

static void take_member(JsonRequest *request, RpcSlice key, RpcSlice value)
{
    if (is_named(key, "method"))
        request->method = value;
    else if (is_named(key, "params"))
        request->params = value;
    else if (is_named(key, "id"))
        request->id = value;
    else if (is_named(key, "jsonrpc"))
        request->is_version_2 = is_text(value, "\"2.0\"");
    else if (is_named(key, "perigee-timeout") && value.size > 2)
        hop_read_wait(&request->hop, value.bytes + 1, value.size - 2);
    else if (is_named(key, "traceparent") && value.size > 2)
        hop_read_trace(&request->hop, value.bytes + 1, value.size - 2);
    else if (is_named(key, "perigee-previous-attempts"))
        hop_read_attempts(&request->hop, value.bytes, value.size);
}

static bool begins_with(RpcSlice value, const char *characters)
{
    return value.size > 0 && strchr(characters, value.bytes[0]) != NULL;
}

static bool is_valid(const JsonRequest *request)
{
    if (!begins_with(request->method, "\""))
        return false;
    if (!request->is_version_2)
        return true;
    return (request->params.size == 0 || begins_with(request->params, "[{")) &&
           (request->id.size == 0 || begins_with(request->id, "\"-0123456789n"));
}

JsonRequest json_request_read(RpcSlice text)
{
    JsonRequest request = {0};

    if (text.bytes[0] != '{')
        return request;
    text = skip_space(skip(text, 1));
    while (text.bytes[0] != '}') {
        RpcSlice key = take_value(&text);

        text = skip_space(skip(text, 1)); /* the colon */
        take_member(&request, key, take_value(&text));
        if (text.bytes[0] == ',')
            text = skip_space(skip(text, 1));
    }
    request.is_valid = is_valid(&request);
    return request;
}
