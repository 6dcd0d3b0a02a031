/* Private to server/: HTTP/1.1 as the session of a server, an Http1Connection each. */
#ifndef PERIGEE_SERVER_HTTP_SESSION_H
#define PERIGEE_SERVER_HTTP_SESSION_H

#include "http/http1_write.h"
#include "server/http_server.h"
#include "server/server_connection.h"

/* What the connections of one HTTP server share. */
typedef struct HttpState {
    HttpServerOptions options;
    HttpCounters counters;
    char date[HTTP1_DATE_SIZE];
} HttpState;

extern const SessionKind http_session;

HttpState *http_session_state(const Server *server);

#endif
