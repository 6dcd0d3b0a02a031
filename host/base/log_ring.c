#include "base/log_ring.h"

#include <stdbool.h>
#include <string.h>

static void put_bytes(LogRing *ring, uint64_t position, const char *bytes, size_t size)
{
    size_t offset = (size_t)(position % LOG_RING_SIZE);
    size_t first = size < LOG_RING_SIZE - offset ? size : LOG_RING_SIZE - offset;

    memcpy(ring->bytes + offset, bytes, first);
    memcpy(ring->bytes, bytes + first, size - first);
}

void log_ring_put(LogRing *ring, const char *record, size_t size)
{
    uint64_t position = atomic_load(&ring->begun_size);
    /* A writer that died here has left a record without an end. */
    size_t repair_size = position != atomic_load(&ring->ended_size) ? 1 : 0;

    size = strnlen(record, size < LOG_RING_RECORD_SIZE ? size : LOG_RING_RECORD_SIZE);
    atomic_store(&ring->begun_size, position + repair_size + size + 1);
    put_bytes(ring, position, "", repair_size);
    put_bytes(ring, position + repair_size, record, size);
    put_bytes(ring, position + repair_size + size, "", 1);
    atomic_store(&ring->ended_size, position + repair_size + size + 1);
}

static void copy_bytes(const LogRing *ring, uint64_t position, size_t size, char *out)
{
    size_t offset = (size_t)(position % LOG_RING_SIZE);
    size_t first = size < LOG_RING_SIZE - offset ? size : LOG_RING_SIZE - offset;

    memcpy(out, ring->bytes + offset, first);
    memcpy(out + first, ring->bytes, size - first);
}

/* How many bytes at the front are not those of whole records any more: all that may have been
 * overwritten, and the rest of a record that was. */
static size_t spoilt_size(const LogRing *ring, uint64_t position, const char *bytes, size_t size,
                          bool is_inside)
{
    uint64_t begun = atomic_load(&ring->begun_size);
    uint64_t oldest = begun > LOG_RING_SIZE ? begun - LOG_RING_SIZE : 0;
    size_t spoilt = 0;
    const char *end;

    if (oldest > position)
        spoilt = oldest - position < size ? (size_t)(oldest - position) : size;
    else if (!is_inside)
        return 0;
    end = memchr(bytes + spoilt, '\0', size - spoilt);
    return end != NULL ? (size_t)(end - bytes) + 1 : size;
}

uint64_t log_ring_read(const LogRing *ring, uint64_t position, Buffer *out)
{
    uint64_t ended = atomic_load(&ring->ended_size);
    uint64_t oldest = ended > LOG_RING_SIZE ? ended - LOG_RING_SIZE : 0;
    bool is_inside = position < oldest;
    size_t size, spoilt;
    char *bytes;

    if (is_inside)
        position = oldest;
    if (position >= ended)
        return ended;
    size = (size_t)(ended - position);
    bytes = buffer_reserve(out, size);
    copy_bytes(ring, position, size, bytes);
    spoilt = spoilt_size(ring, position, bytes, size, is_inside);
    memmove(bytes, bytes + spoilt, size - spoilt);
    buffer_grow(out, size - spoilt);
    return ended;
}
