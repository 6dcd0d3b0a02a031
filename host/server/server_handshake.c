#include "server/server_handshake.h"

#include <string.h>

#include "base/error.h"
#include "net/tls_filter.h"

static void say(ServerConnection *connection, const char *text)
{
    if (text != NULL)
        stream_write(connection->stream, text, strlen(text));
}

static void tell_refusal(ServerConnection *connection)
{
    if (!connection->is_refusal)
        return;
    say(connection, connection->server->setup.kind->full_text);
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
        say(connection, connection->server->setup.kind->not_tls_text);
    if (connection->session != NULL)
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
