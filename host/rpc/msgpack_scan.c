#include "rpc/msgpack_scan.h"

#include "base/error.h"

/* Heads of values from 0xc0 on (msgpack spec.md): how many bytes of a number follow, and what that
 * number counts. */
enum { PLAIN, BYTES, VALUES, PAIRS, NEVER };

typedef struct Head {
    uint8_t number_size;
    uint8_t meaning;
    uint8_t extra_size; /* the kind of an extension; the bytes of a plain value */
} Head;

static const Head heads[0x20] = {
    {0, PLAIN,  0 },
    {0, NEVER,  0 },
    {0, PLAIN,  0 },
    {0, PLAIN,  0 }, /* nil, -, false, true */
    {1, BYTES,  0 },
    {2, BYTES,  0 },
    {4, BYTES,  0 }, /* bin */
    {1, BYTES,  1 },
    {2, BYTES,  1 },
    {4, BYTES,  1 }, /* ext */
    {0, PLAIN,  4 },
    {0, PLAIN,  8 }, /* float */
    {0, PLAIN,  1 },
    {0, PLAIN,  2 },
    {0, PLAIN,  4 },
    {0, PLAIN,  8 }, /* uint */
    {0, PLAIN,  1 },
    {0, PLAIN,  2 },
    {0, PLAIN,  4 },
    {0, PLAIN,  8 }, /* int */
    {0, PLAIN,  2 },
    {0, PLAIN,  3 },
    {0, PLAIN,  5 },
    {0, PLAIN,  9 },
    {0, PLAIN,  17}, /* fixext */
    {1, BYTES,  0 },
    {2, BYTES,  0 },
    {4, BYTES,  0 }, /* str */
    {2, VALUES, 0 },
    {4, VALUES, 0 }, /* array */
    {2, PAIRS,  0 },
    {4, PAIRS,  0 }, /* map */
};

static uint64_t read_number(const char *bytes, size_t size)
{
    uint64_t value = 0;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | (unsigned char)bytes[i];
    return value;
}

/* What the head of one value says. */
typedef struct Extent {
    size_t size;    /* of head and contents together, without the values inside */
    uint64_t inner; /* how many values are inside */
} Extent;

static Extent short_extent(unsigned char first)
{
    if (first >= 0x80 && first <= 0x8f)
        return (Extent){1, 2 * (uint64_t)(first & 0x0f)};
    if (first >= 0x90 && first <= 0x9f)
        return (Extent){1, first & 0x0f};
    if (first >= 0xa0 && first <= 0xbf)
        return (Extent){1 + (size_t)(first & 0x1f), 0};
    return (Extent){1, 0};
}

/* 1 with `out`, 0 when the head is not complete, or ERR_INVALID. */
static int read_extent(const char *bytes, size_t size, Extent *out)
{
    unsigned char first = (unsigned char)bytes[0];
    const Head *head;
    uint64_t number;

    if (first < 0xc0 || first >= 0xe0) {
        *out = short_extent(first);
        return 1;
    }
    head = &heads[first - 0xc0];
    if (head->meaning == NEVER)
        return ERR_INVALID;
    if (size <= head->number_size)
        return 0;
    number = read_number(bytes + 1, head->number_size);
    *out = (Extent){.size = 1U + head->number_size + head->extra_size};
    if (head->meaning == BYTES)
        out->size += number;
    else if (head->meaning != PLAIN)
        out->inner = head->meaning == PAIRS ? 2 * number : number;
    return 1;
}

long msgpack_scan(MsgpackScan *scan, const char *bytes, size_t size, size_t limit_size)
{
    Extent extent = {0};
    int result;
    size_t end;

    if (scan->missing_count == 0)
        *scan = (MsgpackScan){.missing_count = 1};
    while (scan->missing_count > 0) {
        if (scan->position >= size)
            return 0;
        if ((result = read_extent(bytes + scan->position, size - scan->position, &extent)) <= 0)
            return result;
        scan->position += extent.size;
        scan->missing_count += extent.inner - 1;
        /* Each value takes a byte at least. */
        if (scan->position + scan->missing_count > limit_size)
            return ERR_TOO_LARGE;
    }
    if (scan->position > size) {
        /* The end is known, but not yet there: it is looked at as one more value. */
        scan->position -= extent.size;
        scan->missing_count = 1;
        return 0;
    }
    end = scan->position;
    *scan = (MsgpackScan){0};
    return (long)end;
}

static void skip(RpcSlice *rest, size_t size)
{
    rest->bytes += size;
    rest->size -= size;
}

bool msgpack_take_array(RpcSlice *rest, uint32_t *count)
{
    unsigned char first = rest->size > 0 ? (unsigned char)rest->bytes[0] : 0;

    if (first < 0x90 || (first > 0x9f && first != 0xdc && first != 0xdd))
        return false;
    if (first <= 0x9f) {
        *count = first & 0x0f;
        skip(rest, 1);
        return true;
    }
    *count = (uint32_t)read_number(rest->bytes + 1, first == 0xdc ? 2 : 4);
    skip(rest, first == 0xdc ? 3 : 5);
    return true;
}

bool msgpack_take_uint(RpcSlice *rest, uint64_t *value)
{
    unsigned char first = rest->size > 0 ? (unsigned char)rest->bytes[0] : 0xc0;
    size_t size;

    if (first > 0x7f && (first < 0xcc || first > 0xcf))
        return false;
    size = first <= 0x7f ? 0 : (size_t)1 << (first - 0xcc);
    *value = size == 0 ? first : read_number(rest->bytes + 1, size);
    skip(rest, 1 + size);
    return true;
}

/* Old clients send names as bin. */
bool msgpack_take_string(RpcSlice *rest, RpcSlice *text)
{
    unsigned char first = rest->size > 0 ? (unsigned char)rest->bytes[0] : 0;
    bool is_short = first >= 0xa0 && first <= 0xbf;
    Extent extent = {0};
    size_t head_size;

    if (!is_short && !(first >= 0xd9 && first <= 0xdb) && !(first >= 0xc4 && first <= 0xc6))
        return false;
    read_extent(rest->bytes, rest->size, &extent);
    head_size = is_short ? 1 : 1U + heads[first - 0xc0].number_size;
    *text = (RpcSlice){rest->bytes + head_size, extent.size - head_size};
    skip(rest, extent.size);
    return true;
}
