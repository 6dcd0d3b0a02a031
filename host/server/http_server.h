/* HttpServer: connections of one listening descriptor, each a net/stream driven by an http/http1_connection,
 * with the timers and bounds neither of them knows. Who answers is the owner's business. */
#ifndef PERIGEE_SERVER_HTTP_SERVER_H
#define PERIGEE_SERVER_HTTP_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "http/http1_connection.h"
#include "http/http1_limits.h"
#include "net/address.h"
#include "os/loop.h"

typedef struct HttpServer HttpServer;

typedef struct HttpServerOptions {
    Http1Limits limits;
    uint32_t connection_count; /* more are answered 503 and closed */
    uint32_t head_timeout_ms;  /* the whole head, from its first byte: 408 */
    uint32_t body_timeout_ms;  /* without a byte of a body that is due: 408 */
    uint32_t idle_timeout_ms;  /* between requests: closed without a word */
    uint32_t write_timeout_ms; /* without the peer taking a byte: reset */
} HttpServerOptions;

extern const HttpServerOptions http_server_default_options;

/* on_request gets exchanges with no holder; the exchange's connection is found by http_server_peer. */
typedef struct HttpServerHandler {
    void (*on_request)(void *owner, Http1Exchange *exchange);
    void (*on_body)(void *owner, Http1Exchange *exchange);
    void (*on_abandoned)(void *owner, Http1Exchange *exchange);
} HttpServerHandler;

typedef struct HttpServerCounters {
    uint64_t accepted_count, refused_count, request_count, abandoned_count;
    uint64_t timeout_count;  /* connections ended by any of the timers */
    uint64_t rejected_count; /* requests refused before a handler saw them */
    uint64_t received_size, sent_size;
    size_t connection_count; /* open now */
} HttpServerCounters;

/* Adopts `fd`. */
int http_server_open(Loop *loop, int fd, const HttpServerOptions *options, const HttpServerHandler *handler,
                     void *owner, HttpServer **out);

/* Answers an exchange and sends what is due, see http1_exchange_respond. */
int http_server_respond(Http1Exchange *exchange, int status, const char *fields, size_t fields_size,
                        const char *body, size_t body_size);

/* See http1_exchange_await_body; sends the 100 Continue too. */
void http_server_await_body(Http1Exchange *exchange);

/* To be called after consuming from http1_exchange_body, so that reading goes on. */
void http_server_resume_body(Http1Exchange *exchange);

/* The client's address; all zero when it is gone. */
const Address *http_server_peer(const Http1Exchange *exchange);

/* Stops accepting and reading; answers that are due are sent with "Connection: close". */
void http_server_drain(HttpServer *server);

const HttpServerCounters *http_server_counters(const HttpServer *server);

/* Closes every connection now; exchanges are abandoned. NULL is fine. */
void http_server_close(HttpServer *server);

#endif
