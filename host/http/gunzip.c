#include "http/gunzip.h"

#include <assert.h>
#include <limits.h>
#include <stdbool.h>
#include <zlib.h>

#include "base/error.h"
#include "base/memory.h"

/* The largest window, and no format but gzip. */
enum { WINDOW_BITS = 15 + 16 };

struct Gunzip {
    z_stream zlib;
    Buffer input;
    bool is_inside; /* a stream has begun and is not complete */
    bool is_broken;
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

Gunzip *gunzip_create(void)
{
    Gunzip *gunzip = memory_alloc(sizeof *gunzip);
    int result;

    gunzip->zlib.zalloc = allocate;
    gunzip->zlib.zfree = release;
    result = inflateInit2(&gunzip->zlib, WINDOW_BITS);
    /* Only memory can be short, and that has ended the process. */
    assert(result == Z_OK);
    (void)result;
    return gunzip;
}

void gunzip_write(Gunzip *gunzip, const void *bytes, size_t size)
{
    buffer_append(&gunzip->input, bytes, size);
}

/* Makes at most `room` bytes. Returns how many, or ERR_INVALID. */
static long step(Gunzip *gunzip, unsigned room, Buffer *out)
{
    z_stream *zlib = &gunzip->zlib;
    unsigned size = gunzip->input.size < UINT_MAX ? (unsigned)gunzip->input.size : UINT_MAX;
    int result;

    zlib->next_in = (unsigned char *)gunzip->input.bytes;
    zlib->avail_in = size;
    zlib->next_out = (unsigned char *)buffer_reserve(out, room);
    zlib->avail_out = room;
    result = inflate(zlib, Z_NO_FLUSH);
    buffer_grow(out, room - zlib->avail_out);
    buffer_consume(&gunzip->input, size - zlib->avail_in);
    if (size > zlib->avail_in)
        gunzip->is_inside = result != Z_STREAM_END;
    if (result == Z_STREAM_END)
        inflateReset(zlib);
    else if (result != Z_OK && !(result == Z_BUF_ERROR && size == 0))
        return ERR_INVALID;
    return (long)(room - zlib->avail_out);
}

/* A step may only get past a head, or the end of a stream, and make nothing. */
long gunzip_read(Gunzip *gunzip, size_t limit, Buffer *out)
{
    unsigned room = limit < INT_MAX ? (unsigned)limit : INT_MAX;
    long made = gunzip->is_broken ? ERR_INVALID : 0;

    assert(limit > 0);
    if (made == 0)
        made = step(gunzip, room, out);
    while (made == 0 && gunzip->input.size > 0)
        made = step(gunzip, room, out);
    gunzip->is_broken = made < 0;
    if (made == 0)
        return gunzip->is_inside ? ERR_AGAIN : ERR_EOF;
    return made;
}

void gunzip_destroy(Gunzip *gunzip)
{
    if (gunzip == NULL)
        return;
    inflateEnd(&gunzip->zlib);
    buffer_deinit(&gunzip->input);
    memory_free(gunzip);
}
