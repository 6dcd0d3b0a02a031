/* SharedRegion: memory that all workers map, and a directory of the named objects in it. Objects
 * are made once and never removed, so their numbers stay good for as long as the memory does.
 *
 * Any process may die at any instruction, and a wild write may have changed any byte: what is
 * published is published by one store, and nothing read from the region is trusted with an
 * address. */
#ifndef PERIGEE_SHARED_SHARED_REGION_H
#define PERIGEE_SHARED_SHARED_REGION_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SHARED_NAME_SIZE = 64, /* with its NUL */
    SHARED_OBJECT_LIMIT = 1024,
    SHARED_REGION_MIN_SIZE = 256 * 1024,
};

typedef enum SharedKind { SHARED_COUNTER = 1, SHARED_DICT = 2, SHARED_CHANNEL = 3 } SharedKind;

/* How a dictionary was asked for; all zero for a counter. A channel has its capacity as entry_count
 * and the bytes of its ring as value_size. */
typedef struct SharedShape {
    uint32_t entry_count;
    uint32_t key_size;
    uint32_t value_size;
    uint32_t is_evicting; /* 1: room is made for what is new; 0: it is refused */
} SharedShape;

/* An object as its maker wants it, or a copy of what the directory says. */
typedef struct SharedObject {
    SharedKind kind;
    char name[SHARED_NAME_SIZE];
    SharedShape shape;
    uint64_t offset; /* of its bytes in the region */
    uint64_t size;
} SharedObject;

/* One process's view. */
typedef struct SharedRegion {
    char *bytes;
    size_t size;
} SharedRegion;

/* Prepares `size` zeroed bytes, which no other process sees yet. ERR_INVALID when they are less
 * than the least. */
int shared_region_format(void *bytes, size_t size);

/* ERR_INVALID when they were not formatted. */
int shared_region_open(void *bytes, size_t size, SharedRegion *out);

/* Prepares the bytes of a new object, which nobody else sees yet; whoever began one there and died
 * may have left anything. 0 or a negative code. */
typedef int (*SharedInit)(const SharedRegion *region, const SharedObject *object);

/* Finds the object of that name, or makes it; wanted->offset is not used. Returns its number, or
 * ERR_FULL: no room; -EEXIST: there is one of that name with another kind or shape. `init` may be
 * NULL. */
int shared_region_add(const SharedRegion *region, const SharedObject *wanted, SharedInit init);

/* The number of the object of that name, or ERR_NOT_FOUND. */
int shared_region_find(const SharedRegion *region, const char *name);

/* ERR_NOT_FOUND past the last; ERR_INVALID when what stands there cannot be. */
int shared_region_read(const SharedRegion *region, uint32_t number, SharedObject *out);

/* The word of a counter; NULL when that number is no counter's. */
_Atomic int64_t *shared_region_counter(const SharedRegion *region, uint32_t number);

/* Bytes that are given out. */
size_t shared_region_used_size(const SharedRegion *region);

/* For the hash of keys: different in every region. */
uint64_t shared_region_seed(const SharedRegion *region);

#endif
