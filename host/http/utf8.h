/* Utf8: whether bytes that come piece by piece are UTF-8 (RFC 3629), told at the first byte that
 * cannot be. */
#ifndef PERIGEE_HTTP_UTF8_H
#define PERIGEE_HTTP_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed at the beginning of a text. */
typedef struct Utf8 {
    uint8_t missing_count; /* bytes the character still needs */
    uint8_t low, high;     /* what the next of them may be */
} Utf8;

/* False when the text is not UTF-8, whatever follows. */
bool utf8_feed(Utf8 *text, const char *bytes, size_t size);

/* False in the middle of a character. */
bool utf8_is_complete(const Utf8 *text);

#endif
