/* What a server may be told over the seam: fields of a table, counts, bytes and milliseconds, each
 * with the default of its server. */
#ifndef PERIGEE_BIND_SERVER_OPTIONS_H
#define PERIGEE_BIND_SERVER_OPTIONS_H

#include <lua.h>

#include "server/http_server.h"
#include "server/rpc_server.h"

/* Both read the table at `argument`, and raise an error that names a field that is no such number.
 * The handler is still to be set. */
HttpServerOptions server_options_check_http(lua_State *L, int argument);
RpcServerOptions server_options_check_rpc(lua_State *L, int argument);

/* Field `name` of the table at `argument`, from 0 to UINT32_MAX. */
uint32_t server_options_check_number(lua_State *L, int argument, const char *name,
                                     size_t default_value);

#endif
