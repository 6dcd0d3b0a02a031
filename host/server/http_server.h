/* HttpServer: connections of one listening descriptor, each a net/stream driven by an
 * http/http1_connection, with the timers and bounds neither of them knows. Who answers is the
 * owner's business. */
#ifndef PERIGEE_SERVER_HTTP_SERVER_H
#define PERIGEE_SERVER_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http/http1_connection.h"
#include "http/http1_limits.h"
#include "net/address.h"
#include "net/tls_context.h"
#include "net/tls_filter.h"
#include "os/loop.h"

typedef struct HttpServer HttpServer;

/* See Http1Handler. on_request gets exchanges with no holder. Inside a callback every function
 * below may be called; what it leaves to do for the connections themselves is done when the
 * callback has returned. */
typedef struct HttpServerHandler {
    uint64_t (*body_limit)(void *owner, const Http1Head *head); /* may be NULL */
    void (*on_request)(void *owner, Http1Exchange *exchange);
    void (*on_body)(void *owner, Http1Exchange *exchange);
    void (*on_abandoned)(void *owner, Http1Exchange *exchange);
    void (*on_room)(void *owner, Http1Exchange *exchange);
} HttpServerHandler;

typedef struct HttpServerOptions {
    Http1Limits limits;
    bool is_trusted;           /* what connects is a gateway of our own: https may be asked for */
    uint32_t connection_count; /* more are answered 503 and closed */
    uint32_t unsent_size;      /* with more than this unsent no further request is read, and
                                         an answer in pieces takes no more of them */
    uint32_t head_timeout_ms;  /* the whole head, from its first byte: 408 */
    uint32_t body_timeout_ms;  /* without a byte of a body that is due: 408 */
    uint32_t idle_timeout_ms;  /* between requests: closed without a word */
    uint32_t write_timeout_ms; /* without the peer taking a byte: reset */
    const HttpServerHandler *handler; /* borrowed; outlives the server */
    void *owner;                      /* what the callbacks get */
} HttpServerOptions;

/* No handler; 10,000 connections, 256 KiB unsent; head 5 s, body 10 s, idle 75 s, write 30 s.
 * A timeout of 0 is none. They are looked at every 10 to 500 ms, a quarter of the smallest; that a
 * peer takes nothing any more is noticed after at most twice the time. */
extern const HttpServerOptions http_server_default_options;

typedef struct HttpServerCounters {
    uint64_t accepted_count; /* connections that were served */
    uint64_t refused_count;  /* connections beyond the bound */
    uint64_t request_count;
    uint64_t abandoned_count;
    uint64_t timeout_count;  /* connections ended by any of the timers */
    uint64_t rejected_count; /* requests refused unseen by a handler, other than for being slow */
    Http1Counters http1;     /* those one by one, with bodies refused while they were answered */
    uint64_t unsent_full_count;  /* how often a connection had as much unsent as it may */
    uint64_t head_timeout_count; /* the timers one by one */
    uint64_t body_timeout_count;
    uint64_t idle_timeout_count;
    uint64_t write_timeout_count;
    uint64_t handshake_failure_count; /* of TLS, with those that took too long */
    uint64_t cut_file_count;          /* answers that ended early, because their file did */
    uint64_t received_size;
    uint64_t sent_size;
    size_t stream_peak_size; /* the most an answer in pieces ever had unsent */
    size_t connection_count; /* open now, with those that only wait for the peer to close */
} HttpServerCounters;

/* Adopts `fd` (closed also when this fails). */
int http_server_open(Loop *loop, int fd, const HttpServerOptions *options, HttpServer **out);

/* Has connections accepted from now on speak TLS; those that are open go on as they began. Takes
 * the reference over. A handshake may take head_timeout_ms. */
void http_server_set_tls(HttpServer *server, TlsContext *context);

/* Answers an exchange, see http1_exchange_respond. Sent by the next flush. */
int http_server_respond(Http1Exchange *exchange, const Http1Reply *reply);

/* See http1_exchange_await_body. The "100 Continue" is sent by the next flush. */
void http_server_await_body(Http1Exchange *exchange);

/* Sends what was left to send and goes on with requests that waited for that. The owner calls it
 * after it used the two functions above, once for many of them; when that was inside a callback of
 * this server, it need not. */
void http_server_flush(HttpServer *server);

/* The client's address; all zero when it is gone. */
const Address *http_server_peer(const Http1Exchange *exchange);

/* True when it came over a server whose options say is_trusted, and the client is still there. */
bool http_server_trusts(const Http1Exchange *exchange);

/* What the client and the server agreed on. False without TLS, or when the client is gone. */
bool http_server_describe_tls(const Http1Exchange *exchange, TlsDescription *out);

/* Stops accepting. Requests that have begun are answered with "Connection: close", idle connections
 * are closed; one that has not sent its first request yet may do so within head_timeout_ms. */
void http_server_drain(HttpServer *server);

const HttpServerCounters *http_server_counters(const HttpServer *server);

/* Closes every connection now; exchanges are abandoned. NULL is fine. Called inside a callback of
 * this server, it leaves some on_abandoned to come when that has returned: the owner lives at least
 * as long. */
void http_server_close(HttpServer *server);

#endif
