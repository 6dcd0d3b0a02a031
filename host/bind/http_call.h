/* HttpCall: RPC over HTTP, which C answers without a detour through the host's own Lua. POST /rpc
 * takes JSON-RPC 2.0; POST /rpc/Service.Method the argument as JSON, and gives the result so. */
#ifndef PERIGEE_BIND_HTTP_CALL_H
#define PERIGEE_BIND_HTTP_CALL_H

#include "bind/exchange.h"

/* The size of "/rpc": a mount that covers so much is a service's own. */
enum { HTTP_CALL_PATH_SIZE = 4 };

/* Whether a path is meant that way. */
bool http_call_is_meant(const Http1Head *head);

/* Whether another worker sends a call on by it, whatever the path. */
bool http_call_is_forwarded(const Http1Exchange *exchange);

/* Takes the exchange over, which has no holder. */
void http_call_take(Host *host, Http1Exchange *exchange);

#endif
