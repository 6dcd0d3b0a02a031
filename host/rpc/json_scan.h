/* JsonScan: finds the end of one JSON text in a stream, byte by byte, so that a text may come in
 * any pieces; and checks on the way that it is one (RFC 8259), without making anything of it. */
#ifndef PERIGEE_RPC_JSON_SCAN_H
#define PERIGEE_RPC_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_DEPTH_COUNT = 1024 };

typedef struct JsonScan {
    uint8_t state;
    uint32_t depth;
    uint32_t depth_limit;                      /* at most JSON_DEPTH_COUNT */
    uint8_t pending;                           /* of an escape: how many digits are to come */
    size_t failed_at;                          /* after a failure: which of the bytes it was */
    const char *literal;                       /* what is to come of true, false or null */
    uint64_t is_object[JSON_DEPTH_COUNT / 64]; /* a bit for each open array or object */
} JsonScan;

void json_scan_init(JsonScan *scan, uint32_t depth_limit);

/* Goes on with `size` bytes. Returns how many belong to the text when it ends among them, the space
 * around it included; 0 when more is needed; ERR_INVALID when it is no JSON; ERR_TOO_LARGE when it
 * is nested too deep. A text that is no array, object or string ends only with a byte behind it. */
long json_scan_feed(JsonScan *scan, const char *bytes, size_t size);

/* The size of the value at the front of a text that is known to be JSON; spaces do not precede it.
 */
size_t json_value_size(const char *text, size_t size);

/* The size of the white space at the front. */
size_t json_space_size(const char *text, size_t size);

#endif
