/* The grammar of a request head (RFC 9112, 9110), byte by byte and strictly: what the parser behind
 * http1_head.h would let through or repair is refused here first.
 * Incremental, so that an error is found at the same byte however the bytes were split. */
#ifndef PERIGEE_HTTP_HTTP1_RULES_H
#define PERIGEE_HTTP_HTTP1_RULES_H

#include <stdbool.h>
#include <stddef.h>

#include "http/http1_limits.h"

typedef struct Http1Rules {
    int state;
    int version;        /* major digit * 10 + minor digit, once they were read */
    size_t target_size; /* so far */
    size_t head_size;
    size_t field_count;
    const Http1Limits *limits; /* borrowed */
} Http1Rules;

void http1_rules_init(Http1Rules *rules, const Http1Limits *limits);

/* Checks `size` more bytes. Returns the number of bytes up to and including the end of the head
 * when it is complete; 0 when all bytes were fine and more are needed; or minus the HTTP status to
 * refuse with (400, 414, 431, 505). Not to be called again after the end or an error.
 * One empty line before the request line is part of the head (RFC 9112 2.2). */
int http1_rules_feed(Http1Rules *rules, const char *bytes, size_t size);

/* True from the first byte of the request line on; an empty line before it begins nothing. */
bool http1_rules_has_begun(const Http1Rules *rules);

/* True for a character of `token` (RFC 9110 5.6.2), and for one allowed inside a field value. */
bool http1_is_token_char(unsigned char character);
bool http1_is_value_char(unsigned char character);

/* True when all bytes are a non-empty token; when all bytes may stand in a field value. */
bool http1_is_token(const char *bytes, size_t size);
bool http1_is_value(const char *bytes, size_t size);

/* True for a valid Host: uri-host [":" port] (RFC 3986 3.2.2), and for an empty one, which is what
 * a request for a target without authority carries. */
bool http1_is_host(const char *bytes, size_t size);

#endif
