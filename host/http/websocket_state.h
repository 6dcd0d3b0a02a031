/* Private to http/: the struct behind websocket.h.
 * websocket_read.c takes frames apart, websocket_write.c makes them; websocket.c holds what lies
 * between: messages, and the end. */
#ifndef PERIGEE_HTTP_WEBSOCKET_STATE_H
#define PERIGEE_HTTP_WEBSOCKET_STATE_H

#include "base/list.h"
#include "http/deflate.h"
#include "http/inflate.h"
#include "http/utf8.h"
#include "http/websocket.h"
#include "http/websocket_frame.h"

typedef struct WaitingMessage {
    List node;
    int kind;
    Buffer content;
} WaitingMessage;

struct Websocket {
    WebsocketOptions options;

    char head[FRAME_HEAD_SIZE]; /* of the frame being read, as far as it is here */
    size_t head_size;
    WebsocketFrame frame;
    bool is_in_frame;    /* its head is complete */
    uint64_t taken_size; /* of its payload */
    Buffer control;      /* payload of a control frame */

    int kind;           /* of the message being read; 0 between messages */
    bool is_compressed; /* the message being read */
    Utf8 text;
    Buffer content;   /* of that message */
    Inflate *inflate; /* NULL before it is needed */

    List messages; /* WaitingMessage */
    size_t waiting_count;
    size_t waiting_size;

    Deflate *deflate; /* NULL before it is needed */
    bool is_head_due; /* the message being written has no frame yet */
    Buffer output;

    bool is_close_sent;
    bool is_close_received;
    bool is_failed;
    bool is_lost; /* nothing more comes, or is waited for */
    int end_code;
    Buffer end_reason;
};

/* Keeps the message that was read. */
void websocket_keep_message(Websocket *socket);

/* Ends it because of what the peer sent. */
void websocket_fail(Websocket *socket, int code);

/* The peer has closed, with the payload in socket->control. */
void websocket_take_close(Websocket *socket);

/* Writes a control frame. */
void websocket_write_control(Websocket *socket, int opcode, const char *bytes, size_t size);

/* Writes the close frame, with this payload; does nothing when one was written. */
void websocket_write_close(Websocket *socket, int code, const char *reason, size_t size);

#endif
