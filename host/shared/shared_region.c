#include "shared/shared_region.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>

#include "base/error.h"
#include "shared/shared_lock.h"

enum { ALIGNMENT = 64, FORMAT_VERSION = 1 };

static const char magic[8] = "perigee";

typedef struct Entry {
    SharedObject object;
    _Atomic int64_t count; /* of a counter */
} Entry;

typedef struct Header {
    char magic[sizeof magic];
    uint64_t version;
    uint64_t seed;
    pthread_mutex_t lock; /* of whoever adds */
    /* Entries below it are complete and never change; raising it publishes one more. */
    _Atomic uint32_t object_count;
    Entry entries[SHARED_OBJECT_LIMIT];
} Header;

_Static_assert(sizeof(Header) < SHARED_REGION_MIN_SIZE, "the directory fits the least region");

static uint64_t align(uint64_t offset)
{
    return (offset + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static Header *header_of(const SharedRegion *region)
{
    return (Header *)(void *)region->bytes;
}

int shared_region_format(void *bytes, size_t size)
{
    Header *header = bytes;
    int result;

    if (size < SHARED_REGION_MIN_SIZE)
        return ERR_INVALID;
    if (getrandom(&header->seed, sizeof header->seed, 0) != (ssize_t)sizeof header->seed)
        return -EIO;
    if ((result = shared_lock_init(&header->lock)) < 0)
        return result;
    header->version = FORMAT_VERSION;
    memcpy(header->magic, magic, sizeof magic);
    return 0;
}

int shared_region_open(void *bytes, size_t size, SharedRegion *out)
{
    const Header *header = bytes;

    if (size < SHARED_REGION_MIN_SIZE || memcmp(header->magic, magic, sizeof magic) != 0 ||
        header->version != FORMAT_VERSION)
        return ERR_INVALID;
    *out = (SharedRegion){.bytes = bytes, .size = size};
    return 0;
}

static uint32_t count_objects(const SharedRegion *region)
{
    uint32_t count = atomic_load_explicit(&header_of(region)->object_count, memory_order_acquire);

    return count < SHARED_OBJECT_LIMIT ? count : SHARED_OBJECT_LIMIT;
}

int shared_region_read(const SharedRegion *region, uint32_t number, SharedObject *out)
{
    SharedObject object;

    if (number >= count_objects(region))
        return ERR_NOT_FOUND;
    memcpy(&object, &header_of(region)->entries[number].object, sizeof object);
    if (object.offset < sizeof(Header) || object.offset % ALIGNMENT != 0 ||
        object.offset > region->size || object.size > region->size - object.offset ||
        memchr(object.name, '\0', sizeof object.name) == NULL)
        return ERR_INVALID;
    *out = object;
    return 0;
}

int shared_region_find(const SharedRegion *region, const char *name)
{
    const Header *header = header_of(region);
    uint32_t count = count_objects(region);

    for (uint32_t i = 0; i < count; i++)
        if (strncmp(header->entries[i].object.name, name, SHARED_NAME_SIZE) == 0)
            return (int)i;
    return ERR_NOT_FOUND;
}

/* Where the next object goes: behind the last that was published. */
static uint64_t end_of_objects(const SharedRegion *region)
{
    uint32_t count = count_objects(region);
    SharedObject last;

    if (count == 0)
        return align(sizeof(Header));
    if (shared_region_read(region, count - 1, &last) < 0)
        return region->size;
    return align(last.offset + last.size);
}

size_t shared_region_used_size(const SharedRegion *region)
{
    uint64_t end = end_of_objects(region);

    return end < region->size ? (size_t)end : region->size;
}

static bool is_same(const SharedObject *a, const SharedObject *b)
{
    return a->kind == b->kind && memcmp(&a->shape, &b->shape, sizeof a->shape) == 0;
}

static int check_existing(const SharedRegion *region, int number, const SharedObject *wanted)
{
    SharedObject object;
    int result = shared_region_read(region, (uint32_t)number, &object);

    if (result < 0)
        return result;
    return is_same(&object, wanted) ? number : -EEXIST;
}

static int append(const SharedRegion *region, const SharedObject *wanted, SharedInit init)
{
    Header *header = header_of(region);
    uint32_t count = count_objects(region);
    SharedObject object = *wanted;
    int result;

    object.offset = end_of_objects(region);
    if (count == SHARED_OBJECT_LIMIT || object.offset >= region->size ||
        object.size > region->size - object.offset)
        return ERR_FULL;
    if (init != NULL && (result = init(region, &object)) < 0)
        return result;
    header->entries[count].object = object;
    atomic_store(&header->entries[count].count, 0);
    atomic_store_explicit(&header->object_count, count + 1, memory_order_release);
    return (int)count;
}

int shared_region_add(const SharedRegion *region, const SharedObject *wanted, SharedInit init)
{
    Header *header = header_of(region);
    int result = shared_region_find(region, wanted->name);

    if (result >= 0)
        return check_existing(region, result, wanted);
    if ((result = shared_lock_acquire(&header->lock)) < 0)
        return result;
    result = shared_region_find(region, wanted->name);
    if (result >= 0)
        result = check_existing(region, result, wanted);
    else
        result = append(region, wanted, init);
    shared_lock_release(&header->lock);
    return result;
}

_Atomic int64_t *shared_region_counter(const SharedRegion *region, uint32_t number)
{
    Entry *entry = &header_of(region)->entries[number % SHARED_OBJECT_LIMIT];

    if (number >= count_objects(region) || entry->object.kind != SHARED_COUNTER)
        return NULL;
    return &entry->count;
}

uint64_t shared_region_seed(const SharedRegion *region)
{
    return header_of(region)->seed;
}
