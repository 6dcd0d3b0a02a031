/* Classes of bytes in HTTP/1.1 and URIs: one table for the checks of heads and bodies.
 * Private to http/; others ask http1_rules.h. */
#ifndef PERIGEE_HTTP_HTTP1_CHARS_H
#define PERIGEE_HTTP_HTTP1_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CHAR_TOKEN = 1,        /* tchar, RFC 9110 5.6.2 */
    CHAR_VALUE = 2,        /* HTAB, SP, VCHAR or obs-text: the inside of a field value */
    CHAR_QUOTED = 4,       /* qdtext: of CHAR_VALUE all but the quote and the backslash */
    CHAR_TARGET = 8,       /* pchar but for percent, "/" and "?": RFC 3986 3.3 and 3.4 */
    CHAR_URI_BRACKET = 16, /* "[" and "]" around an IPv6 address */
    CHAR_REG_NAME = 32,    /* a registered name but for percent */
    CHAR_HEX = 64,
    CHAR_BLANK = 128, /* SP and HTAB */
};

extern const uint8_t http1_char_classes[256];

static inline bool http1_char_is(char character, uint8_t classes)
{
    return (http1_char_classes[(unsigned char)character] & classes) != 0;
}

/* How many bytes at the front belong to one of `classes`. */
static inline size_t http1_run_size(const char *bytes, size_t size, uint8_t classes)
{
    size_t i = 0;

    while (i < size && http1_char_is(bytes[i], classes))
        i++;
    return i;
}

#endif
