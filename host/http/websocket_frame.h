/* WebSocket frames (RFC 6455 5): their heads, their masks, and the codes of their ends. Pure. */
#ifndef PERIGEE_HTTP_WEBSOCKET_FRAME_H
#define PERIGEE_HTTP_WEBSOCKET_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum {
    FRAME_CONTINUATION = 0,
    FRAME_TEXT = 1,
    FRAME_BINARY = 2,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10,
};

enum {
    FRAME_HEAD_SIZE = 14,     /* the largest there is */
    FRAME_CONTROL_SIZE = 125, /* the largest payload of one that controls */
    FRAME_MASK_SIZE = 4,
};

typedef struct WebsocketFrame {
    uint8_t opcode;
    bool is_final;
    bool is_compressed; /* the bit RSV1, which permessage-deflate uses (RFC 7692 6) */
    uint64_t size;      /* of the payload */
    uint8_t mask[FRAME_MASK_SIZE];
} WebsocketFrame;

/* Parses the head of a frame a client sends. Returns its size, 0 when bytes are missing, or
 * ERR_INVALID as early as it is certain: reserved bits and opcodes, no mask, a length that is not
 * in its shortest form or has 64 bits, a control frame that is large or not final. */
int websocket_frame_parse(const char *bytes, size_t size, WebsocketFrame *out);

bool websocket_frame_is_control(const WebsocketFrame *frame);

/* Adds the head of a frame a server sends. */
void websocket_frame_write(Buffer *out, const WebsocketFrame *frame);

/* Masks or unmasks in place; `offset` is how much of the payload came before. */
void websocket_frame_mask(char *bytes, size_t size, const uint8_t mask[FRAME_MASK_SIZE],
                          uint64_t offset);

/* True for a code that may stand in a close frame: registered, or 3000 to 4999. */
bool websocket_frame_is_close_code(int code);

#endif
