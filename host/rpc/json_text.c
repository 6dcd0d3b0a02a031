#include "rpc/json_text.h"

#include <string.h>

static void append_code_point(Buffer *buffer, uint32_t point)
{
    char bytes[4];
    size_t size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    static const unsigned char leads[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (size_t i = size - 1; i > 0; i--) {
        bytes[i] = (char)(0x80 | (point & 0x3f));
        point >>= 6;
    }
    bytes[0] = (char)(leads[size] | point);
    buffer_append(buffer, bytes, size);
}

static uint32_t read_hex(const char *digits)
{
    uint32_t value = 0;

    for (size_t i = 0; i < 4; i++) {
        char c = digits[i];
        uint32_t digit = (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
        value = value << 4 | digit;
    }
    return value;
}

/* `text` begins behind "\u". Returns how much was read. */
static size_t read_escaped_point(Buffer *buffer, const char *text, size_t size)
{
    uint32_t point = read_hex(text), low;

    if (point < 0xd800 || point > 0xdfff) {
        append_code_point(buffer, point);
        return 4;
    }
    if (point < 0xdc00 && size >= 10 && text[4] == '\\' && text[5] == 'u') {
        low = read_hex(text + 6);
        if (low >= 0xdc00 && low <= 0xdfff) {
            append_code_point(buffer, 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00));
            return 10;
        }
    }
    append_code_point(buffer, 0xfffd);
    return 4;
}

void json_read_string(Buffer *buffer, RpcSlice text)
{
    static const char names[] = "bfnrt", meanings[] = "\b\f\n\r\t";
    size_t i = 1, end = text.size - 1;

    while (i < end) {
        const char *escape = memchr(text.bytes + i, '\\', end - i);
        size_t plain_size = (escape != NULL ? (size_t)(escape - text.bytes) : end) - i;
        const char *name;

        buffer_append(buffer, text.bytes + i, plain_size);
        i += plain_size;
        if (escape == NULL)
            return;
        i += 2;
        if (escape[1] == 'u')
            i += read_escaped_point(buffer, text.bytes + i, end - i);
        else if ((name = strchr(names, escape[1])) != NULL)
            buffer_append(buffer, &meanings[name - names], 1);
        else
            buffer_append(buffer, &escape[1], 1);
    }
}

/* The size of the character at the front; 0 when it is no UTF-8 (RFC 3629). */
static size_t character_size(const unsigned char *bytes, size_t size)
{
    size_t wanted = bytes[0] < 0x80 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    uint32_t point = bytes[0];
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};

    if (wanted == 1)
        return 1;
    if (bytes[0] < 0xc2 || bytes[0] > 0xf4 || wanted > size)
        return 0;
    point &= 0xffU >> (wanted + 1);
    for (size_t i = 1; i < wanted; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (bytes[i] & 0x3f);
    }
    if (point < least[wanted] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    return wanted;
}

static void write_escaped(Buffer *buffer, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char escape[] = {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
    char quoted[] = {'\\', (char)c};

    if (c == '"' || c == '\\')
        buffer_append(buffer, quoted, sizeof quoted);
    else
        buffer_append(buffer, escape, sizeof escape);
}

void json_write_string(Buffer *buffer, RpcSlice bytes)
{
    const unsigned char *text = (const unsigned char *)bytes.bytes;

    buffer_append(buffer, "\"", 1);
    for (size_t i = 0; i < bytes.size;) {
        size_t size = character_size(text + i, bytes.size - i);

        if (size == 0)
            buffer_append_text(buffer, "\\ufffd");
        else if (text[i] < ' ' || text[i] == '"' || text[i] == '\\')
            write_escaped(buffer, text[i]);
        else
            buffer_append(buffer, text + i, size);
        i += size > 0 ? size : 1;
    }
    buffer_append(buffer, "\"", 1);
}
