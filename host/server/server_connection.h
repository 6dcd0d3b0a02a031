/* Private to server/: what a Server is, and one connection of it: a stream that drives a session.
 *
 * Whoever calls into a connection stands between server_enter and server_leave. Inside, connections
 * are only marked, to be flushed or freed; the outermost leave does both. So no callback ever finds
 * the ground taken away under the function that made it. */
#ifndef PERIGEE_SERVER_SERVER_CONNECTION_H
#define PERIGEE_SERVER_SERVER_CONNECTION_H

#include <stdbool.h>

#include "net/listener.h"
#include "os/timer.h"
#include "server/expiry.h"
#include "server/server.h"
#include "server/session.h"

/* What a protocol opens a server with. */
typedef struct ServerSetup {
    const SessionKind *kind;
    void *state; /* what its sessions share: taken over, and freed with the server */
    ServerBounds bounds;
} ServerSetup;

struct Server {
    Loop *loop;
    ServerSetup setup;
    ServerCounters counters;
    Listener *listener; /* NULL once draining */
    TlsContext *tls;    /* of connections to come; NULL for plain ones */
    Timer *tick;
    bool is_ticking;
    bool is_draining;
    bool is_closed;
    unsigned depth;       /* of enter */
    size_t refusal_count; /* open connections that are only told why not */
    Expiry expiry;        /* every open connection */
    List touched;         /* connections to be flushed */
    List dead;            /* connections to be freed */
};

typedef struct ServerConnection {
    Server *server;
    Stream *stream; /* NULL once closed */
    void *session;  /* NULL once everything is answered: what comes in then is dropped */
    List node;      /* in server->touched or server->dead */
    ExpiryEntry expiry;
    uint64_t progress; /* what it was when its time began to run */
    uint32_t dropped_size;
    bool is_reading;
    bool is_refusal;
    bool is_congested;     /* as much is unsent as may be */
    bool is_shaking_hands; /* of TLS; before that is over nothing is read or said */
    bool has_input_ended;
} ServerConnection;

/* Adopts `fd` and takes setup->state over, also when this fails. */
int server_open(Loop *loop, int fd, const ServerSetup *setup, Server **out);

void server_enter(Server *server);

/* The server may be gone afterwards. */
void server_leave(Server *server);

/* Both take `stream` over. */
void server_connection_open(Server *server, Stream *stream);
void server_connection_refuse(Server *server, Stream *stream);

/* Has the connection flushed at the end. */
void server_connection_touch(ServerConnection *connection);

void server_connection_flush(ServerConnection *connection);

/* The time of what it waits for is over. */
void server_connection_expire(ServerConnection *connection);

/* Nothing more is to be answered: ends the output, then drops what comes until the peer closes. */
void server_connection_start_lingering(ServerConnection *connection);

/* Closes the stream now; the rest goes with server_connection_free. */
void server_connection_close(ServerConnection *connection);
void server_connection_free(ServerConnection *connection);

#endif
