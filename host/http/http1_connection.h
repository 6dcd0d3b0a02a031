/* One HTTP/1.1 server connection as a state machine over bytes: input in, events out; answers in, output out.
 * It has no socket, no clock and no Lua. Requests may be answered in any order; the output has them in order.
 *
 * An Http1Exchange is one request and its answer. It is born when its head is complete and valid, and is
 * freed by the connection once it was answered or abandoned *and* its holder released it. */
#ifndef PERIGEE_HTTP_HTTP1_CONNECTION_H
#define PERIGEE_HTTP_HTTP1_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "http/http1_head.h"
#include "http/http1_limits.h"

typedef struct Http1Connection Http1Connection;
typedef struct Http1Exchange Http1Exchange;

/* Called from inside http1_connection_feed (and from the functions below that continue held-back input). */
typedef struct Http1Handler {
    /* A new request: the holder now owns a reference and must call http1_exchange_release in the end. */
    void (*on_request)(void *owner, Http1Exchange *exchange);
    /* The body grew, ended or failed, after http1_exchange_await_body asked to be told. */
    void (*on_body)(void *owner, Http1Exchange *exchange);
    /* The connection is gone; an answer will not be sent. Called at most once per exchange, never after its answer. */
    void (*on_abandoned)(void *owner, Http1Exchange *exchange);
} Http1Handler;

/* What the connection waits for, so that its owner can run the right timer. */
enum { HTTP1_IDLE, HTTP1_READING_HEAD, HTTP1_READING_BODY, HTTP1_ANSWERING, HTTP1_FINISHED };

/* `limits` and `handler` are borrowed and outlive the connection. */
Http1Connection *http1_connection_create(const Http1Limits *limits, const Http1Handler *handler, void *owner);

/* Abandons what is unanswered. Never called from inside a handler callback. */
void http1_connection_destroy(Http1Connection *connection);

/* Takes all `size` bytes; what cannot be handled yet is kept (see wants_input). */
void http1_connection_feed(Http1Connection *connection, const char *bytes, size_t size);

/* The peer will send nothing more: what is complete is still answered, what is half is dropped. */
void http1_connection_end_input(Http1Connection *connection);

/* False while the pipelined backlog or kept input is at its bound, or nothing more will be processed: stop reading then. */
bool http1_connection_wants_input(const Http1Connection *connection);

/* Refuses whatever is being read with `status` (408 on a timer) in its turn; then finishes.
 * While nothing of a request has been read, status 0 just finishes. */
void http1_connection_fail(Http1Connection *connection, int status);

/* Answers still due get "Connection: close" and nothing further is read; an idle connection is finished at once. */
void http1_connection_drain(Http1Connection *connection);

int http1_connection_phase(const Http1Connection *connection);

/* Grows by one with each complete head, body progress or answer: tells a timer that something moved. */
uint64_t http1_connection_progress(const Http1Connection *connection);

/* Bytes to send. The owner sends and consumes them. FINISHED with an empty output means: shut down. */
Buffer *http1_connection_output(Http1Connection *connection);

/* The text put into Date fields from now on; borrowed (HTTP1_DATE_SIZE). */
void http1_connection_set_date(Http1Connection *connection, const char *date);

/* --- exchanges --- */

const Http1Head *http1_exchange_head(const Http1Exchange *exchange);

/* The owner's own pointer, NULL at first. */
void http1_exchange_set_holder(Http1Exchange *exchange, void *holder);
void *http1_exchange_holder(const Http1Exchange *exchange);

/* The owner of the connection it belongs to; NULL once abandoned. */
void *http1_exchange_owner(const Http1Exchange *exchange);

/* The decoded body so far. Consuming it makes room for more; sized by limits->body_size at most. */
Buffer *http1_exchange_body(Http1Exchange *exchange);

/* 1 complete, 0 more to come, or a negative code: ERR_TOO_LARGE, ERR_INVALID, ERR_CLOSED. */
int http1_exchange_body_status(const Http1Exchange *exchange);

/* Sends "100 Continue" if it is due, and has on_body called at the next change. */
void http1_exchange_await_body(Http1Exchange *exchange);

/* Answers. `fields` are ready lines "Name: value\r\n" without Content-Length, Connection, Date (unless given) or Transfer-Encoding.
 * HEAD, 204 and 304 send no body. Returns 0, ERR_ANSWERED, or ERR_CLOSED when nobody is there to read it. */
int http1_exchange_respond(Http1Exchange *exchange, int status, const char *fields, size_t fields_size,
                           const char *body, size_t body_size);
bool http1_exchange_is_answered(const Http1Exchange *exchange);

void http1_exchange_release(Http1Exchange *exchange);

#endif
