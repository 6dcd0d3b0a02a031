/* Private to http/: the structs behind http1_connection.h and what its files ask of each other.
 * http1_connection.c reads: it turns input into exchanges and bodies.
 * http1_exchange.c holds what the two sides share: exchanges, from their head to their end.
 * http1_answer.c writes: it turns answers into output, in the order of the line.
 * http1_stream.c does so for answers that come in pieces.
 * http1_file.c holds pieces of files, which the owner sends, in their place between the others.
 * http1_upgrade.c turns the connection over to another protocol. */
#ifndef PERIGEE_HTTP_HTTP1_EXCHANGE_H
#define PERIGEE_HTTP_HTTP1_EXCHANGE_H

#include "base/list.h"
#include "http/http1_body.h"
#include "http/http1_connection.h"
#include "http/http1_file.h"
#include "http/http1_rules.h"
#include "http/http1_stream.h"

enum { READING_HEAD, READING_BODY, READING_NOTHING };

struct Http1Connection {
    const Http1Limits *limits;   /* borrowed */
    const Http1Handler *handler; /* borrowed */
    void *owner;
    const char *date;        /* borrowed; NULL for none */
    Http1Counters *counters; /* borrowed; NULL for none */
    bool is_secure;

    int reading;             /* READING_HEAD ... ; READING_NOTHING is for ever */
    Http1Rules rules;        /* of the head that is read */
    Http1Body body;          /* of the body that is read */
    uint64_t body_limit;     /* of its size */
    Http1Exchange *receiver; /* of that body; NULL when it is dropped */
    Http1Exchange *asking;   /* for an upgrade: what comes behind it may be no HTTP any more */
    bool is_body_begun;      /* a byte of it is here, so nobody waits for a 100 Continue */
    bool is_last;            /* no request is read after the one being read */
    bool is_input_ended;
    bool ends_with_input; /* see http1_exchange_end_with_input */
    bool is_processing;
    Buffer input; /* a begun head, or what waits for room in the line */

    List line; /* exchanges whose answer is not in the output yet, in order */
    size_t line_count;
    int refusal;        /* the status to end the line with, or 0 */
    int refused_status; /* of the refusal that was written, or 0 */
    bool is_cut;        /* see http1_connection_is_cut */
    Buffer output;

    List exchanges; /* all that are alive */
    uint64_t progress;
};

/* How the client finds the end of an answer. */
enum { FRAMED_BY_NOTHING, FRAMED_BY_LENGTH, FRAMED_BY_CHUNKS, FRAMED_BY_CLOSE };

struct Http1Exchange {
    Http1Connection *connection; /* NULL once abandoned or it is gone */
    List node;                   /* in connection->exchanges */
    List turn;                   /* in connection->line */
    Http1Head head;              /* its fields and bytes are in `block` */
    char *block;
    size_t block_capacity;
    Buffer body;
    Buffer trailers;
    int body_status;
    void *holder;
    bool is_held;
    bool is_awaiting_body;
    bool is_whole_body_wanted;
    bool is_continue_due; /* asked for, and not its turn yet */
    bool is_continue_sent;

    bool is_answered;     /* an answer was given, or the beginning of one */
    bool is_streaming;    /* its end is still to come */
    bool is_head_written; /* to the output, where the rest goes too */
    bool is_awaiting_room;
    bool is_upgraded;
    int status;              /* of the answer; 0 before it */
    uint64_t received_size;  /* of the request's body, decoded */
    uint64_t answered_size;  /* of the answer's body, without its framing */
    uint8_t framing;         /* of the answer: FRAMED_BY_NOTHING ... */
    uint64_t answer_length;  /* Content-Length, if it is framed by that */
    uint64_t remaining_size; /* of a stream's body: what may still be written */
    int kept_status;         /* answered before its turn */
    size_t kept_fields_size;
    Buffer kept; /* its fields, then its body as far as it is there, up to the first piece */
    List pieces; /* of files, in the order of the body, each with what is written behind it */
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

/* Has the answer's head written, or kept until its turn, framed as `exchange` says. */
void http1_exchange_give_head(Http1Exchange *exchange, const Http1Reply *reply);

/* Where the answer's body goes now; NULL when it has none. */
Buffer *http1_exchange_target(Http1Exchange *exchange);

/* Puts a piece of a file at the end of the answer's body, with a reference of its own. */
void http1_exchange_queue_piece(Http1Exchange *exchange, const Http1FilePiece *piece);

void http1_exchange_drop_pieces(Http1Exchange *exchange);

/* Where bytes behind everything that is written go. */
Buffer *http1_exchange_last_buffer(Http1Exchange *exchange);

/* Bytes that wait behind pieces. */
size_t http1_exchange_queued_size(const Http1Exchange *exchange);

/* True when nothing of the answer is still to come into the output or, of a file, to be sent. */
bool http1_exchange_is_done(const Http1Exchange *exchange);

/* The answer is complete, though pieces of files may still wait to be sent. When none does, those
 * behind may have their turn now. */
void http1_exchange_end_answer(Http1Exchange *exchange);

/* No answer comes behind that of `last`, which is in the line, or none at all when it is NULL. Only
 * the body of `last` is still read. */
void http1_connection_end_line(Http1Connection *connection, const Http1Exchange *last);

void http1_exchange_leave_line(Http1Exchange *exchange);

/* Frees what nobody holds and has no answer to come. */
void http1_exchange_free_if_unused(Http1Exchange *exchange);

/* Wants no more of the request's body. */
void http1_exchange_give_up_body(Http1Exchange *exchange);

/* Moves into the output what has its turn now. */
void http1_connection_advance_line(Http1Connection *connection);

Http1Exchange *http1_connection_first_in_line(const Http1Connection *connection);

/* Reads nothing more, for ever. */
void http1_connection_stop_reading(Http1Connection *connection);

/* The receiver of the body wants no more of it. */
void http1_connection_drop_body(Http1Connection *connection);

/* The exchange will not be upgraded: behind it HTTP goes on. Nothing for one that did not ask. */
void http1_exchange_decline_upgrade(Http1Exchange *exchange);

#endif
