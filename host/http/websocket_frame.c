#include "http/websocket_frame.h"

#include <string.h>

#include "base/error.h"

enum { FINAL_BIT = 0x80, COMPRESSED_BIT = 0x40, RESERVED_BITS = 0x30, OPCODE_BITS = 0x0F };
enum { MASK_BIT = 0x80, LENGTH_BITS = 0x7F, LENGTH_16 = 126, LENGTH_64 = 127 };

bool websocket_frame_is_control(const WebsocketFrame *frame)
{
    return frame->opcode >= FRAME_CLOSE;
}

static bool is_opcode(int opcode)
{
    return opcode <= FRAME_BINARY || (opcode >= FRAME_CLOSE && opcode <= FRAME_PONG);
}

static uint64_t read_number(const uint8_t *bytes, size_t size)
{
    uint64_t number = 0;

    for (size_t i = 0; i < size; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* The first byte. */
static int parse_kind(uint8_t byte, WebsocketFrame *out)
{
    *out = (WebsocketFrame){
        .opcode = byte & OPCODE_BITS,
        .is_final = (byte & FINAL_BIT) != 0,
        .is_compressed = (byte & COMPRESSED_BIT) != 0,
    };
    if ((byte & RESERVED_BITS) != 0 || !is_opcode(out->opcode))
        return ERR_INVALID;
    if (websocket_frame_is_control(out) && (!out->is_final || out->is_compressed))
        return ERR_INVALID;
    return 0;
}

/* The second byte. Returns how many bytes of length follow it. */
static int parse_short_length(uint8_t byte, WebsocketFrame *out)
{
    int length = byte & LENGTH_BITS;

    if ((byte & MASK_BIT) == 0 || (websocket_frame_is_control(out) && length > FRAME_CONTROL_SIZE))
        return ERR_INVALID;
    out->size = (uint64_t)length;
    if (length < LENGTH_16)
        return 0;
    return length == LENGTH_16 ? 2 : 8;
}

static bool is_shortest(uint64_t length, int length_size)
{
    return length_size == 2 ? length >= LENGTH_16 : length > UINT16_MAX && length <= INT64_MAX;
}

int websocket_frame_parse(const char *bytes, size_t size, WebsocketFrame *out)
{
    const uint8_t *at = (const uint8_t *)bytes;
    int length_size;
    size_t mask_start;

    if (size == 0)
        return 0;
    if (parse_kind(at[0], out) < 0)
        return ERR_INVALID;
    if (size < 2)
        return 0;
    if ((length_size = parse_short_length(at[1], out)) < 0)
        return ERR_INVALID;
    mask_start = 2 + (size_t)length_size;
    if (size < mask_start)
        return 0;
    if (length_size > 0) {
        out->size = read_number(at + 2, (size_t)length_size);
        if (!is_shortest(out->size, length_size))
            return ERR_INVALID;
    }
    if (size < mask_start + FRAME_MASK_SIZE)
        return 0;
    memcpy(out->mask, at + mask_start, FRAME_MASK_SIZE);
    return (int)mask_start + FRAME_MASK_SIZE;
}

static size_t put_number(uint8_t *at, uint64_t number, size_t size)
{
    for (size_t i = size; i > 0; i--) {
        at[i - 1] = (uint8_t)number;
        number >>= 8;
    }
    return size;
}

void websocket_frame_write(Buffer *out, const WebsocketFrame *frame)
{
    uint8_t head[FRAME_HEAD_SIZE] = {
        (uint8_t)(frame->opcode | (frame->is_final ? FINAL_BIT : 0) |
                  (frame->is_compressed ? COMPRESSED_BIT : 0)),
    };
    size_t size = 2;

    if (frame->size < LENGTH_16) {
        head[1] = (uint8_t)frame->size;
    } else if (frame->size <= UINT16_MAX) {
        head[1] = LENGTH_16;
        size += put_number(head + 2, frame->size, 2);
    } else {
        head[1] = LENGTH_64;
        size += put_number(head + 2, frame->size, 8);
    }
    buffer_append(out, head, size);
}

/* Byte by byte up to a whole turn of the mask, then eight bytes at once. */
void websocket_frame_mask(char *bytes, size_t size, const uint8_t mask[FRAME_MASK_SIZE],
                          uint64_t offset)
{
    uint64_t eight_masks, eight;
    size_t at = 0;

    for (; at < size && (offset + at) % FRAME_MASK_SIZE != 0; at++)
        bytes[at] = (char)(bytes[at] ^ mask[(offset + at) % FRAME_MASK_SIZE]);
    memcpy(&eight_masks, mask, FRAME_MASK_SIZE);
    memcpy((char *)&eight_masks + FRAME_MASK_SIZE, mask, FRAME_MASK_SIZE);
    for (; size - at >= sizeof eight; at += sizeof eight) {
        memcpy(&eight, bytes + at, sizeof eight);
        eight ^= eight_masks;
        memcpy(bytes + at, &eight, sizeof eight);
    }
    for (; at < size; at++)
        bytes[at] = (char)(bytes[at] ^ mask[(offset + at) % FRAME_MASK_SIZE]);
}

/* 1004 to 1006 and 1015 never travel; 1012 to 1014 were registered after the RFC. */
bool websocket_frame_is_close_code(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}
