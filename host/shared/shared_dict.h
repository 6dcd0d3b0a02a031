/* SharedDict: keys with values that expire, in a SharedRegion. A key belongs to one of many small
 * buckets, each with a lock of its own. What is new is written beside what is there, and one store
 * makes it count, so that a process which dies in the middle has either done it or not.
 *
 * Times are nanoseconds of the monotonic clock, which is the same in all processes. */
#ifndef PERIGEE_SHARED_SHARED_DICT_H
#define PERIGEE_SHARED_SHARED_DICT_H

#include <stdbool.h>

#include "shared/shared_region.h"

enum {
    SHARED_ENTRY_LIMIT = 1024 * 1024,
    SHARED_KEY_LIMIT = 1024,
    SHARED_VALUE_LIMIT = 1024 * 1024,
};

typedef enum SharedType {
    SHARED_STRING = 1,
    SHARED_NUMBER = 2, /* a double */
    SHARED_BOOLEAN = 3,
    SHARED_INT64 = 4,
} SharedType;

typedef struct SharedBytes {
    const char *bytes;
    size_t size;
} SharedBytes;

/* Exactly one of the three below `type` counts. */
typedef struct SharedValue {
    SharedType type;
    SharedBytes string;
    double number; /* a boolean is 0 or 1 */
    int64_t integer;
} SharedValue;

/* A checked view; made anew for every call, so that nothing it holds can go stale. */
typedef struct SharedDict {
    const SharedRegion *region;
    SharedShape shape;
    char *bytes;
    uint32_t bucket_count;
    uint32_t slot_count; /* of each bucket */
    size_t slot_size;
    size_t bucket_size;
} SharedDict;

typedef enum SharedCondition { SHARED_ALWAYS, SHARED_IF_ABSENT, SHARED_IF_EQUAL } SharedCondition;

typedef struct SharedStore {
    SharedBytes key;
    SharedValue value;
    SharedCondition condition;
    SharedValue expected;  /* for SHARED_IF_EQUAL */
    uint64_t life_time_ns; /* 0: it does not expire. Of SHARED_IF_EQUAL the key keeps its own. */
} SharedStore;

typedef struct SharedAddition {
    SharedBytes key;
    SharedValue amount;
    SharedValue initial;   /* what a key that is not there begins with */
    uint64_t life_time_ns; /* of a key that is not there; one that is keeps its own */
} SharedAddition;

typedef struct SharedDictCounters {
    uint64_t eviction_count; /* entries that made room before their time */
    uint64_t refusal_count;  /* entries that found no room */
    uint64_t recovery_count; /* locks taken over from a process that died */
} SharedDictCounters;

/* The number of the dictionary of that name and shape, as shared_region_add. ERR_INVALID when the
 * shape is beyond the limits. */
int shared_dict_add(const SharedRegion *region, const char *name, const SharedShape *shape);

/* ERR_INVALID when that number is no dictionary's. */
int shared_dict_open(const SharedRegion *region, uint32_t number, SharedDict *out);

/* Copies a string to `buffer`, which has shape.value_size bytes. 0, ERR_NOT_FOUND or
 * ERR_TIMEOUT. */
int shared_dict_get(const SharedDict *dict, SharedBytes key, uint64_t now_ns, char *buffer,
                    SharedValue *out);

/* Returns 1 when it was stored, 0 when the condition did not hold; ERR_FULL, ERR_TOO_LARGE or
 * ERR_TIMEOUT. */
int shared_dict_store(const SharedDict *dict, const SharedStore *store, uint64_t now_ns);

/* Numbers to numbers and integers to integers. 0 and the sum; ERR_INVALID when another type is
 * there; or as shared_dict_store. */
int shared_dict_increase(const SharedDict *dict, const SharedAddition *addition, uint64_t now_ns,
                         SharedValue *sum);

/* 0, ERR_NOT_FOUND or ERR_TIMEOUT. */
int shared_dict_remove(const SharedDict *dict, SharedBytes key, uint64_t now_ns);

/* Copies the keys of one bucket that have not expired to `buffer`: size as uint16_t, bytes, each.
 * Returns how many, or ERR_TIMEOUT. `buffer` has shared_dict_keys_size bytes. */
int shared_dict_list(const SharedDict *dict, uint32_t bucket, uint64_t now_ns, char *buffer);
size_t shared_dict_keys_size(const SharedDict *dict);

void shared_dict_read_counters(const SharedDict *dict, SharedDictCounters *out);

#endif
