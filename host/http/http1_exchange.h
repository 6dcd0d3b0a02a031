/* Private to http/: the structs behind http1_connection.h and what its two files ask of each other.
 * http1_connection.c reads: it turns input into exchanges and bodies.
 * http1_exchange.c writes: it turns answers into output, in the order of the line. */
#ifndef PERIGEE_HTTP_HTTP1_EXCHANGE_H
#define PERIGEE_HTTP_HTTP1_EXCHANGE_H

#include "base/list.h"
#include "http/http1_body.h"
#include "http/http1_connection.h"
#include "http/http1_rules.h"

enum { READING_HEAD, READING_BODY, READING_NOTHING };

struct Http1Connection {
    const Http1Limits *limits;   /* borrowed */
    const Http1Handler *handler; /* borrowed */
    void *owner;
    const char *date; /* borrowed; NULL for none */

    int reading;             /* READING_HEAD ... ; READING_NOTHING is for ever */
    Http1Rules rules;        /* of the head that is read */
    Http1Body body;          /* of the body that is read */
    Http1Exchange *receiver; /* of that body; NULL when it is dropped */
    bool is_body_begun;      /* a byte of it is here, so nobody waits for a 100 Continue */
    bool is_last;            /* no request is read after the one being read */
    bool is_input_ended;
    bool is_processing;
    Buffer input; /* a begun head, or what waits for room in the line */

    List line; /* exchanges whose answer is not in the output yet, in order */
    size_t line_count;
    int refusal;        /* the status to end the line with, or 0 */
    int refused_status; /* of the refusal that was written, or 0 */
    Buffer output;

    List exchanges; /* all that are alive */
    Http1Exchange *spare;
    uint64_t progress;
};

struct Http1Exchange {
    Http1Connection *connection; /* NULL once abandoned or it is gone */
    List node;                   /* in connection->exchanges */
    List turn;                   /* in connection->line */
    Http1Head head;              /* its fields and bytes are in `block` */
    char *block;
    size_t block_capacity;
    Buffer body;
    int body_status;
    void *holder;
    bool is_held;
    bool is_answered;
    bool is_awaiting_body;
    bool is_continue_due; /* asked for, and not its turn yet */
    bool is_continue_sent;
    Http1Reply kept_reply; /* answered before its turn: points into `kept` */
    Buffer kept;
};

/* An exchange with a copy of the head's bytes, not parsed and in no line. */
Http1Exchange *http1_exchange_create(Http1Connection *connection, const char *head_bytes,
                                     size_t head_size, size_t field_count);

/* Takes back an exchange that nobody else has seen. */
void http1_exchange_discard(Http1Exchange *exchange);

/* Puts the exchange at the end of the line; from now on its holder has a reference. */
void http1_exchange_line_up(Http1Exchange *exchange);

/* Cuts the exchange off the connection, and tells its holder unless it was answered. */
void http1_exchange_abandon(Http1Exchange *exchange, int body_status);

/* The client sends no body before it gets a word from us. */
bool http1_exchange_awaits_continue(const Http1Exchange *exchange);

/* Moves into the output what has its turn now. */
void http1_connection_advance_line(Http1Connection *connection);

/* Reads nothing more, for ever. */
void http1_connection_stop_reading(Http1Connection *connection);

/* The receiver of the body wants no more of it. */
void http1_connection_drop_body(Http1Connection *connection);

#endif
