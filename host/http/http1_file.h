/* Answers whose body, or a part of it, is a piece of a file. Part of an Http1Exchange, see
 * http1_stream.h. The bytes of the file never come here: the connection's owner sends them, when
 * the output before them is sent, and says how far it is. Until then whatever comes behind them
 * waits, the answers to later requests too. */
#ifndef PERIGEE_HTTP_HTTP1_FILE_H
#define PERIGEE_HTTP_HTTP1_FILE_H

#include "base/open_file.h"
#include "http/http1_connection.h"

typedef struct Http1FilePiece {
    OpenFile *file;
    uint64_t offset;
    uint64_t size;
} Http1FilePiece;

/* Writes a piece of a file to a begun answer; keeps a reference to the file. Returns as
 * http1_exchange_write. */
int http1_exchange_write_file(Http1Exchange *exchange, const Http1FilePiece *piece);

/* What of a file comes right behind the output, for the owner to send; NULL for nothing. Good until
 * the next call of any function. */
const Http1FilePiece *http1_connection_file(const Http1Connection *connection);

/* So many bytes of it were sent. */
void http1_connection_consume_file(Http1Connection *connection, uint64_t size);

/* It cannot be sent: the answer is cut, as by http1_exchange_cut. */
void http1_connection_fail_file(Http1Connection *connection);

#endif
