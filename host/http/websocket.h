/* The server's side of a WebSocket (RFC 6455) as a state machine over bytes: frames in, messages
 * out; messages in, frames out. It has no socket, no clock and no Lua. However the input is split,
 * the messages and the output are the same.
 *
 * Pings are answered, the closing handshake is carried through, and input that breaks a rule ends
 * it with the code that says which: 1002 protocol, 1007 text or compression, 1009 size. */
#ifndef PERIGEE_HTTP_WEBSOCKET_H
#define PERIGEE_HTTP_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

typedef struct Websocket Websocket;

enum { WEBSOCKET_TEXT = 1, WEBSOCKET_BINARY = 2 };

/* Codes that are given here, and those that stand for what no frame said. */
enum {
    WEBSOCKET_PROTOCOL_ERROR = 1002,
    WEBSOCKET_NO_CODE = 1005, /* the peer closed and gave none */
    WEBSOCKET_LOST = 1006,    /* the connection ended, or the peer was silent for too long */
    WEBSOCKET_BAD_DATA = 1007,
    WEBSOCKET_TOO_LARGE = 1009,
};

/* permessage-deflate as it was agreed on (RFC 7692). */
typedef struct WebsocketDeflate {
    bool is_used;
    bool forgets_input; /* each message of the client is compressed on its own */
    bool forgets_output;
    int input_window_bits; /* 9 to 15 */
    int output_window_bits;
} WebsocketDeflate;

typedef struct WebsocketOptions {
    size_t message_size;  /* of one message, decompressed: 1009 beyond */
    size_t waiting_size;  /* with so many bytes of messages to be taken, no more input is */
    size_t waiting_count; /* with so many messages */
    WebsocketDeflate deflate;
} WebsocketOptions;

/* A whole message from the peer; text is UTF-8. */
typedef struct WebsocketMessage {
    int kind; /* WEBSOCKET_TEXT or WEBSOCKET_BINARY */
    const char *bytes;
    size_t size;
} WebsocketMessage;

Websocket *websocket_create(const WebsocketOptions *options);
void websocket_destroy(Websocket *socket); /* NULL is fine */

/* Takes input up to a message there is no room behind. Returns the bytes taken. After the end
 * whatever comes is taken and dropped. */
size_t websocket_feed(Websocket *socket, const char *bytes, size_t size);

/* False while the next bytes would not be taken. */
bool websocket_wants_input(const Websocket *socket);

/* Nothing more will come, or the rest of a closing handshake is not waited for. */
void websocket_end_input(Websocket *socket);

/* The oldest message; false when there is none. Its bytes are good until it is dropped. */
bool websocket_first_message(const Websocket *socket, WebsocketMessage *out);
void websocket_drop_message(Websocket *socket);

/* A piece of a message on its way out. */
typedef struct WebsocketPiece {
    int kind; /* of the message */
    const char *bytes;
    size_t size;
    bool is_first;
    bool is_last;
} WebsocketPiece;

/* Writes one frame for the piece, or keeps it for the next one's. The pieces of a message follow
 * each other. Returns 0, or ERR_CLOSED once a close frame was written. */
int websocket_write(Websocket *socket, const WebsocketPiece *piece);

/* At most 125 bytes. ERR_CLOSED as above. */
int websocket_ping(Websocket *socket, const char *bytes, size_t size);

/* Begins the closing handshake, with a code as of websocket_frame_is_close_code and at most 123
 * bytes of UTF-8. Messages that come from now on are dropped. ERR_CLOSED when it has begun. */
int websocket_close(Websocket *socket, int code, const char *reason, size_t size);

/* Bytes to send, for the owner to consume. */
Buffer *websocket_output(Websocket *socket);

/* False once no message will come any more, besides those that wait. */
bool websocket_is_open(const Websocket *socket);

/* True once there is nothing left to say: the connection is to be ended when the output is sent. */
bool websocket_is_over(const Websocket *socket);

/* True when it was ended because of what the peer sent. */
bool websocket_has_failed(const Websocket *socket);

/* Why it ended: what the peer said, or one of the codes above, or what was given to websocket_close
 * while the peer has said nothing; 0 while it is open. */
int websocket_end_code(const Websocket *socket);

/* The text that goes with it. */
const Buffer *websocket_end_reason(const Websocket *socket);

#endif
