#include "server/server_handshake.h"

#include "base/error.h"
#include "net/tls_filter.h"

/* For a connection over the bound. */
static const char refusal[] = "HTTP/1.1 503 Service Unavailable\r\n"
                              "Content-Length: 0\r\n"
                              "Retry-After: 1\r\n"
                              "Connection: close\r\n"
                              "\r\n";

/* For whoever typed http:// and the port of https://. */
static const char plain_refusal[] = "HTTP/1.1 400 Bad Request\r\n"
                                    "Content-Type: text/plain; charset=utf-8\r\n"
                                    "Content-Length: 53\r\n"
                                    "Connection: close\r\n"
                                    "\r\n"
                                    "This port speaks HTTPS: begin the URL with https://.\n";

static void tell_refusal(ServerConnection *connection)
{
    if (!connection->is_refusal)
        return;
    stream_write(connection->stream, refusal, sizeof refusal - 1);
    stream_shutdown(connection->stream);
}

void server_handshake_begin(ServerConnection *connection)
{
    TlsContext *tls = connection->server->tls;

    connection->is_shaking_hands = tls != NULL;
    if (tls != NULL)
        stream_set_filter(connection->stream, tls_filter_create(tls));
    else
        tell_refusal(connection);
}

/* TLS has sent its alert; only to who never meant to speak it is there more to say. */
static void refuse(ServerConnection *connection, int status)
{
    connection->server->counters.handshake_failure_count++;
    if (status == ERR_NOT_TLS)
        stream_write(connection->stream, plain_refusal, sizeof plain_refusal - 1);
    if (connection->http1 != NULL)
        server_connection_start_lingering(connection);
    else
        stream_shutdown(connection->stream);
}

void server_handshake_finish(ServerConnection *connection, int status)
{
    connection->is_shaking_hands = false;
    if (status < 0)
        refuse(connection, status);
    else
        tell_refusal(connection);
}

void server_handshake_note_end(ServerConnection *connection)
{
    connection->server->counters.handshake_failure_count += connection->is_shaking_hands;
}

/* There is no way yet to say a 408. */
void server_handshake_give_up(ServerConnection *connection)
{
    connection->server->counters.handshake_failure_count++;
    server_connection_close(connection);
}
