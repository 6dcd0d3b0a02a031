/* How the items of a call and its end stand in the body of an HTTP answer, of which nobody knows
 * the length before. */
#ifndef PERIGEE_BIND_CALL_FRAMING_H
#define PERIGEE_BIND_CALL_FRAMING_H

#include "base/buffer.h"
#include "http/http1_head.h"
#include "rpc/rpc_call.h"

typedef struct CallFraming {
    const char *fields; /* of the answer's head */
    void (*put_item)(Buffer *output, RpcSlice item);
    void (*put_end)(Buffer *output, const RpcReply *reply);
} CallFraming;

/* NDJSON: a JSON value on each line. The last may be {"result": ...} or {"error": ...}. */
extern const CallFraming call_lines;

/* Server-sent events, each a JSON value. The last may be of the type `result` or `error`. */
extern const CallFraming call_events;

/* Records, for other workers: a length of four bytes, lowest first, then as many bytes, of which
 * the first tells what follows: i an item, r the result, e one behind items, f a failure as
 * JSON. */
extern const CallFraming call_records;

/* Of the two for clients, the one that asks for. */
const CallFraming *call_framing_choose(const Http1Head *head);

/* {"error": message, "data": ...} */
void call_framing_write_failure(Buffer *output, const RpcReply *reply);

#endif
