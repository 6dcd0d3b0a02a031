#include "http/deflate.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <zlib.h>

#include "base/memory.h"

/* zlib's own words for the two ends of its choice of memory; its default is 8 for 15 bits. */
enum { WINDOW_BITS_OVER_MEMORY_LEVEL = 7, GZIP_WINDOW_BITS = 16, STEP_SIZE = 4096 };

struct Deflate {
    z_stream zlib;
    bool has_ended;
};

static void *allocate(void *owner, unsigned count, unsigned size)
{
    (void)owner;
    return memory_resize(NULL, (size_t)count * size);
}

static void release(void *owner, void *memory)
{
    (void)owner;
    memory_free(memory);
}

Deflate *deflate_create(int format, int level, int window_bits)
{
    Deflate *compressor = memory_alloc(sizeof *compressor);
    int bits = format == DEFLATE_GZIP ? GZIP_WINDOW_BITS + window_bits : -window_bits;
    int result;

    assert(level >= 1 && level <= 9);
    assert(window_bits >= DEFLATE_MIN_WINDOW_BITS && window_bits <= DEFLATE_MAX_WINDOW_BITS);
    compressor->zlib.zalloc = allocate;
    compressor->zlib.zfree = release;
    result = deflateInit2(&compressor->zlib, level, Z_DEFLATED, bits,
                          window_bits - WINDOW_BITS_OVER_MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    /* Only memory can be short, and that has ended the process. */
    assert(result == Z_OK);
    (void)result;
    return compressor;
}

/* Takes what there is room for in `out`. True while there is more to come. */
static bool step(Deflate *compressor, int flush, Buffer *out)
{
    z_stream *zlib = &compressor->zlib;
    int result;

    zlib->next_out = (unsigned char *)buffer_reserve(out, STEP_SIZE);
    zlib->avail_out = STEP_SIZE;
    result = deflate(zlib, flush);
    assert(result != Z_STREAM_ERROR);
    buffer_grow(out, STEP_SIZE - zlib->avail_out);
    compressor->has_ended = result == Z_STREAM_END;
    return zlib->avail_in > 0 || (zlib->avail_out == 0 && !compressor->has_ended);
}

/* zlib counts in unsigned int. Only the last part of a large piece is flushed. */
static void write_part(Deflate *compressor, const char *bytes, unsigned size, int flush,
                       Buffer *out)
{
    compressor->zlib.next_in = (unsigned char *)(uintptr_t)bytes;
    compressor->zlib.avail_in = size;
    while (step(compressor, flush, out)) {
    }
}

void deflate_write(Deflate *compressor, const void *bytes, size_t size, int flush, Buffer *out)
{
    static const int zlib_flush[] = {
        [DEFLATE_BUFFER] = Z_NO_FLUSH,
        [DEFLATE_FLUSH] = Z_SYNC_FLUSH,
        [DEFLATE_END] = Z_FINISH,
    };
    const char *at = bytes;

    assert(!compressor->has_ended);
    while (size > UINT_MAX) {
        write_part(compressor, at, UINT_MAX, Z_NO_FLUSH, out);
        at += UINT_MAX;
        size -= UINT_MAX;
    }
    write_part(compressor, at, (unsigned)size, zlib_flush[flush], out);
}

void deflate_reset(Deflate *compressor)
{
    deflateReset(&compressor->zlib);
    compressor->has_ended = false;
}

void deflate_destroy(Deflate *compressor)
{
    if (compressor == NULL)
        return;
    deflateEnd(&compressor->zlib);
    memory_free(compressor);
}
