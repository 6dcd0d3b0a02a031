/* Framing of request bodies: a sized body or the chunked coding, strictly (RFC 9112 6 and 7).
 * Incremental and pure; an error is found at the same byte however the bytes were split. */
#ifndef PERIGEE_HTTP_HTTP1_BODY_H
#define PERIGEE_HTTP_HTTP1_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "http/http1_head.h"
#include "http/http1_limits.h"

typedef struct Http1Body {
    int state;
    int digit_count;         /* of the current chunk's size */
    uint64_t remaining_size; /* of the sized body, or of the current chunk */
    uint64_t decoded_size;
    uint64_t size_limit;       /* of what is decoded: limits->body_size unless the owner sets it */
    size_t framing_size;       /* bytes of chunk extensions and trailers so far */
    const Http1Limits *limits; /* borrowed */
    Buffer *trailers;          /* where trailers go as they are sent, borrowed; NULL to drop them */
} Http1Body;

/* A sized body is not compared with the limit. */
void http1_body_init(Http1Body *body, const Http1Head *head, const Http1Limits *limits);

/* What follows an upgrade: bytes as they are, until the connection ends. */
void http1_body_init_endless(Http1Body *body, const Http1Limits *limits);

/* Decodes from `bytes` and appends to `out`, or drops what it decodes when `out` is NULL.
 * Returns the bytes taken (fewer than `size` only when the body ended), or minus the status: 400,
 * 413, 431; not to be called again after that. Trailers are checked like fields. */
long http1_body_feed(Http1Body *body, const char *bytes, size_t size, Buffer *out);

/* Lets at most `size` more bytes be decoded. False when it is clear already that more will come. */
bool http1_body_lower_limit(Http1Body *body, uint64_t size);
bool http1_body_is_complete(const Http1Body *body);

#endif
