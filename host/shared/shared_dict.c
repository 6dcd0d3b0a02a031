#include "shared/shared_dict.h"

#include <string.h>

#include "base/error.h"
#include "shared/shared_lock.h"

enum {
    SLOT_LIMIT = 64, /* one bit of a word each */
    /* Keys do not spread evenly. With so many in a bucket on average, one of a dictionary of 1,000
     * entries gets more than 63 with a probability of 5e-8 (of 1,000,000 entries: 1e-4). */
    SLOTS_ON_AVERAGE = 28,
    ALIGNMENT = 8,
};

typedef struct Slot {
    uint64_t expires_ns; /* 0: never */
    uint64_t used_ns;    /* when it was last read or written */
    uint32_t value_size;
    uint16_t key_size;
    uint16_t type;
    char bytes[]; /* the key in shape.key_size bytes, then the value */
} Slot;

typedef struct Bucket {
    pthread_mutex_t lock;
    /* The slots that count. One at least never does: what is new is written there. */
    _Atomic uint64_t used;
    uint32_t hashes[SLOT_LIMIT];
} Bucket;

typedef struct Head {
    _Atomic uint64_t eviction_count;
    _Atomic uint64_t refusal_count;
    _Atomic uint64_t recovery_count;
} Head;

static size_t align(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static int lay_out(const SharedShape *shape, SharedDict *out)
{
    if (shape->entry_count == 0 || shape->entry_count > SHARED_ENTRY_LIMIT ||
        shape->key_size == 0 || shape->key_size > SHARED_KEY_LIMIT ||
        shape->value_size < sizeof(int64_t) || shape->value_size > SHARED_VALUE_LIMIT)
        return ERR_INVALID;
    *out = (SharedDict){.shape = *shape, .bucket_count = 1, .slot_count = SLOT_LIMIT};
    if (shape->entry_count < SLOT_LIMIT)
        out->slot_count = shape->entry_count + 1;
    else
        out->bucket_count = (shape->entry_count + SLOTS_ON_AVERAGE - 1) / SLOTS_ON_AVERAGE;
    out->slot_size = align(sizeof(Slot) + shape->key_size + shape->value_size);
    out->bucket_size = align(sizeof(Bucket)) + out->slot_count * out->slot_size;
    return 0;
}

static size_t size_of(const SharedDict *dict)
{
    return align(sizeof(Head)) + dict->bucket_count * dict->bucket_size;
}

static Head *head_of(const SharedDict *dict)
{
    return (Head *)(void *)dict->bytes;
}

static Bucket *bucket_at(const SharedDict *dict, uint32_t index)
{
    char *first = dict->bytes + align(sizeof(Head));

    return (Bucket *)(void *)(first + index * dict->bucket_size);
}

static Slot *slot_at(const SharedDict *dict, const Bucket *bucket, unsigned index)
{
    char *first = (char *)bucket + align(sizeof *bucket);

    return (Slot *)(void *)(first + index * dict->slot_size);
}

static char *value_of(const SharedDict *dict, Slot *slot)
{
    return slot->bytes + dict->shape.key_size;
}

static int init(const SharedRegion *region, const SharedObject *object)
{
    SharedDict dict;
    int result = lay_out(&object->shape, &dict);

    dict.bytes = region->bytes + object->offset;
    if (result == 0)
        memset(dict.bytes, 0, sizeof(Head));
    for (uint32_t i = 0; result == 0 && i < dict.bucket_count; i++) {
        Bucket *bucket = bucket_at(&dict, i);
        memset(bucket, 0, sizeof *bucket);
        result = shared_lock_init(&bucket->lock);
    }
    return result;
}

int shared_dict_add(const SharedRegion *region, const char *name, const SharedShape *shape)
{
    SharedObject object = {.kind = SHARED_DICT, .shape = *shape};
    SharedDict dict;
    size_t name_size = strlen(name) + 1;

    if (lay_out(shape, &dict) < 0 || name_size > sizeof object.name)
        return ERR_INVALID;
    memcpy(object.name, name, name_size);
    object.size = size_of(&dict);
    return shared_region_add(region, &object, init);
}

int shared_dict_open(const SharedRegion *region, uint32_t number, SharedDict *out)
{
    SharedObject object;
    SharedDict dict;

    if (shared_region_read(region, number, &object) < 0 || object.kind != SHARED_DICT ||
        lay_out(&object.shape, &dict) < 0 || size_of(&dict) > object.size)
        return ERR_INVALID;
    dict.region = region;
    dict.bytes = region->bytes + object.offset;
    *out = dict;
    return 0;
}

/* FNV-1a from a secret beginning, with the finish of MurmurHash3, so that nobody from outside can
 * choose keys that meet in one bucket. */
static uint64_t hash_key(const SharedDict *dict, SharedBytes key)
{
    uint64_t hash = 14695981039346656037u ^ shared_region_seed(dict->region);

    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ (unsigned char)key.bytes[i]) * 1099511628211u;
    hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
    hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53u;
    return hash ^ hash >> 33;
}

/* One key under the lock of its bucket. */
typedef struct Access {
    const SharedDict *dict;
    Bucket *bucket;
    SharedBytes key;
    uint32_t hash;
    uint64_t now_ns;
    uint64_t used;  /* as it was when the lock was taken */
    int index;      /* of the key's slot; -1 when it is not there, or has expired */
    uint64_t stale; /* its slot when it has expired, as a bit */
} Access;

static bool is_expired(const Slot *slot, uint64_t now_ns)
{
    return slot->expires_ns != 0 && slot->expires_ns <= now_ns;
}

static uint64_t valid_slots(const SharedDict *dict)
{
    return dict->slot_count == SLOT_LIMIT ? UINT64_MAX : (UINT64_C(1) << dict->slot_count) - 1;
}

static bool has_key(const Access *access, unsigned index)
{
    const Slot *slot;

    if (access->bucket->hashes[index] != access->hash)
        return false;
    slot = slot_at(access->dict, access->bucket, index);
    return slot->key_size == access->key.size &&
           memcmp(slot->bytes, access->key.bytes, access->key.size) == 0;
}

static void find_key(Access *access)
{
    for (uint64_t left = access->used; left != 0; left &= left - 1) {
        unsigned index = (unsigned)__builtin_ctzll(left);

        if (!has_key(access, index))
            continue;
        if (is_expired(slot_at(access->dict, access->bucket, index), access->now_ns))
            access->stale = UINT64_C(1) << index;
        else
            access->index = (int)index;
        return;
    }
}

static int lock_bucket(const SharedDict *dict, Bucket *bucket, uint64_t *used)
{
    int result = shared_lock_acquire(&bucket->lock);

    if (result < 0)
        return result;
    /* Whoever died with the lock has published what it did, or nothing: all is as it should be. */
    if (result == 1)
        atomic_fetch_add(&head_of(dict)->recovery_count, 1);
    *used = atomic_load_explicit(&bucket->used, memory_order_acquire) & valid_slots(dict);
    return 0;
}

/* Takes the lock of the key's bucket: 0, ERR_TOO_LARGE or ERR_TIMEOUT. */
static int begin(const SharedDict *dict, SharedBytes key, uint64_t now_ns, Access *access)
{
    uint64_t hash;
    int result;

    if (key.size > dict->shape.key_size)
        return ERR_TOO_LARGE;
    hash = hash_key(dict, key);
    *access = (Access){.dict = dict,
                       .bucket = bucket_at(dict, (uint32_t)((hash >> 32) % dict->bucket_count)),
                       .key = key,
                       .hash = (uint32_t)hash,
                       .now_ns = now_ns,
                       .index = -1};
    if ((result = lock_bucket(dict, access->bucket, &access->used)) == 0)
        find_key(access);
    return result;
}

static void end(const Access *access)
{
    shared_lock_release(&access->bucket->lock);
}

static Slot *slot_of(const Access *access)
{
    return slot_at(access->dict, access->bucket, (unsigned)access->index);
}

static void publish(const Access *access, uint64_t used)
{
    atomic_store_explicit(&access->bucket->used, used, memory_order_release);
}

/* The value points into the slot. ERR_INVALID when the slot holds nothing that was ever stored. */
static int read_value(const SharedDict *dict, Slot *slot, SharedValue *out)
{
    SharedValue value = {.type = (SharedType)slot->type};
    const char *bytes = value_of(dict, slot);
    size_t size = slot->value_size;

    if (value.type == SHARED_STRING && size <= dict->shape.value_size)
        value.string = (SharedBytes){bytes, size};
    else if (value.type == SHARED_INT64)
        memcpy(&value.integer, bytes, sizeof value.integer);
    else if (value.type == SHARED_NUMBER || value.type == SHARED_BOOLEAN)
        memcpy(&value.number, bytes, sizeof value.number);
    else
        return ERR_INVALID;
    *out = value;
    return 0;
}

static void write_value(const SharedDict *dict, Slot *slot, const SharedValue *value)
{
    char *bytes = value_of(dict, slot);

    slot->type = (uint16_t)value->type;
    slot->value_size = (uint32_t)value->string.size;
    if (value->type == SHARED_STRING)
        memcpy(bytes, value->string.bytes, value->string.size);
    else if (value->type == SHARED_INT64)
        memcpy(bytes, &value->integer, sizeof value->integer);
    else
        memcpy(bytes, &value->number, sizeof value->number);
}

static bool is_equal(const SharedValue *a, const SharedValue *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == SHARED_INT64)
        return a->integer == b->integer;
    if (a->type != SHARED_STRING)
        return a->number == b->number;
    return a->string.size == b->string.size &&
           memcmp(a->string.bytes, b->string.bytes, a->string.size) == 0;
}

/* Whose slot is given to a new key: one that has expired, or else the one that was used longest
 * ago, as bits. `*is_evicted` says that it was still good. */
static uint64_t choose_victim(const Access *access, bool *is_evicted)
{
    uint64_t oldest = 0, oldest_ns = 0;

    for (uint64_t left = access->used; left != 0; left &= left - 1) {
        const Slot *slot = slot_at(access->dict, access->bucket, (unsigned)__builtin_ctzll(left));

        *is_evicted = !is_expired(slot, access->now_ns);
        if (!*is_evicted)
            return left & -left;
        if (oldest == 0 || slot->used_ns < oldest_ns) {
            oldest_ns = slot->used_ns;
            oldest = left & -left;
        }
    }
    return oldest;
}

/* What must go when the key's new slot counts: its old one, or another's when there is no room. */
static int choose_leaving(const Access *access, uint64_t *leaving)
{
    Head *head = head_of(access->dict);
    bool is_evicted = false;
    uint64_t free_slots = valid_slots(access->dict) & ~access->used;

    *leaving = access->index < 0 ? access->stale : UINT64_C(1) << access->index;
    if (*leaving != 0 || (free_slots & (free_slots - 1)) != 0)
        return 0;
    *leaving = choose_victim(access, &is_evicted);
    if (!is_evicted)
        return 0;
    if (!access->dict->shape.is_evicting) {
        atomic_fetch_add(&head->refusal_count, 1);
        return ERR_FULL;
    }
    atomic_fetch_add(&head->eviction_count, 1);
    return 0;
}

/* Writes the key with this value into a free slot and makes it count instead of what leaves. */
static int replace(const Access *access, const SharedValue *value, uint64_t expires_ns)
{
    const SharedDict *dict = access->dict;
    uint64_t leaving, used = access->used, fresh;
    unsigned index;
    Slot *slot;
    int result = choose_leaving(access, &leaving);

    if (result < 0)
        return result;
    if (used == valid_slots(dict)) {
        /* Only a wild write fills a bucket to the last slot. */
        used &= ~leaving;
        publish(access, used);
    }
    fresh = valid_slots(dict) & ~used;
    index = (unsigned)__builtin_ctzll(fresh);
    slot = slot_at(dict, access->bucket, index);
    slot->expires_ns = expires_ns;
    slot->used_ns = access->now_ns;
    slot->key_size = (uint16_t)access->key.size;
    memcpy(slot->bytes, access->key.bytes, access->key.size);
    write_value(dict, slot, value);
    access->bucket->hashes[index] = access->hash;
    publish(access, (used & ~leaving) | UINT64_C(1) << index);
    return 1;
}

static uint64_t expiry(uint64_t now_ns, uint64_t life_time_ns)
{
    return life_time_ns == 0 ? 0 : now_ns + life_time_ns;
}

int shared_dict_get(const SharedDict *dict, SharedBytes key, uint64_t now_ns, char *buffer,
                    SharedValue *out)
{
    Access access;
    SharedValue value;
    int result = begin(dict, key, now_ns, &access);

    if (result < 0)
        return result == ERR_TOO_LARGE ? ERR_NOT_FOUND : result;
    if (access.index < 0 || read_value(dict, slot_of(&access), &value) < 0) {
        end(&access);
        return ERR_NOT_FOUND;
    }
    slot_of(&access)->used_ns = now_ns;
    if (value.type == SHARED_STRING) {
        memcpy(buffer, value.string.bytes, value.string.size);
        value.string.bytes = buffer;
    }
    end(&access);
    *out = value;
    return 0;
}

static bool holds(const Access *access, const SharedStore *store)
{
    SharedValue value;

    if (store->condition == SHARED_IF_ABSENT)
        return access->index < 0;
    if (store->condition == SHARED_IF_EQUAL)
        return access->index >= 0 && read_value(access->dict, slot_of(access), &value) == 0 &&
               is_equal(&value, &store->expected);
    return true;
}

int shared_dict_store(const SharedDict *dict, const SharedStore *store, uint64_t now_ns)
{
    Access access;
    int result;

    if (store->value.type == SHARED_STRING && store->value.string.size > dict->shape.value_size)
        return ERR_TOO_LARGE;
    if ((result = begin(dict, store->key, now_ns, &access)) < 0)
        return result;
    if (holds(&access, store))
        result = replace(&access, &store->value,
                         store->condition == SHARED_IF_EQUAL ? slot_of(&access)->expires_ns
                                                             : expiry(now_ns, store->life_time_ns));
    end(&access);
    return result;
}

/* Adds `amount` to `*sum`. Integers wrap, as C's unsigned ones do. */
static int add_to(SharedValue *sum, const SharedValue *amount)
{
    if (sum->type != amount->type)
        return ERR_INVALID;
    if (sum->type == SHARED_NUMBER)
        sum->number += amount->number;
    else if (sum->type == SHARED_INT64)
        sum->integer = (int64_t)((uint64_t)sum->integer + (uint64_t)amount->integer);
    else
        return ERR_INVALID;
    return 0;
}

int shared_dict_increase(const SharedDict *dict, const SharedAddition *addition, uint64_t now_ns,
                         SharedValue *sum)
{
    uint64_t expires_ns = expiry(now_ns, addition->life_time_ns);
    SharedValue value = addition->initial;
    Access access;
    int result = begin(dict, addition->key, now_ns, &access);

    if (result < 0)
        return result;
    if (access.index >= 0) {
        expires_ns = slot_of(&access)->expires_ns;
        result = read_value(dict, slot_of(&access), &value);
    }
    if (result == 0 && (result = add_to(&value, &addition->amount)) == 0)
        result = replace(&access, &value, expires_ns);
    end(&access);
    if (result < 0)
        return result;
    *sum = value;
    return 0;
}

int shared_dict_remove(const SharedDict *dict, SharedBytes key, uint64_t now_ns)
{
    Access access;
    int result = begin(dict, key, now_ns, &access);

    if (result < 0)
        return result == ERR_TOO_LARGE ? ERR_NOT_FOUND : result;
    if (access.index >= 0)
        publish(&access, access.used & ~(UINT64_C(1) << access.index));
    end(&access);
    return access.index >= 0 ? 0 : ERR_NOT_FOUND;
}

size_t shared_dict_keys_size(const SharedDict *dict)
{
    return dict->slot_count * (sizeof(uint16_t) + dict->shape.key_size);
}

int shared_dict_list(const SharedDict *dict, uint32_t bucket_index, uint64_t now_ns, char *buffer)
{
    Bucket *bucket = bucket_at(dict, bucket_index % dict->bucket_count);
    uint64_t used;
    int count = 0, result = lock_bucket(dict, bucket, &used);

    if (result < 0)
        return result;
    for (; used != 0; used &= used - 1) {
        const Slot *slot = slot_at(dict, bucket, (unsigned)__builtin_ctzll(used));
        uint16_t size = slot->key_size;

        if (size > dict->shape.key_size || is_expired(slot, now_ns))
            continue;
        memcpy(buffer, &size, sizeof size);
        memcpy(buffer + sizeof size, slot->bytes, size);
        buffer += sizeof size + size;
        count++;
    }
    shared_lock_release(&bucket->lock);
    return count;
}

void shared_dict_read_counters(const SharedDict *dict, SharedDictCounters *out)
{
    Head *head = head_of(dict);

    out->eviction_count = atomic_load(&head->eviction_count);
    out->refusal_count = atomic_load(&head->refusal_count);
    out->recovery_count = atomic_load(&head->recovery_count);
}
