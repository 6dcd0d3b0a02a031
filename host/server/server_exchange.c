#include "server/server_exchange.h"

#include "base/error.h"
#include "http/http1_file.h"
#include "http/http1_upgrade.h"
#include "server/http_session.h"

/* To read and copy more costs more than another call for it. */
enum { SHORT_FILE_SIZE = 8 * 1024 };

/* NULL when the client is gone, also if the exchange has not heard of that yet. */
static ServerConnection *connection_of(const Http1Exchange *exchange)
{
    ServerConnection *connection = http1_exchange_owner(exchange);

    return connection != NULL && connection->stream != NULL ? connection : NULL;
}

static void touch(ServerConnection *connection)
{
    if (connection != NULL)
        server_connection_touch(connection);
}

void server_exchange_await_whole_body(Http1Exchange *exchange)
{
    http1_exchange_await_whole_body(exchange);
    touch(connection_of(exchange));
}

void server_exchange_consume_body(Http1Exchange *exchange, size_t size)
{
    buffer_skip(http1_exchange_body(exchange), size);
    touch(connection_of(exchange));
}

int server_exchange_start(Http1Exchange *exchange, const Http1Reply *head, uint64_t length)
{
    ServerConnection *connection = connection_of(exchange);
    int result = http1_exchange_start(exchange, head, length);

    touch(connection);
    return result;
}

int server_exchange_upgrade(Http1Exchange *exchange, const char *fields, size_t fields_size)
{
    ServerConnection *connection = connection_of(exchange);
    int result = http1_exchange_upgrade(exchange, fields, fields_size);

    touch(connection);
    return result;
}

int server_exchange_finish(Http1Exchange *exchange, const char *trailers, size_t trailers_size)
{
    ServerConnection *connection = connection_of(exchange);
    int result = http1_exchange_finish(exchange, trailers, trailers_size);

    touch(connection);
    return result;
}

void server_exchange_cut(Http1Exchange *exchange)
{
    ServerConnection *connection = connection_of(exchange);

    http1_exchange_cut(exchange);
    touch(connection);
}

/* What lies in the answer's way to the client. */
static size_t unsent_size(const ServerConnection *connection, const Http1Exchange *exchange)
{
    size_t size = http1_exchange_unsent_size(exchange);

    if (http1_exchange_has_turn(exchange))
        size += stream_unsent_size(connection->stream);
    return size;
}

static size_t bound(const ServerConnection *connection, const Http1Exchange *exchange)
{
    const HttpServerOptions *options = &http_session_state(connection->server)->options;

    if (http1_exchange_has_turn(exchange))
        return options->bounds.unsent_size;
    return options->bounds.unsent_size / options->limits.pipelined_count;
}

static void note_unsent(HttpCounters *counters, size_t size)
{
    if (size > counters->stream_peak_size)
        counters->stream_peak_size = size;
}

long server_exchange_write(Http1Exchange *exchange, const char *bytes, size_t size)
{
    ServerConnection *connection = connection_of(exchange);
    size_t unsent, room;
    int result;

    if (connection == NULL)
        return ERR_CLOSED;
    touch(connection);
    unsent = unsent_size(connection, exchange);
    room = bound(connection, exchange);
    room = unsent < room ? room - unsent : 0;
    if (room == 0 && size > 0) {
        connection->server->counters.unsent_full_count += !connection->is_congested;
        http1_exchange_await_room(exchange);
        return ERR_AGAIN;
    }
    if (size > room)
        size = room;
    if ((result = http1_exchange_write(exchange, bytes, size)) < 0)
        return result;
    note_unsent(&http_session_state(connection->server)->counters, unsent + size);
    return (long)size;
}

/* Sent in one piece with the head, where a longer one is sent from the file in any case. */
static int write_short_file(Http1Exchange *exchange, OpenFile *file, uint64_t offset, size_t size)
{
    char bytes[SHORT_FILE_SIZE];

    if (open_file_read(file, offset, bytes, size) < (ssize_t)size)
        return ERR_EOF;
    return http1_exchange_write(exchange, bytes, size);
}

int server_exchange_write_file(Http1Exchange *exchange, OpenFile *file, uint64_t offset,
                               uint64_t size)
{
    ServerConnection *connection = connection_of(exchange);
    Http1FilePiece piece = {file, offset, size};

    if (connection == NULL)
        return ERR_CLOSED;
    touch(connection);
    if (size <= SHORT_FILE_SIZE &&
        unsent_size(connection, exchange) + size <= bound(connection, exchange))
        return write_short_file(exchange, file, offset, (size_t)size);
    return http1_exchange_write_file(exchange, &piece);
}
