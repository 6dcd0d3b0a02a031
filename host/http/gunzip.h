/* Gunzip: what a stream of gzip (RFC 1952) holds, as much at a time as is asked for, whatever a few
 * bytes claim to hold. One takes 44 KiB of memory. */
#ifndef PERIGEE_HTTP_GUNZIP_H
#define PERIGEE_HTTP_GUNZIP_H

#include <stddef.h>

#include "base/buffer.h"

typedef struct Gunzip Gunzip;

Gunzip *gunzip_create(void);

/* Adds bytes of the stream. They are copied, and stay until gunzip_read has used them. */
void gunzip_write(Gunzip *gunzip, const void *bytes, size_t size);

/* Adds at most `limit` > 0 bytes of what the stream holds to `out`, at least one. Returns how many;
 * or ERR_AGAIN when more of the stream is needed; ERR_EOF when all was used and the stream is
 * complete, though another may follow; or ERR_INVALID for what is no gzip, now and ever after. */
long gunzip_read(Gunzip *gunzip, size_t limit, Buffer *out);

/* NULL is fine. */
void gunzip_destroy(Gunzip *gunzip);

#endif
