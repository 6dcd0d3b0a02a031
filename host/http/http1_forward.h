/* Messages on their way from one hop to the next (RFC 9110 7.6): a request as it is sent on, and
 * the answer as it is given back. Pure functions of bytes. Only what is plain is read here; all
 * else is left to readers that say what is wrong with it. */
#ifndef PERIGEE_HTTP_HTTP1_FORWARD_H
#define PERIGEE_HTTP_HTTP1_FORWARD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"
#include "http/http1_head.h"

/* Both ends of an answer that is passed on whole. */
enum { HTTP1_FORWARD_HEAD_SIZE = 32 * 1024, HTTP1_FORWARD_BODY_SIZE = 64 * 1024 };

/* What a request is sent on with; borrowed for the call. */
typedef struct Http1Forward {
    const char *target; /* what is asked for there */
    size_t target_size;
    const char *fields; /* more lines "Name: value\r\n" */
    size_t fields_size;
    const char *client; /* the address of who asked */
    bool is_secure;
} Http1Forward;

/* Appends the head of a request that has no body. The fields of its own hop are left out; the
 * client is appended to X-Forwarded-For, and X-Forwarded-Proto and -Host are added when nobody
 * before has. */
void http1_forward_request(Buffer *out, const Http1Head *head, const Http1Forward *forward);

/* An answer to such a request: its body is the `body_size` bytes behind `head_size`. */
typedef struct Http1Return {
    int status;
    size_t head_size;
    size_t body_size;
    bool is_keep_alive;
} Http1Return;

/* Reads the answer in front of `size` bytes, and appends the fields that are given back to
 * `fields`. Returns 1 when all of it is there; 0 while more bytes may make it so; or ERR_INVALID
 * for what is not plain: malformed, of HTTP/1.0, interim, without a body or without its length, too
 * large. Then `fields` may have some. */
int http1_forward_answer(const char *bytes, size_t size, Http1Return *out, Buffer *fields);

#endif
