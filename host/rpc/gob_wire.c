#include "rpc/gob_wire.h"

#include "base/error.h"

/* From here up a first byte says, negated, how many bytes follow. */
enum { LONGEST_SHORT = 0x7f, MOST_BYTES = 8 };

/* No struct has as many fields; a reader stops at the first number that is out of bounds. */
enum { LARGEST_DELTA = 1 << 16 };

bool gob_read_uint(GobReader *reader, uint64_t *out)
{
    const unsigned char *bytes = (const unsigned char *)reader->bytes;
    uint64_t value = 0;
    size_t count;

    if (reader->size == 0)
        return false;
    if (bytes[0] <= LONGEST_SHORT) {
        *out = bytes[0];
        reader->bytes++;
        reader->size--;
        return true;
    }
    count = 256U - bytes[0];
    if (count > MOST_BYTES || count >= reader->size)
        return false;
    for (size_t i = 1; i <= count; i++)
        value = value << 8 | bytes[i];
    *out = value;
    reader->bytes += count + 1;
    reader->size -= count + 1;
    return true;
}

bool gob_read_int(GobReader *reader, int64_t *out)
{
    uint64_t value;

    if (!gob_read_uint(reader, &value))
        return false;
    *out = (int64_t)((value & 1) != 0 ? ~(value >> 1) : value >> 1);
    return true;
}

bool gob_read_bytes(GobReader *reader, GobReader *out)
{
    GobReader ahead = *reader;
    uint64_t size;

    if (!gob_read_uint(&ahead, &size) || size > ahead.size)
        return false;
    *out = (GobReader){ahead.bytes, (size_t)size};
    reader->bytes = ahead.bytes + size;
    reader->size = ahead.size - (size_t)size;
    return true;
}

bool gob_read_field(GobReader *reader, int64_t *field)
{
    uint64_t delta;

    if (!gob_read_uint(reader, &delta) || delta > LARGEST_DELTA)
        return false;
    *field = delta == 0 ? -1 : *field + (int64_t)delta;
    return true;
}

/* True while the bytes may be the beginning of a number. */
static bool may_become_uint(const char *bytes, size_t size)
{
    return size == 0 || 256U - (unsigned char)bytes[0] <= MOST_BYTES;
}

long gob_next_message(const char *bytes, size_t size, size_t limit_size, GobReader *out)
{
    GobReader reader = {bytes, size};
    uint64_t body_size;
    size_t head_size;

    if (!gob_read_uint(&reader, &body_size))
        return may_become_uint(bytes, size) ? 0 : ERR_INVALID;
    if (body_size == 0)
        return ERR_INVALID;
    if (body_size > limit_size)
        return ERR_TOO_LARGE;
    if (body_size > reader.size)
        return 0;
    head_size = size - reader.size;
    *out = (GobReader){reader.bytes, (size_t)body_size};
    return (long)(head_size + (size_t)body_size);
}

bool gob_message_id(GobReader message, int64_t *out)
{
    return gob_read_int(&message, out);
}

void gob_write_uint(Buffer *buffer, uint64_t value)
{
    unsigned char bytes[1 + MOST_BYTES];
    size_t start = sizeof bytes;

    if (value <= LONGEST_SHORT) {
        bytes[0] = (unsigned char)value;
        buffer_append(buffer, bytes, 1);
        return;
    }
    for (; value != 0; value >>= 8)
        bytes[--start] = (unsigned char)value;
    bytes[start - 1] = (unsigned char)(256 - (sizeof bytes - start));
    buffer_append(buffer, bytes + start - 1, sizeof bytes - start + 1);
}

void gob_write_int(Buffer *buffer, int64_t value)
{
    uint64_t bits = (uint64_t)value;

    gob_write_uint(buffer, value < 0 ? ~bits << 1 | 1 : bits << 1);
}

void gob_write_bytes(Buffer *buffer, const char *bytes, size_t size)
{
    gob_write_uint(buffer, size);
    buffer_append(buffer, bytes, size);
}
