/* What the holder of an exchange does with it besides http_server_respond: bodies and answers in
 * pieces, within the server's bounds. What is left to do for the connection is done by the next
 * server_flush. */
#ifndef PERIGEE_SERVER_SERVER_EXCHANGE_H
#define PERIGEE_SERVER_SERVER_EXCHANGE_H

#include "base/open_file.h"
#include "http/http1_stream.h"

/* See http1_exchange_await_whole_body. */
void server_exchange_await_whole_body(Http1Exchange *exchange);

/* Drops `size` bytes at the front of the body, which makes room to read more. */
void server_exchange_consume_body(Http1Exchange *exchange, size_t size);

/* See http1_exchange_start, _finish and _cut. */
int server_exchange_start(Http1Exchange *exchange, const Http1Reply *head, uint64_t length);
int server_exchange_finish(Http1Exchange *exchange, const char *trailers, size_t trailers_size);
void server_exchange_cut(Http1Exchange *exchange);

/* See http1_exchange_upgrade. */
int server_exchange_upgrade(Http1Exchange *exchange, const char *fields, size_t fields_size);

/* Writes as many of the bytes as there is room for: options.bounds.unsent_size in all for the
 * answer that is being sent, an equal share of as much for each that waits for its turn. Returns
 * how many that were, ERR_AGAIN for none (on_room will be called once there is room for more), or
 * a code of http1_exchange_write. */
long server_exchange_write(Http1Exchange *exchange, const char *bytes, size_t size);

/* Writes `size` bytes of `file` from `offset` on. Short ones are read now, as far as there is room;
 * of longer ones a reference to the file is kept, and they go from the file to the socket when it
 * is their turn. Returns 0, a code of http1_exchange_write, or ERR_EOF when the file has not so
 * many. */
int server_exchange_write_file(Http1Exchange *exchange, OpenFile *file, uint64_t offset,
                               uint64_t size);

#endif
