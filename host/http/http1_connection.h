/* One HTTP/1.1 server connection as a state machine over bytes: input in, events out; answers in,
 * output out. It has no socket, no clock and no Lua. Requests may be answered in any order; the
 * output has the answers in the order of the requests.
 *
 * An Http1Exchange is one request and its answer. It is born when its head is complete and valid,
 * and is freed once it was answered or abandoned *and* its holder released it. Answers given piece
 * by piece are in http1_stream.h, the way to another protocol is in http1_upgrade.h. */
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

/* Events of requests come only from inside http1_connection_feed, _continue and _end_input.
 * Inside a callback every function of an exchange may be called, and of the connection _fail and
 * _drain; _feed, _end_input and _destroy may not. */
typedef struct Http1Handler {
    /* How large the body behind this head may be, asked before on_request; 0, or no such function:
     * as in the limits. */
    uint64_t (*body_limit)(void *owner, const Http1Head *head);
    /* A new request: the holder now owns a reference and must call http1_exchange_release in the
     * end. Its body may still be to come. */
    void (*on_request)(void *owner, Http1Exchange *exchange);
    /* The body grew, ended or failed, after http1_exchange_await_body asked to be told; also from
     * inside http1_connection_fail. */
    void (*on_body)(void *owner, Http1Exchange *exchange);
    /* No answer will be sent, or not the rest of it: the body failed (its status says how) and the
     * connection has refused the request itself, or the connection is gone or ends with an answer
     * before it. At most once per exchange, never after the end of its answer; also from inside
     * http1_connection_fail and _destroy, and functions that give other exchanges an answer. */
    void (*on_abandoned)(void *owner, Http1Exchange *exchange);
    /* There is room for more of a begun answer, after http1_exchange_await_room asked to be told;
     * only from inside http1_connection_offer_room. */
    void (*on_room)(void *owner, Http1Exchange *exchange);
} Http1Handler;

/* What the connection waits for, so that its owner can run the right timer. */
enum {
    HTTP1_IDLE,         /* a request, and nothing is due */
    HTTP1_READING_HEAD, /* the rest of a head */
    HTTP1_READING_BODY, /* the rest of a body */
    HTTP1_ANSWERING,    /* answers, the word to go on with a body, or room for it */
    HTTP1_UPGRADED,     /* whatever the other protocol waits for */
    HTTP1_FINISHED,     /* nothing; what comes in is dropped */
};

/* `limits` and `handler` are borrowed and outlive the connection. */
Http1Connection *http1_connection_create(const Http1Limits *limits, const Http1Handler *handler,
                                         void *owner);

/* Abandons what is unanswered. */
void http1_connection_destroy(Http1Connection *connection);

/* Takes all `size` bytes. Requests are read while fewer than limits->pipelined_count wait for their
 * turn in the output and the output holds less than 64 KiB; what cannot be read yet is kept. */
void http1_connection_feed(Http1Connection *connection, const char *bytes, size_t size);

/* Goes on with kept input, which may bring events. The owner calls it after answers were given and
 * after it consumed output; inside a callback it does nothing, as whatever made the callback goes
 * on by itself. Cheap when there is nothing to do. */
void http1_connection_continue(Http1Connection *connection);

/* The peer will send nothing more: what is complete is still answered, what is half is dropped. */
void http1_connection_end_input(Http1Connection *connection);

/* False while the next bytes would only be kept, or will never be processed: stop reading then. */
bool http1_connection_wants_input(const Http1Connection *connection);

/* Refuses what is being read with `status` (408 on a timer; 503 before anything came) behind the
 * answers that are due, then finishes. Status 0 finishes without a word. Does nothing when nothing
 * more is to be read. */
void http1_connection_fail(Http1Connection *connection, int status);

/* The last answer still due gets "Connection: close". A request that has begun is still read and
 * answered, others are not; an idle connection is finished at once. */
void http1_connection_drain(Http1Connection *connection);

int http1_connection_phase(const Http1Connection *connection);

/* Grows with each complete head, body progress and answer: tells a timer that something moved. */
uint64_t http1_connection_progress(const Http1Connection *connection);

/* The status of the refusal it wrote, or 0 while it wrote none. */
int http1_connection_refusal(const Http1Connection *connection);

/* Frees what is kept only because the next request will need it soon. */
void http1_connection_trim(Http1Connection *connection);

/* Bytes to send. The owner sends and consumes them, then calls http1_connection_continue, which may
 * bring more. FINISHED with an empty output means: shut down. */
Buffer *http1_connection_output(Http1Connection *connection);

/* The text put into Date fields from now on; borrowed (HTTP1_DATE_SIZE). NULL at first: none. */
void http1_connection_set_date(Http1Connection *connection, const char *date);

/* Where refusals are counted from now on; borrowed. NULL at first: nowhere. */
void http1_connection_set_counters(Http1Connection *connection, Http1Counters *counters);

/* It is secured, so that https URLs may be asked for; on others they are refused with 421. */
void http1_connection_set_secure(Http1Connection *connection);

/* --- exchanges --- */

const Http1Head *http1_exchange_head(const Http1Exchange *exchange);

/* The holder's own pointer, NULL at first. */
void http1_exchange_set_holder(Http1Exchange *exchange, void *holder);
void *http1_exchange_holder(const Http1Exchange *exchange);

/* The owner of the connection it belongs to; NULL once abandoned or the connection is gone. */
void *http1_exchange_owner(const Http1Exchange *exchange);

/* The decoded body so far, for the holder to consume at will. While limits->unread_size or more of
 * it are there, no more is read, unless the whole is awaited. */
Buffer *http1_exchange_body(Http1Exchange *exchange);

/* The trailer fields of a complete chunked body as they were sent, lines of "Name: value\r\n". */
const Buffer *http1_exchange_trailers(const Http1Exchange *exchange);

/* 1 complete, 0 more to come, or a negative code: ERR_TOO_LARGE, ERR_INVALID, ERR_TIMEOUT,
 * or ERR_CLOSED when the rest will not be read. */
int http1_exchange_body_status(const Http1Exchange *exchange);

/* While the body's status is 0: sends "100 Continue" if it is due, as soon as it is this exchange's
 * turn, and has on_body called once, at the next change. */
void http1_exchange_await_body(Http1Exchange *exchange);

/* The same, but on_body is called only when the body has ended or failed, and all of it is read
 * meanwhile. */
void http1_exchange_await_whole_body(Http1Exchange *exchange);

/* An answer as it is given; everything is borrowed for the call. `fields` are ready and checked
 * lines "Name: value\r\n"; Content-Length, Connection, Transfer-Encoding and, unless it is among
 * them, Date are added and not given. HEAD, 204 and 304 send no body. */
typedef struct Http1Reply {
    int status; /* 200 to 999 */
    const char *fields;
    size_t fields_size;
    const char *body;
    size_t body_size;
} Http1Reply;

/* What is still to come of the request's body is read and dropped; when that is much, or it waits
 * for a "100 Continue" that was never sent, nothing more is read at all.
 * Returns 0, ERR_ANSWERED, or ERR_CLOSED when nobody is there to read it. */
int http1_exchange_respond(Http1Exchange *exchange, const Http1Reply *reply);
bool http1_exchange_is_answered(const Http1Exchange *exchange);

/* What is to be counted of an exchange. */
typedef struct Http1Summary {
    int status;             /* of the answer; 0 when there is none */
    uint64_t received_size; /* of the request's body, as far as it was read and decoded */
    uint64_t answered_size; /* of the answer's body, without its framing */
} Http1Summary;

Http1Summary http1_exchange_summary(const Http1Exchange *exchange);

/* From now on a client that says it will send nothing more is gone: it reads an answer without an
 * end, which a client that only has asked all it wants would not. */
void http1_exchange_end_with_input(Http1Exchange *exchange);

/* Whether the connection is over when its input is. */
bool http1_connection_ends_with_input(const Http1Connection *connection);
void *http1_connection_owner(const Http1Connection *connection);

/* Gives up the holder's reference. An exchange that is still unanswered is answered 500, an answer
 * without its end is cut. */
void http1_exchange_release(Http1Exchange *exchange);

#endif
