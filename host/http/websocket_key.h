/* How a server shows that it understood the handshake of a WebSocket (RFC 6455 4.2.2). */
#ifndef PERIGEE_HTTP_WEBSOCKET_KEY_H
#define PERIGEE_HTTP_WEBSOCKET_KEY_H

#include <stddef.h>

enum { WEBSOCKET_ACCEPT_SIZE = 29 }; /* with the NUL */

/* The value of Sec-WebSocket-Accept for one of Sec-WebSocket-Key. */
void websocket_key_accept(const char *key, size_t size, char accept[WEBSOCKET_ACCEPT_SIZE]);

#endif
