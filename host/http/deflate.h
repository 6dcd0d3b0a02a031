/* Deflate: compresses a stream of bytes piece by piece (RFC 1951), alone or inside a gzip member
 * (RFC 1952). One takes at most 2^(window bits + 3) bytes and a few KiB of memory, whatever goes
 * through it. */
#ifndef PERIGEE_HTTP_DEFLATE_H
#define PERIGEE_HTTP_DEFLATE_H

#include <stddef.h>

#include "base/buffer.h"

typedef struct Deflate Deflate;

enum { DEFLATE_RAW, DEFLATE_GZIP };

/* What is to come out by the end of a write. */
enum {
    DEFLATE_BUFFER, /* whatever is ready */
    DEFLATE_FLUSH,  /* all that went in, ending in the empty block 00 00 FF FF */
    DEFLATE_END,    /* that, and the end of the stream */
};

enum { DEFLATE_MIN_WINDOW_BITS = 9, DEFLATE_MAX_WINDOW_BITS = 15 };

/* `level` is 1 (fast) to 9 (small), `window_bits` between the bounds above. */
Deflate *deflate_create(int format, int level, int window_bits);

/* Adds the compressed form of `size` bytes to `out`. After DEFLATE_END only deflate_reset and
 * deflate_destroy are left. */
void deflate_write(Deflate *compressor, const void *bytes, size_t size, int flush, Buffer *out);

/* Begins another stream, which knows nothing of the one before. */
void deflate_reset(Deflate *compressor);

/* NULL is fine. */
void deflate_destroy(Deflate *compressor);

#endif
