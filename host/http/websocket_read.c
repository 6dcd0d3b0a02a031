/* Frames into messages. Payload is unmasked and checked as it comes, so that a wrong byte ends the
 * matter at once and not at the end of its message. */
#include <string.h>

#include "base/error.h"
#include "http/websocket_state.h"

/* Compressed payload is unmasked in pieces of this size. */
enum { PIECE_SIZE = 4096 };

/* What permessage-deflate leaves out at the end of a message (RFC 7692 7.2.2). */
static const char deflate_tail[] = {0x00, 0x00, (char)0xFF, (char)0xFF};

/* False when the text is none. */
static bool check_text(Websocket *socket, size_t start)
{
    const Buffer *content = &socket->content;

    if (socket->kind != FRAME_TEXT ||
        utf8_feed(&socket->text, content->bytes + start, content->size - start))
        return true;
    websocket_fail(socket, WEBSOCKET_BAD_DATA);
    return false;
}

/* False when the socket has failed. */
static bool decompress(Websocket *socket, const char *bytes, size_t size)
{
    size_t start = socket->content.size;
    size_t room = socket->options.message_size - start;
    int result;

    if (socket->inflate == NULL)
        socket->inflate = inflate_create(socket->options.deflate.input_window_bits);
    result = inflate_write(socket->inflate, bytes, size, room, &socket->content);
    if (!check_text(socket, start))
        return false;
    if (result < 0)
        websocket_fail(socket, result == ERR_TOO_LARGE ? WEBSOCKET_TOO_LARGE : WEBSOCKET_BAD_DATA);
    return result == 0;
}

static void take_compressed(Websocket *socket, const char *bytes, size_t size)
{
    char piece[PIECE_SIZE];
    bool is_good = true;

    for (size_t at = 0; at < size && is_good; at += PIECE_SIZE) {
        size_t piece_size = size - at < PIECE_SIZE ? size - at : PIECE_SIZE;

        memcpy(piece, bytes + at, piece_size);
        websocket_frame_mask(piece, piece_size, socket->frame.mask, socket->taken_size + at);
        is_good = decompress(socket, piece, piece_size);
    }
}

static void append_unmasked(Websocket *socket, Buffer *out, const char *bytes, size_t size)
{
    size_t start = out->size;

    buffer_append(out, bytes, size);
    websocket_frame_mask(out->bytes + start, size, socket->frame.mask, socket->taken_size);
}

static void take_payload(Websocket *socket, const char *bytes, size_t size)
{
    size_t start = socket->content.size;

    if (websocket_frame_is_control(&socket->frame)) {
        append_unmasked(socket, &socket->control, bytes, size);
    } else if (socket->is_close_sent) {
        return; /* nobody will read it */
    } else if (socket->is_compressed) {
        take_compressed(socket, bytes, size);
    } else {
        append_unmasked(socket, &socket->content, bytes, size);
        check_text(socket, start);
    }
}

static void end_control(Websocket *socket)
{
    const Buffer *payload = &socket->control;

    if (socket->frame.opcode == FRAME_CLOSE)
        websocket_take_close(socket);
    else if (socket->frame.opcode == FRAME_PING && !socket->is_close_sent)
        websocket_write_control(socket, FRAME_PONG, payload->bytes, payload->size);
    buffer_clear(&socket->control);
}

/* What is cut short would take its end from the next message. False when the socket has failed. */
static bool end_compressed(Websocket *socket)
{
    if (!decompress(socket, deflate_tail, sizeof deflate_tail))
        return false;
    if (!inflate_is_at_boundary(socket->inflate)) {
        websocket_fail(socket, WEBSOCKET_BAD_DATA);
        return false;
    }
    if (socket->options.deflate.forgets_input)
        inflate_reset(socket->inflate);
    return true;
}

static void end_message(Websocket *socket)
{
    if (socket->is_close_sent) {
        socket->kind = 0;
        return;
    }
    if (socket->is_compressed && !end_compressed(socket))
        return;
    if (!utf8_is_complete(&socket->text))
        websocket_fail(socket, WEBSOCKET_BAD_DATA);
    else
        websocket_keep_message(socket);
    socket->kind = 0;
}

static void end_frame(Websocket *socket)
{
    socket->is_in_frame = false;
    if (websocket_frame_is_control(&socket->frame))
        end_control(socket);
    else if (socket->frame.is_final)
        end_message(socket);
}

/* Of a frame with data: whether it may stand here. */
static bool is_in_place(const Websocket *socket)
{
    const WebsocketFrame *frame = &socket->frame;

    if (frame->opcode == FRAME_CONTINUATION)
        return socket->kind != 0 && !frame->is_compressed;
    return socket->kind == 0 && (!frame->is_compressed || socket->options.deflate.is_used);
}

static void begin_data(Websocket *socket)
{
    const WebsocketFrame *frame = &socket->frame;

    if (!is_in_place(socket)) {
        websocket_fail(socket, WEBSOCKET_PROTOCOL_ERROR);
        return;
    }
    if (frame->opcode != FRAME_CONTINUATION) {
        socket->kind = frame->opcode;
        socket->is_compressed = frame->is_compressed;
        socket->text = (Utf8){0};
    }
    if (!socket->is_compressed && !socket->is_close_sent &&
        frame->size > socket->options.message_size - socket->content.size)
        websocket_fail(socket, WEBSOCKET_TOO_LARGE);
}

/* Takes bytes of a head. Returns how many. */
static size_t read_head(Websocket *socket, const char *bytes, size_t size)
{
    size_t taken = 0;
    int head_size = 0;

    while (taken < size && head_size == 0) {
        socket->head[socket->head_size++] = bytes[taken++];
        head_size = websocket_frame_parse(socket->head, socket->head_size, &socket->frame);
    }
    if (head_size < 0) {
        websocket_fail(socket, WEBSOCKET_PROTOCOL_ERROR);
    } else if (head_size > 0) {
        socket->head_size = 0;
        socket->taken_size = 0;
        socket->is_in_frame = true;
        if (!websocket_frame_is_control(&socket->frame))
            begin_data(socket);
    }
    return taken;
}

static size_t read_payload(Websocket *socket, const char *bytes, size_t size)
{
    uint64_t missing = socket->frame.size - socket->taken_size;
    size_t taken = size < missing ? size : (size_t)missing;

    if (taken > 0)
        take_payload(socket, bytes, taken);
    socket->taken_size += taken;
    return taken;
}

static bool is_reading(const Websocket *socket)
{
    return !socket->is_close_received && !socket->is_failed && !socket->is_lost;
}

static bool is_frame_complete(const Websocket *socket)
{
    return socket->is_in_frame && socket->taken_size == socket->frame.size;
}

size_t websocket_feed(Websocket *socket, const char *bytes, size_t size)
{
    size_t taken = 0;

    while (taken < size && is_reading(socket) && websocket_wants_input(socket)) {
        if (socket->is_in_frame)
            taken += read_payload(socket, bytes + taken, size - taken);
        else
            taken += read_head(socket, bytes + taken, size - taken);
        if (is_reading(socket) && is_frame_complete(socket))
            end_frame(socket);
    }
    return is_reading(socket) ? taken : size;
}

bool websocket_wants_input(const Websocket *socket)
{
    const WebsocketOptions *options = &socket->options;

    return !is_reading(socket) || (socket->waiting_count < options->waiting_count &&
                                   socket->waiting_size < options->waiting_size);
}
