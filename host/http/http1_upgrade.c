#include "http/http1_upgrade.h"

#include "base/error.h"
#include "http/http1_exchange.h"

void http1_exchange_decline_upgrade(Http1Exchange *exchange)
{
    Http1Connection *connection = exchange->connection;

    if (connection->asking != exchange)
        return;
    connection->asking = NULL;
    if (connection->is_last)
        http1_connection_stop_reading(connection);
}

/* The endless body takes the place of the one the request did not have. */
static void receive_all(Http1Exchange *exchange)
{
    Http1Connection *connection = exchange->connection;

    http1_body_init_endless(&connection->body, connection->limits);
    exchange->body_status = 0;
    connection->asking = NULL;
    connection->is_body_begun = true; /* nobody waits for a 100 Continue */
    connection->receiver = exchange;
    connection->reading = READING_BODY;
}

int http1_exchange_upgrade(Http1Exchange *exchange, const char *fields, size_t fields_size)
{
    Http1Connection *connection = exchange->connection;
    Http1Reply head = {.status = 101, .fields = fields, .fields_size = fields_size};

    if (exchange->is_answered)
        return ERR_ANSWERED;
    if (connection == NULL)
        return ERR_CLOSED;
    if (connection->asking != exchange)
        return ERR_INVALID;
    if (connection->reading == READING_NOTHING)
        return ERR_CLOSED;
    receive_all(exchange);
    exchange->framing = FRAMED_BY_CLOSE;
    exchange->remaining_size = HTTP1_UNKNOWN_LENGTH;
    exchange->is_streaming = true;
    exchange->is_upgraded = true;
    http1_exchange_give_head(exchange, &head);
    if (exchange->is_head_written)
        http1_connection_end_line(connection, exchange);
    return 0;
}

bool http1_exchange_is_upgraded(const Http1Exchange *exchange)
{
    return exchange->is_upgraded;
}
