/* Buffer: see buffer.h. Bytes move to the front only when at least as many were consumed, so that
 * appending and consuming in turns costs a constant amount for each byte. */
#include "base/buffer.h"

#include <assert.h>
#include <string.h>

#include "base/memory.h"

enum { FIRST_CAPACITY = 256, KEPT_CAPACITY = 16 * 1024 };

void buffer_init(Buffer *buffer)
{
    *buffer = (Buffer){0};
}

void buffer_deinit(Buffer *buffer)
{
    memory_free(buffer->memory);
    buffer_init(buffer);
}

static size_t consumed_size(const Buffer *buffer)
{
    return buffer->memory == NULL ? 0 : (size_t)(buffer->bytes - buffer->memory);
}

static size_t capacity_for(const Buffer *buffer, size_t size)
{
    size_t needed = buffer->size + size;
    size_t doubled = buffer->capacity * 2;

    assert(needed >= size && needed <= SIZE_MAX / 2);
    if (needed < FIRST_CAPACITY)
        needed = FIRST_CAPACITY;
    return needed > doubled ? needed : doubled;
}

static void move_to_front(Buffer *buffer)
{
    memmove(buffer->memory, buffer->bytes, buffer->size);
    buffer->bytes = buffer->memory;
}

static void enlarge(Buffer *buffer, size_t size)
{
    size_t capacity = capacity_for(buffer, size);

    if (consumed_size(buffer) != 0)
        move_to_front(buffer);
    buffer->memory = memory_resize(buffer->memory, capacity);
    buffer->bytes = buffer->memory;
    buffer->capacity = capacity;
}

char *buffer_reserve(Buffer *buffer, size_t size)
{
    size_t consumed = consumed_size(buffer);

    if (buffer->memory == NULL || size > buffer->capacity - consumed - buffer->size) {
        if (consumed != 0 && buffer->size <= consumed && size <= buffer->capacity - buffer->size)
            move_to_front(buffer);
        else
            enlarge(buffer, size);
    }
    return buffer->bytes + buffer->size;
}

void buffer_grow(Buffer *buffer, size_t size)
{
    assert(size <= buffer->capacity - consumed_size(buffer) - buffer->size);
    buffer->size += size;
}

void buffer_append(Buffer *buffer, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    memcpy(buffer_reserve(buffer, size), bytes, size);
    buffer->size += size;
}

void buffer_append_text(Buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

static void append_digits(Buffer *buffer, uint64_t value, unsigned base)
{
    char text[20]; /* UINT64_MAX in decimal */
    size_t start = sizeof text;

    do {
        text[--start] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    buffer_append(buffer, text + start, sizeof text - start);
}

void buffer_append_uint(Buffer *buffer, uint64_t value)
{
    append_digits(buffer, value, 10);
}

void buffer_append_hex(Buffer *buffer, uint64_t value)
{
    append_digits(buffer, value, 16);
}

void buffer_consume(Buffer *buffer, size_t size)
{
    assert(size <= buffer->size);
    if (size == buffer->size) {
        buffer_clear(buffer);
    } else {
        buffer->bytes += size;
        buffer->size -= size;
    }
}

void buffer_skip(Buffer *buffer, size_t size)
{
    assert(size <= buffer->size);
    buffer->size -= size;
    buffer->bytes = buffer->size == 0 ? buffer->memory : buffer->bytes + size;
}

void buffer_clear(Buffer *buffer)
{
    if (buffer->capacity > KEPT_CAPACITY) {
        buffer_deinit(buffer);
    } else {
        buffer->bytes = buffer->memory;
        buffer->size = 0;
    }
}

void buffer_move(Buffer *target, Buffer *source)
{
    assert(target->size == 0);
    buffer_deinit(target);
    *target = *source;
    buffer_init(source);
}
