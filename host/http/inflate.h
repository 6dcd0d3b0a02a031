/* Inflate: the way back from Deflate's raw format (RFC 1951), piece by piece. What comes out is
 * bounded by the caller, whatever a few bytes claim to hold. One takes 2^(window bits) bytes and a
 * few KiB of memory. */
#ifndef PERIGEE_HTTP_INFLATE_H
#define PERIGEE_HTTP_INFLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

typedef struct Inflate Inflate;

/* `window_bits` from DEFLATE_MIN_WINDOW_BITS to DEFLATE_MAX_WINDOW_BITS: at least as many as the
 * other side compresses with. */
Inflate *inflate_create(int window_bits);

/* Adds what `size` bytes hold to `out`, at most `limit` bytes. A stream may end and another begin
 * at any byte, so what comes next is never left out.
 * Returns 0; ERR_INVALID for bytes that are no such stream; ERR_TOO_LARGE with `limit` bytes added
 * when there is more. After a failure only inflate_reset and inflate_destroy are left. */
int inflate_write(Inflate *decompressor, const void *bytes, size_t size, size_t limit, Buffer *out);

/* True where one block has ended and the next begins at a whole byte: nothing is missing. */
bool inflate_is_at_boundary(const Inflate *decompressor);

/* Begins another stream, which knows nothing of the one before. */
void inflate_reset(Inflate *decompressor);

/* NULL is fine. */
void inflate_destroy(Inflate *decompressor);

#endif
