/* Messages into frames. A server's frames are not masked. */
#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "http/websocket_state.h"

enum { LEVEL = 6, TAIL_SIZE = 4, CODE_SIZE = 2 };

static void write_frame(Websocket *socket, WebsocketFrame frame, const char *bytes)
{
    websocket_frame_write(&socket->output, &frame);
    buffer_append(&socket->output, bytes, (size_t)frame.size);
}

void websocket_write_control(Websocket *socket, int opcode, const char *bytes, size_t size)
{
    assert(size <= FRAME_CONTROL_SIZE);
    write_frame(socket, (WebsocketFrame){.opcode = (uint8_t)opcode, .is_final = true, .size = size},
                bytes);
}

int websocket_ping(Websocket *socket, const char *bytes, size_t size)
{
    if (socket->is_close_sent || socket->is_lost)
        return ERR_CLOSED;
    websocket_write_control(socket, FRAME_PING, bytes, size);
    return 0;
}

void websocket_write_close(Websocket *socket, int code, const char *reason, size_t size)
{
    char payload[FRAME_CONTROL_SIZE] = {(char)(code >> 8), (char)code};

    assert(size <= sizeof payload - CODE_SIZE);
    if (socket->is_close_sent || socket->is_lost)
        return;
    if (size > 0)
        memcpy(payload + CODE_SIZE, reason, size);
    websocket_write_control(socket, FRAME_CLOSE, payload,
                            code == WEBSOCKET_NO_CODE ? 0 : CODE_SIZE + size);
    socket->is_close_sent = true;
}

static void write_data(Websocket *socket, const WebsocketPiece *piece, const Buffer *compressed)
{
    WebsocketFrame frame = {
        .opcode = (uint8_t)(socket->is_head_due ? piece->kind : FRAME_CONTINUATION),
        .is_final = piece->is_last,
        .is_compressed = socket->is_head_due && compressed != NULL,
        .size = compressed != NULL ? compressed->size : piece->size,
    };

    socket->is_head_due = false;
    write_frame(socket, frame, compressed != NULL ? compressed->bytes : piece->bytes);
}

/* The compressor may keep a piece for later; then there is nothing to say yet. */
static void write_compressed(Websocket *socket, const WebsocketPiece *piece)
{
    const WebsocketDeflate *agreed = &socket->options.deflate;
    Buffer compressed = {0};

    if (socket->deflate == NULL)
        socket->deflate = deflate_create(DEFLATE_RAW, LEVEL, agreed->output_window_bits);
    deflate_write(socket->deflate, piece->bytes, piece->size,
                  piece->is_last ? DEFLATE_FLUSH : DEFLATE_BUFFER, &compressed);
    if (piece->is_last) {
        assert(compressed.size > TAIL_SIZE);
        compressed.size -= TAIL_SIZE;
    }
    if (compressed.size > 0)
        write_data(socket, piece, &compressed);
    buffer_deinit(&compressed);
    if (piece->is_last && agreed->forgets_output)
        deflate_reset(socket->deflate);
}

int websocket_write(Websocket *socket, const WebsocketPiece *piece)
{
    bool is_empty = piece->is_first && piece->is_last && piece->size == 0;

    assert(piece->size > 0 || is_empty);
    if (socket->is_close_sent || socket->is_lost)
        return ERR_CLOSED;
    if (piece->is_first)
        socket->is_head_due = true;
    if (socket->options.deflate.is_used && !is_empty)
        write_compressed(socket, piece);
    else
        write_data(socket, piece, NULL);
    return 0;
}

Buffer *websocket_output(Websocket *socket)
{
    return &socket->output;
}
