#include "http/websocket.h"

#include <assert.h>

#include "base/error.h"
#include "base/memory.h"
#include "http/websocket_state.h"

enum { CODE_SIZE = 2 };

Websocket *websocket_create(const WebsocketOptions *options)
{
    Websocket *socket = memory_alloc(sizeof *socket);

    assert(options->waiting_size > 0 && options->waiting_count > 0);
    socket->options = *options;
    list_init(&socket->messages);
    return socket;
}

void websocket_destroy(Websocket *socket)
{
    if (socket == NULL)
        return;
    while (socket->waiting_count > 0)
        websocket_drop_message(socket);
    inflate_destroy(socket->inflate);
    deflate_destroy(socket->deflate);
    buffer_deinit(&socket->control);
    buffer_deinit(&socket->content);
    buffer_deinit(&socket->output);
    buffer_deinit(&socket->end_reason);
    memory_free(socket);
}

/* --- messages --- */

static WaitingMessage *first_of(const Websocket *socket)
{
    return list_entry(socket->messages.next, WaitingMessage, node);
}

void websocket_keep_message(Websocket *socket)
{
    WaitingMessage *message = memory_alloc(sizeof *message);

    message->kind = socket->kind;
    buffer_move(&message->content, &socket->content);
    list_push_back(&socket->messages, &message->node);
    socket->waiting_count++;
    socket->waiting_size += message->content.size;
}

bool websocket_first_message(const Websocket *socket, WebsocketMessage *out)
{
    const WaitingMessage *message;

    if (socket->waiting_count == 0)
        return false;
    message = first_of(socket);
    *out = (WebsocketMessage){
        .kind = message->kind,
        .bytes = message->content.size > 0 ? message->content.bytes : "",
        .size = message->content.size,
    };
    return true;
}

void websocket_drop_message(Websocket *socket)
{
    WaitingMessage *message = first_of(socket);

    assert(socket->waiting_count > 0);
    socket->waiting_count--;
    socket->waiting_size -= message->content.size;
    list_unlink(&message->node);
    buffer_deinit(&message->content);
    memory_free(message);
}

/* --- the end --- */

/* What the peer says, or does wrong, takes the place of what was said here. */
static void note_end(Websocket *socket, int code, const char *reason, size_t size)
{
    socket->end_code = code;
    buffer_clear(&socket->end_reason);
    buffer_append(&socket->end_reason, reason, size);
}

void websocket_fail(Websocket *socket, int code)
{
    websocket_write_close(socket, code, NULL, 0);
    socket->is_failed = true;
    note_end(socket, code, NULL, 0);
    buffer_deinit(&socket->content);
}

static int code_of(const Buffer *payload)
{
    const unsigned char *bytes = (const unsigned char *)payload->bytes;

    return payload->size == 0 ? WEBSOCKET_NO_CODE : bytes[0] << 8 | bytes[1];
}

static bool is_text(const char *bytes, size_t size)
{
    Utf8 text = {0};

    return utf8_feed(&text, bytes, size) && utf8_is_complete(&text);
}

/* A close frame is answered with one that has the same code. */
void websocket_take_close(Websocket *socket)
{
    const Buffer *payload = &socket->control;
    size_t reason_size = payload->size > CODE_SIZE ? payload->size - CODE_SIZE : 0;
    const char *reason = reason_size > 0 ? payload->bytes + CODE_SIZE : NULL;
    int code;

    if (payload->size == 1) {
        websocket_fail(socket, WEBSOCKET_PROTOCOL_ERROR);
        return;
    }
    code = code_of(payload);
    if (payload->size > 0 && !websocket_frame_is_close_code(code)) {
        websocket_fail(socket, WEBSOCKET_PROTOCOL_ERROR);
    } else if (!is_text(reason, reason_size)) {
        websocket_fail(socket, WEBSOCKET_BAD_DATA);
    } else {
        socket->is_close_received = true;
        note_end(socket, code, reason, reason_size);
        websocket_write_close(socket, code, NULL, 0);
    }
}

int websocket_close(Websocket *socket, int code, const char *reason, size_t size)
{
    if (socket->is_close_sent || socket->is_lost)
        return ERR_CLOSED;
    websocket_write_close(socket, code, reason, size);
    note_end(socket, code, reason, size);
    return 0;
}

void websocket_end_input(Websocket *socket)
{
    socket->is_lost = true;
    if (socket->end_code == 0)
        note_end(socket, WEBSOCKET_LOST, NULL, 0);
}

bool websocket_is_open(const Websocket *socket)
{
    return !socket->is_close_sent && !socket->is_lost;
}

bool websocket_is_over(const Websocket *socket)
{
    return socket->is_lost ||
           (socket->is_close_sent && (socket->is_close_received || socket->is_failed));
}

bool websocket_has_failed(const Websocket *socket)
{
    return socket->is_failed;
}

int websocket_end_code(const Websocket *socket)
{
    return socket->end_code;
}

const Buffer *websocket_end_reason(const Websocket *socket)
{
    return &socket->end_reason;
}
