/* WebSocket frames: whatever a client sends, and however it is split, the messages, the answers and
 * the end are the same, and no message is larger than allowed.
 * Input: a byte that chooses compression and a split, then the bytes of a connection. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "http/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MESSAGE_SIZE = 300, WAITING_COUNT = 3 };

static void check(int is_good)
{
    if (!is_good)
        abort();
}

static Websocket *open_socket(uint8_t choice)
{
    WebsocketOptions options = {
        .message_size = MESSAGE_SIZE,
        .waiting_size = 2 * MESSAGE_SIZE,
        .waiting_count = WAITING_COUNT,
        .deflate = {.is_used = (choice & 1) != 0,
                    .forgets_input = (choice & 2) != 0,
                    .input_window_bits = 15,
                    .output_window_bits = 12},
    };

    return websocket_create(&options);
}

/* Adds to `out` what tells one message from another. */
static void take_messages(Websocket *socket, Buffer *out)
{
    WebsocketMessage message;

    while (websocket_first_message(socket, &message)) {
        check(message.size <= MESSAGE_SIZE);
        buffer_append_uint(out, (uint64_t)message.kind);
        buffer_append_text(out, ":");
        buffer_append_uint(out, message.size);
        buffer_append_text(out, ":");
        buffer_append(out, message.bytes, message.size);
        websocket_drop_message(socket);
    }
}

/* All that is seen of a connection whose bytes come in pieces of `step`. */
static void run(uint8_t choice, const char *bytes, size_t size, size_t step, Buffer *out)
{
    Websocket *socket = open_socket(choice);
    size_t at = 0;

    while (at < size) {
        size_t piece = size - at < step ? size - at : step;
        size_t taken = websocket_feed(socket, bytes + at, piece);

        check(taken <= piece);
        check(taken == piece || !websocket_wants_input(socket));
        take_messages(socket, out);
        check(websocket_wants_input(socket));
        at += taken;
    }
    buffer_append_uint(out, (uint64_t)websocket_end_code(socket));
    websocket_end_input(socket);
    check(websocket_is_over(socket));
    buffer_append(out, websocket_end_reason(socket)->bytes, websocket_end_reason(socket)->size);
    buffer_append(out, websocket_output(socket)->bytes, websocket_output(socket)->size);
    websocket_destroy(socket);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Buffer whole = {0}, split = {0};
    const char *bytes = (const char *)data + 1;

    if (size < 2)
        return 0;
    run(data[0], bytes, size - 1, size, &whole);
    run(data[0], bytes, size - 1, (size_t)(data[0] >> 2) % 16 + 1, &split);
    check(whole.size == split.size && memcmp(whole.bytes, split.bytes, whole.size) == 0);
    buffer_deinit(&whole);
    buffer_deinit(&split);
    return 0;
}
