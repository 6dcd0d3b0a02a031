/* JsonRequest: the members of one request of JSON-RPC, 1.0 as Go has it or 2.0. */
#ifndef PERIGEE_RPC_JSON_REQUEST_H
#define PERIGEE_RPC_JSON_REQUEST_H

#include "rpc/rpc_call.h"

/* Slices are texts of JSON; size 0 for a member that is missing. */
typedef struct JsonRequest {
    RpcSlice method;
    RpcSlice params;
    RpcSlice id;
    Hop hop; /* of "perigee-timeout", "perigee-previous-attempts" and "traceparent" */
    bool is_version_2;
    bool is_valid; /* it is a request of its version */
} JsonRequest;

/* `text` is known to be JSON, with no space around it. */
JsonRequest json_request_read(RpcSlice text);

#endif
