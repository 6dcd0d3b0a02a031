/* A server of HTTP: see server.h for its connections, server_exchange.h for answers in pieces. Who
 * answers is the owner's business. */
#ifndef PERIGEE_SERVER_HTTP_SERVER_H
#define PERIGEE_SERVER_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http1_connection.h"
#include "http/http1_limits.h"
#include "net/address.h"
#include "net/tls_filter.h"
#include "os/loop.h"
#include "server/server.h"

/* See Http1Handler. on_request gets exchanges with no holder. Inside a callback every function
 * below and of server.h may be called; what it leaves to do for the connections themselves is done
 * when the callback has returned. */
typedef struct HttpServerHandler {
    uint64_t (*body_limit)(void *owner, const Http1Head *head); /* may be NULL */
    void (*on_request)(void *owner, Http1Exchange *exchange);
    void (*on_body)(void *owner, Http1Exchange *exchange);
    void (*on_abandoned)(void *owner, Http1Exchange *exchange);
    void (*on_room)(void *owner, Http1Exchange *exchange);
} HttpServerHandler;

/* Beyond bounds.connection_count 503 is answered, and 408 when a head or a body is late. An answer
 * in pieces takes no more of them with bounds.unsent_size unsent. */
typedef struct HttpServerOptions {
    ServerBounds bounds;
    Http1Limits limits;
    bool is_trusted; /* what connects is a gateway of our own: https may be asked for */
    const HttpServerHandler *handler; /* borrowed; outlives the server */
    void *owner;                      /* what the callbacks get */
} HttpServerOptions;

/* No handler; 10,000 connections, 256 KiB unsent; head 5 s, body 10 s, idle 75 s, write 30 s. */
extern const HttpServerOptions http_server_default_options;

/* Besides those of every server. */
typedef struct HttpCounters {
    Http1Counters http1;     /* refusals one by one, with bodies refused while they were answered */
    uint64_t cut_file_count; /* answers that ended early, because their file did */
    size_t stream_peak_size; /* the most an answer in pieces ever had unsent */
} HttpCounters;

/* Adopts `fd` (closed also when this fails). */
int http_server_open(Loop *loop, int fd, const HttpServerOptions *options, Server **out);

/* NULL when it is a server of something else. */
const HttpCounters *http_server_counters(const Server *server);

/* Answers an exchange, see http1_exchange_respond. Sent by the next server_flush. */
int http_server_respond(Http1Exchange *exchange, const Http1Reply *reply);

/* See http1_exchange_await_body. The "100 Continue" is sent by the next server_flush. */
void http_server_await_body(Http1Exchange *exchange);

/* The client's address; all zero when it is gone. */
const Address *http_server_peer(const Http1Exchange *exchange);

/* True when it came over a server whose options say is_trusted, and the client is still there. */
bool http_server_trusts(const Http1Exchange *exchange);

/* What the client and the server agreed on. False without TLS, or when the client is gone. */
bool http_server_describe_tls(const Http1Exchange *exchange, TlsDescription *out);

#endif
