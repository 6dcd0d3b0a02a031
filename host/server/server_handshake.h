/* What comes before the session on a connection: TLS, where the server speaks it, and a word for
 * those who get no further. Private to server/. */
#ifndef PERIGEE_SERVER_SERVER_HANDSHAKE_H
#define PERIGEE_SERVER_SERVER_HANDSHAKE_H

#include "server/server_connection.h"

/* Of a connection that is complete otherwise. Without TLS it is over at once. */
void server_handshake_begin(ServerConnection *connection);

/* The stream's on_connect: it succeeded, or failed with `status`. */
void server_handshake_finish(ServerConnection *connection, int status);

/* The stream has ended; if that was before the handshake had, it counts as failed. */
void server_handshake_note_end(ServerConnection *connection);

/* Its time is over. */
void server_handshake_give_up(ServerConnection *connection);

#endif
