/* Strings of JSON as bytes, and bytes as strings of JSON. */
#ifndef PERIGEE_RPC_JSON_TEXT_H
#define PERIGEE_RPC_JSON_TEXT_H

#include "base/buffer.h"
#include "rpc/rpc_call.h"

/* Appends what the string `text`, which is known to be JSON and has its quotes, stands for. */
void json_read_string(Buffer *buffer, RpcSlice text);

/* Appends a string of JSON for `bytes`. What is no UTF-8 becomes U+FFFD. */
void json_write_string(Buffer *buffer, RpcSlice bytes);

#endif
