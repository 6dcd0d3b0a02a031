/* A request head: from the complete, rule-checked bytes to method, target, fields and what follows
 * from them. A pure function of bytes. The file behind it is the only one that knows http_parser;
 * llhttp could take its place. */
#ifndef PERIGEE_HTTP_HTTP1_HEAD_H
#define PERIGEE_HTTP_HTTP1_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hop.h"

typedef struct Http1Slice {
    uint32_t offset; /* into the head's bytes */
    uint32_t size;
} Http1Slice;

typedef struct Http1Field {
    Http1Slice name;  /* as sent */
    Http1Slice value; /* without the white space around it */
} Http1Field;

enum { HTTP1_NO_BODY, HTTP1_SIZED_BODY, HTTP1_CHUNKED_BODY };

typedef struct Http1Head {
    const char *bytes; /* borrowed by http1_head_parse; owned by the exchange afterwards */
    size_t size;
    Http1Slice method;
    Http1Slice target; /* as sent */
    Http1Slice path;   /* "/" for an absolute-form without; "*" for OPTIONS * */
    Http1Slice query;  /* behind the first "?", without it */
    Http1Slice host;   /* effective: of absolute-form, else of the Host field */
    bool has_query;
    bool is_https;           /* the target is an https URL */
    uint8_t minor_version;   /* HTTP/1.x */
    uint8_t body_kind;       /* HTTP1_NO_BODY ... */
    uint64_t content_length; /* of a sized body */
    bool is_keep_alive;
    bool expects_continue;
    bool wants_upgrade; /* to another protocol; without a body, for one that stays */
    bool is_head;       /* the method is HEAD */
    Hop hop;            /* of Perigee-Timeout and Perigee-Previous-Attempts */
    size_t field_count;
    Http1Field *fields;
} Http1Head;

/* Parses `size` bytes that http1_rules_feed accepted. `fields` has room for all fields it counted.
 * Returns 0, or minus the HTTP status to refuse with: 400, 417 for an unknown Expect, 501 for an
 * unknown method or transfer coding. Then `out` is not to be used.
 * Exactly one valid length mechanism and one valid Host (none needed in HTTP/1.0), or 400. */
int http1_head_parse(const char *bytes, size_t size, Http1Field *fields, size_t field_capacity,
                     Http1Head *out);

/* The index of the first field of this name (in any case) from field `start` on, or -1. */
int http1_head_find(const Http1Head *head, const char *name, size_t name_size, size_t start);

#endif
