/* LocalCall: one call that an isolate makes of a service of this host. It has a number and hangs on
 * the caller's list, so a caller that is closed cancels its calls. Its answer waits in it until the
 * caller hears of it. */
#ifndef PERIGEE_BIND_LOCAL_CALL_H
#define PERIGEE_BIND_LOCAL_CALL_H

#include <lua.h>

#include "bind/host.h"
#include "rpc/rpc_call.h"

/* What is called. */
typedef struct LocalTarget {
    RpcSlice method;
    RpcSlice argument; /* bytes of perigee.core.copy */
    double deadline_s; /* as in RpcCall */
    uint32_t credit;   /* items the caller takes at first; 0 when it takes none */
    Hop hop;           /* without a wait */
} LocalTarget;

/* Whether a service of this host goes by that name, whichever worker runs it. */
bool local_call_is_known(const Host *host, RpcSlice service);

/* Calls a method; EVENT_ANSWER will come. Returns 0 with its number, or ERR_NOT_FOUND when no
 * service of this host goes by that name. */
int local_call_start(Isolate *caller, const LocalTarget *target, Handle *out);

/* The same for who wants no answer, and gets none; the caller's end does not matter to it. */
int local_call_notify(Isolate *caller, const LocalTarget *target);

/* The caller takes so many more items; nothing when the call is over. */
void local_call_grant(Isolate *caller, Handle handle, uint32_t count);

/* Nobody waits for it any more: who works for it is told. A call of another isolate, or one that is
 * over, is left alone. */
void local_call_cancel(Isolate *caller, Handle handle);

/* Pushes 0 and the result; or the code of a failure, its message and its data, a JSON text or nil;
 * nothing when the call was cancelled. Returns how many values that is. The call is over. */
int local_call_push_answer(lua_State *L, Handle handle);

#endif
