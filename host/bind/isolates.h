/* The isolates of this process by number: creation, lookup, messages between them. */
#ifndef PERIGEE_BIND_ISOLATES_H
#define PERIGEE_BIND_ISOLATES_H

#include <lua.h>

#include "bind/host.h"
#include "isolate/isolate.h"

/* Creates an isolate, gives it a number and puts it into the run queue. The first one is the
 * system's. On failure `*error` is a text to free with memory_free. */
int isolates_add(Host *host, const IsolateOptions *options, Isolate **out, char **error);

/* NULL when the number is stale. */
Isolate *isolates_find(const Host *host, Handle handle);

void isolates_close(Host *host, Isolate *isolate);
void isolates_close_all(Host *host);

/* `push_host` for the system isolate (the whole seam) and for services (what a service's runtime
 * needs). */
void isolates_push_system_host(lua_State *L, Isolate *isolate);
void isolates_push_service_host(lua_State *L, Isolate *isolate);

#endif
