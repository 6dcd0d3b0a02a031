/* The end of a JSON text: found at the same byte in whatever pieces the text comes, if it has an
 * end of its own, and what is then read of it as a request lies inside it.
 * Input: a byte that chooses the pieces, then the text. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/json_request.h"
#include "rpc/json_scan.h"
#include "rpc/json_text.h"

enum { DEPTH = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As json_scan_feed, of pieces of `step` bytes. */
static long scan(const char *bytes, size_t size, size_t step)
{
    JsonScan state;
    long result = 0;
    size_t at = 0;

    json_scan_init(&state, DEPTH);
    while (at < size && result == 0) {
        size_t piece = step < size - at ? step : size - at;
        result = json_scan_feed(&state, bytes + at, piece);
        assert(result <= (long)piece);
        if (result > 0)
            return (long)at + result;
        at += piece;
    }
    return result;
}

static void check_slice(RpcSlice text, RpcSlice part)
{
    assert(part.size == 0 ||
           (part.bytes >= text.bytes && part.bytes + part.size <= text.bytes + text.size));
}

static void check_request(RpcSlice text)
{
    JsonRequest request;
    Buffer name = {0};

    assert(json_value_size(text.bytes, text.size) <= text.size);
    if (text.bytes[0] != '{')
        return;
    request = json_request_read(text);
    check_slice(text, request.method);
    check_slice(text, request.params);
    check_slice(text, request.id);
    if (request.method.size > 0 && request.method.bytes[0] == '"') {
        json_read_string(&name, request.method);
        assert(name.size <= request.method.size);
    }
    buffer_deinit(&name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    size_t space;
    long end;

    if (size < 2)
        return 0;
    size--;
    end = scan(text, size, size);
    space = json_space_size(text, size);
    if (space < size && strchr("{[\"", text[space]) != NULL) {
        assert(end == scan(text, size, 1));
        assert(end == scan(text, size, (size_t)data[0] + 1));
    }
    if (end > 0 && space < (size_t)end)
        check_request((RpcSlice){text + space, json_value_size(text + space, (size_t)end - space)});
    return 0;
}
