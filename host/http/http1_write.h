/* Response heads: status line, fields, framing. */
#ifndef PERIGEE_HTTP_HTTP1_WRITE_H
#define PERIGEE_HTTP_HTTP1_WRITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* The reason phrase of RFC 9110 and its registry, or "Unknown". */
const char *http1_status_reason(int status);

/* The text of an IMF-fixdate for `wall_s` seconds since 1970 ("Sun, 06 Nov 1994 08:49:37 GMT").
 * The year has four digits. */
enum { HTTP1_DATE_SIZE = 30 };
void http1_format_date(int64_t wall_s, char text[HTTP1_DATE_SIZE]);

typedef struct Http1Answer {
    int status;
    uint8_t minor_version; /* of the request */
    bool is_keep_alive;    /* say "close" when false; "keep-alive" only to HTTP/1.0 */
    bool is_upgrade;       /* say "Upgrade" too: the fields have one */
    bool is_chunked;
    bool has_length; /* false for 1xx, 204 and 304 without one */
    uint64_t content_length;
    const char *date;   /* HTTP1_DATE_SIZE text; NULL for none */
    const char *fields; /* ready lines "Name: value\r\n", already checked */
    size_t fields_size;
} Http1Answer;

void http1_write_head(Buffer *out, const Http1Answer *answer);

/* The whole answer to a request that is refused before anybody saw it: "Connection: close" and a
 * line of text that says what was wrong. `date` as above. */
void http1_write_refusal(Buffer *out, int status, const char *date);

#endif
