/* MsgpackScan: finds the end of one value of MessagePack in a stream, in whatever pieces it comes,
 * without making anything of it. How deep values are nested does not matter here. */
#ifndef PERIGEE_RPC_MSGPACK_SCAN_H
#define PERIGEE_RPC_MSGPACK_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rpc/rpc_call.h"

/* All zero at first. */
typedef struct MsgpackScan {
    uint64_t missing_count; /* values that are still to come; 0 before the first */
    size_t position;        /* of the next */
} MsgpackScan;

/* Looks on at a value that begins at `bytes`, of which `size` are there by now. Returns the size of
 * the value, after which the scan is as new; 0 when more is needed; ERR_INVALID for a byte that
 * MessagePack does not use, ERR_TOO_LARGE for a value beyond `limit_size`. */
long msgpack_scan(MsgpackScan *scan, const char *bytes, size_t size, size_t limit_size);

/* Takes what stands in front of a complete value: false, with nothing taken, when it is something
 * else. */
bool msgpack_take_array(RpcSlice *rest, uint32_t *count);
bool msgpack_take_uint(RpcSlice *rest, uint64_t *value);
bool msgpack_take_string(RpcSlice *rest, RpcSlice *text);

#endif
