/* What a client may send, and for how long it may take. Every limit has a flag of the same name. */
#ifndef PERIGEE_HTTP_HTTP1_LIMITS_H
#define PERIGEE_HTTP_HTTP1_LIMITS_H

#include <stddef.h>
#include <stdint.h>

typedef struct Http1Limits {
    size_t target_size;     /* request target: 414 */
    size_t head_size;       /* request line and fields with their line ends: 431 */
    size_t field_count;     /* 431 */
    size_t body_size;       /* decoded body: 413 */
    size_t framing_size;    /* chunk extensions and trailers of one message in total: 431 */
    size_t unread_size;     /* of a body before its handler takes it; more is not read */
    size_t pipelined_count; /* requests of one connection not answered yet; more are not read */
} Http1Limits;

/* How often what a client sent was refused, and why. */
typedef struct Http1Counters {
    uint64_t target_count; /* limits->target_size; and so on */
    uint64_t head_count;
    uint64_t field_count;
    uint64_t body_count;
    uint64_t framing_count;
    uint64_t pipelined_count; /* not refused: the line became as long as it may */
    uint64_t unread_count;    /* not refused: a handler did not take what was there */
    uint64_t malformed_count; /* 400 */
    uint64_t
        unsupported_count; /* method, coding, expectation, version, scheme: 417, 421, 501, 505 */
} Http1Counters;

/* For the initializers of larger options. */
#define HTTP1_DEFAULT_LIMITS                                                                       \
    {                                                                                              \
        .target_size = 8 * 1024, .head_size = 32 * 1024, .field_count = 100,                       \
        .body_size = 1024 * 1024, .framing_size = 16 * 1024, .unread_size = 64 * 1024,             \
        .pipelined_count = 16,                                                                     \
    }

extern const Http1Limits http1_default_limits;

#endif
