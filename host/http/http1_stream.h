/* Answers that are made while they are sent: a head, pieces, an end. Part of an Http1Exchange, see
 * http1_connection.h. Before its turn an answer is kept; in its turn it goes into the connection's
 * output. How much of it may lie there is the caller's business: nothing here refuses bytes. */
#ifndef PERIGEE_HTTP_HTTP1_STREAM_H
#define PERIGEE_HTTP_HTTP1_STREAM_H

#include "http/http1_connection.h"

#define HTTP1_UNKNOWN_LENGTH UINT64_MAX

/* Begins an answer with the status and the fields of `head`; its body is not looked at. `length` is
 * the Content-Length, or HTTP1_UNKNOWN_LENGTH: then the body is chunked, and for HTTP/1.0 it ends
 * with the connection, which abandons the requests behind it. A body that waits for a
 * "100 Continue" is given up; any other may still be read.
 * Returns 0, ERR_ANSWERED, or ERR_CLOSED when nobody is there to read it. */
int http1_exchange_start(Http1Exchange *exchange, const Http1Reply *head, uint64_t length);

/* Returns 0; ERR_CLOSED when nobody takes these bytes: the client is gone, the answer is over, or
 * it has no body (HEAD, 204, 304); or ERR_TOO_LARGE when they are more than the length said. */
int http1_exchange_write(Http1Exchange *exchange, const char *bytes, size_t size);

/* Ends the answer. `trailers` are lines as the fields of a head, dropped unless it is chunked.
 * Returns 0, ERR_CLOSED as above, or ERR_INVALID when the length said more: then it was cut. */
int http1_exchange_finish(Http1Exchange *exchange, const char *trailers, size_t trailers_size);

/* Ends a begun answer so that nobody takes it for a whole one: the connection finishes without the
 * end of the body. One that has not come to its turn becomes a 500. Otherwise does nothing. */
void http1_exchange_cut(Http1Exchange *exchange);

/* Bytes of a begun answer that wait here: for its turn, or for the owner to send them. */
size_t http1_exchange_unsent_size(const Http1Exchange *exchange);

/* True when its answer is the one being sent. */
bool http1_exchange_has_turn(const Http1Exchange *exchange);

/* Has on_room called once, when the owner offers room in this answer's turn. */
void http1_exchange_await_room(Http1Exchange *exchange);

/* The owner has room for more output. */
void http1_connection_offer_room(Http1Connection *connection);

/* True when an answer was cut that ends with the connection: only a reset tells the client. */
bool http1_connection_is_cut(const Http1Connection *connection);

#endif
