#include "http/utf8.h"

#include <string.h>

/* What may begin a character. Between the second byte's bounds there is no form longer than needed,
 * no surrogate, and nothing beyond U+10FFFF. */
static const struct {
    uint8_t first, last;
    Utf8 rest;
} leads[] = {
    {0xC2, 0xDF, {1, 0x80, 0xBF}},
    {0xE0, 0xE0, {2, 0xA0, 0xBF}},
    {0xE1, 0xEC, {2, 0x80, 0xBF}},
    {0xED, 0xED, {2, 0x80, 0x9F}},
    {0xEE, 0xEF, {2, 0x80, 0xBF}},
    {0xF0, 0xF0, {3, 0x90, 0xBF}},
    {0xF1, 0xF3, {3, 0x80, 0xBF}},
    {0xF4, 0xF4, {3, 0x80, 0x8F}},
};

static bool begin_character(Utf8 *text, uint8_t byte)
{
    if (byte < 0x80)
        return true;
    for (size_t i = 0; i < sizeof leads / sizeof leads[0]; i++) {
        if (byte >= leads[i].first && byte <= leads[i].last) {
            *text = leads[i].rest;
            return true;
        }
    }
    return false;
}

static bool continue_character(Utf8 *text, uint8_t byte)
{
    if (byte < text->low || byte > text->high)
        return false;
    *text = (Utf8){(uint8_t)(text->missing_count - 1), 0x80, 0xBF};
    return true;
}

/* How many bytes of ASCII come first, counted in eights. */
static size_t ascii_size(const char *bytes, size_t size)
{
    size_t at = 0;
    uint64_t eight;

    while (size - at >= sizeof eight) {
        memcpy(&eight, bytes + at, sizeof eight);
        if ((eight & UINT64_C(0x8080808080808080)) != 0)
            break;
        at += sizeof eight;
    }
    return at;
}

bool utf8_feed(Utf8 *text, const char *bytes, size_t size)
{
    size_t at = 0;

    while (at < size) {
        uint8_t byte = (uint8_t)bytes[at];

        if (text->missing_count == 0 && byte < 0x80 && size - at >= sizeof(uint64_t))
            at += ascii_size(bytes + at, size - at);
        if (at == size)
            break;
        byte = (uint8_t)bytes[at++];
        if (!(text->missing_count == 0 ? begin_character(text, byte)
                                       : continue_character(text, byte)))
            return false;
    }
    return true;
}

bool utf8_is_complete(const Utf8 *text)
{
    return text->missing_count == 0;
}
