#include "http/inflate.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <zlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "http/deflate.h"

enum { STEP_SIZE = 4096 };

/* What zlib says of its place: behind a block that is not the last, with no bit left over. */
enum { BETWEEN_BLOCKS = 128 };

struct Inflate {
    z_stream zlib;
    bool is_at_boundary;
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

Inflate *inflate_create(int window_bits)
{
    Inflate *decompressor = memory_alloc(sizeof *decompressor);
    int result;

    assert(window_bits >= DEFLATE_MIN_WINDOW_BITS && window_bits <= DEFLATE_MAX_WINDOW_BITS);
    decompressor->zlib.zalloc = allocate;
    decompressor->zlib.zfree = release;
    decompressor->is_at_boundary = true;
    result = inflateInit2(&decompressor->zlib, -window_bits);
    /* Only memory can be short, and that has ended the process. */
    assert(result == Z_OK);
    (void)result;
    return decompressor;
}

/* Makes at most `room` bytes. Returns 1 while there may be more to come, 0, or ERR_INVALID. */
static int step(Inflate *decompressor, size_t room, Buffer *out)
{
    z_stream *zlib = &decompressor->zlib;
    unsigned step_size = room < STEP_SIZE ? (unsigned)room : STEP_SIZE;
    int result;

    zlib->next_out = (unsigned char *)buffer_reserve(out, step_size);
    zlib->avail_out = step_size;
    result = inflate(zlib, Z_SYNC_FLUSH);
    buffer_grow(out, step_size - zlib->avail_out);
    decompressor->is_at_boundary = result == Z_STREAM_END || zlib->data_type == BETWEEN_BLOCKS;
    if (result == Z_STREAM_END)
        inflateReset(zlib);
    else if (result != Z_OK && result != Z_BUF_ERROR)
        return ERR_INVALID;
    return zlib->avail_out == 0 || (result == Z_STREAM_END && zlib->avail_in > 0);
}

/* Only a byte beyond the limit tells that there is more than fits. */
static int step_beyond(Inflate *decompressor)
{
    Buffer beyond = {0};
    int result = step(decompressor, 1, &beyond);
    bool is_more = beyond.size > 0;

    buffer_deinit(&beyond);
    return is_more ? ERR_TOO_LARGE : result;
}

int inflate_write(Inflate *decompressor, const void *bytes, size_t size, size_t limit, Buffer *out)
{
    z_stream *zlib = &decompressor->zlib;
    size_t end = out->size + limit;
    int result;

    assert(size <= UINT_MAX);
    zlib->next_in = (unsigned char *)(uintptr_t)bytes;
    zlib->avail_in = (unsigned)size;
    do
        result =
            out->size < end ? step(decompressor, end - out->size, out) : step_beyond(decompressor);
    while (result > 0);
    return result;
}

bool inflate_is_at_boundary(const Inflate *decompressor)
{
    return decompressor->is_at_boundary;
}

void inflate_reset(Inflate *decompressor)
{
    inflateReset(&decompressor->zlib);
    decompressor->is_at_boundary = true;
}

void inflate_destroy(Inflate *decompressor)
{
    if (decompressor == NULL)
        return;
    inflateEnd(&decompressor->zlib);
    memory_free(decompressor);
}
