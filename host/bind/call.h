/* CallBox: one RPC call in the hands of an isolate. It has a number and hangs on the isolate's
 * list, so a service that is closed with calls unanswered answers them with an error. */
#ifndef PERIGEE_BIND_CALL_H
#define PERIGEE_BIND_CALL_H

#include "bind/host.h"
#include "bind/service_metrics.h"
#include "isolate/resource.h"
#include "server/rpc_server.h"

typedef struct CallBox {
    Resource resource;
    Host *host;
    Handle handle;
    RpcCall *call;
    Meter meter;
    Address peer; /* all zero when nobody outside sent it */
} CallBox;

/* Calls of this process's RPC server go to the isolate the method table names. */
extern const RpcServerHandler call_handler;

/* The call of the calling isolate whose number is at `argument`, or NULL. */
struct lua_State;
CallBox *call_check(struct lua_State *L, int argument);

/* Makes the call another isolate's, which hears of it as of a new one. */
void call_hand_over(CallBox *box, Isolate *target);

/* Answers the call, and lets go of it. 0, or ERR_CLOSED when nobody is there to hear it. */
int call_answer(CallBox *box, const RpcReply *reply);

#endif
