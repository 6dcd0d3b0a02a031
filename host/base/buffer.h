/* Buffer: bytes that grow at the end and are consumed at the front.
 * An open struct, because its owner reads `bytes` and `size` all the time;
 * only the functions below write the fields. A zeroed Buffer is a valid empty one.
 * Growth aborts when memory is out: whoever fills a buffer from a peer bounds it first. */
#ifndef PERIGEE_BASE_BUFFER_H
#define PERIGEE_BASE_BUFFER_H

#include <stddef.h>
#include <stdint.h>

typedef struct Buffer {
    char *bytes;     /* first unconsumed byte; NULL while nothing was ever stored */
    size_t size;     /* unconsumed bytes */
    size_t capacity; /* bytes allocated, counted from `memory` */
    char *memory;    /* what was allocated; `bytes` points into it */
} Buffer;

void buffer_init(Buffer *buffer);

/* Frees the memory and leaves an empty, usable buffer. */
void buffer_deinit(Buffer *buffer);

void buffer_append(Buffer *buffer, const void *bytes, size_t size);
void buffer_append_text(Buffer *buffer, const char *text);
void buffer_append_uint(Buffer *buffer, uint64_t value); /* in decimal */
void buffer_append_hex(Buffer *buffer, uint64_t value);  /* lower case, no prefix */

/* Makes room for `size` more bytes and returns where they go; buffer_grow then counts them. */
char *buffer_reserve(Buffer *buffer, size_t size);
void buffer_grow(Buffer *buffer, size_t size);

/* Drops `size` bytes at the front. An emptied buffer keeps at most 16 KiB of memory. */
void buffer_consume(Buffer *buffer, size_t size);

/* The same for a buffer that is filled again at once: it keeps its memory. */
void buffer_skip(Buffer *buffer, size_t size);

/* Drops everything, keeping at most 16 KiB of memory. */
void buffer_clear(Buffer *buffer);

/* Moves the whole content to `target`, which must be empty, without copying. */
void buffer_move(Buffer *target, Buffer *source);

#endif
