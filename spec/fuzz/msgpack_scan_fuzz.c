/* The end of a value of MessagePack: found at the same byte however much is there when it is looked
 * for, and never behind what may be.
 * Input: a byte that chooses the pieces, then the value. */
#include <assert.h>
#include <stdint.h>

#include "base/error.h"
#include "rpc/msgpack_scan.h"

enum { LIMIT_SIZE = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* As msgpack_scan, with `step` more bytes there each time. */
static long scan(const char *bytes, size_t size, size_t step)
{
    MsgpackScan state = {0};
    size_t there = 0;
    long result = 0;

    while (there < size && result == 0) {
        there = step < size - there ? there + step : size;
        result = msgpack_scan(&state, bytes, there, LIMIT_SIZE);
    }
    assert(result <= (long)there);
    assert(result <= 0 || state.missing_count == 0);
    return result;
}

static void check_front(RpcSlice value)
{
    RpcSlice rest = value, text;
    uint64_t number;
    uint32_t count;

    if (!msgpack_take_array(&rest, &count) && !msgpack_take_uint(&rest, &number) &&
        !msgpack_take_string(&rest, &text)) {
        assert(rest.bytes == value.bytes && rest.size == value.size);
        return;
    }
    assert(rest.size < value.size);
    assert(rest.bytes + rest.size == value.bytes + value.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *bytes = (const char *)data + 1;
    long end;

    if (size < 2)
        return 0;
    size--;
    end = scan(bytes, size, size);
    assert(end == scan(bytes, size, 1));
    assert(end == scan(bytes, size, (size_t)data[0] + 1));
    if (end > 0)
        check_front((RpcSlice){bytes, (size_t)end});
    return 0;
}
