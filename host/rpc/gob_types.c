#include "rpc/gob_types.h"

#include <assert.h>
#include <string.h>

#include "base/error.h"
#include "base/list.h"
#include "base/memory.h"

enum { LARGEST_TEXT = 64 * 1024, BUCKET_COUNT = 256 };

typedef struct GobType {
    List node;       /* in its bucket */
    uint32_t number; /* 0 for a key */
    uint32_t hash;
    uint32_t meant; /* of a key: the number it stands for */
    Buffer text;    /* the key, or the definition */
} GobType;

/* Keys and definitions alike stand in the buckets; the first have no number. */
struct GobTypes {
    List keys[BUCKET_COUNT];
    List definitions[BUCKET_COUNT];
    uint32_t next;
    uint32_t key_count;
    uint32_t definition_count;
};

GobTypes *gob_types_create(void)
{
    GobTypes *types = memory_alloc(sizeof *types);

    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        list_init(&types->keys[i]);
        list_init(&types->definitions[i]);
    }
    types->next = GOB_FIRST_TYPE;
    return types;
}

static GobType *type_of(List *node)
{
    return list_entry(node, GobType, node);
}

static void clear(List *bucket)
{
    list_each (node, bucket) {
        GobType *type = type_of(node);
        list_unlink(&type->node);
        buffer_deinit(&type->text);
        memory_free(type);
    }
}

void gob_types_destroy(GobTypes *types)
{
    if (types == NULL)
        return;
    for (size_t i = 0; i < BUCKET_COUNT; i++) {
        clear(&types->keys[i]);
        clear(&types->definitions[i]);
    }
    memory_free(types);
}

void gob_types_set_first(GobTypes *types, uint32_t first)
{
    if (types->key_count == 0 && first > GOB_FIRST_TYPE)
        types->next = first;
}

/* FNV-1a. Keys are those of services, so nobody gains by choosing bad ones. */
static uint32_t hash_of(const char *text, size_t size)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619U;
    return hash;
}

static GobType *add(List *bucket, const char *text, size_t size)
{
    GobType *type = memory_alloc(sizeof *type);

    buffer_append(&type->text, text, size);
    list_push_back(bucket, &type->node);
    return type;
}

static GobType *find_key(List *bucket, uint32_t hash, const char *key, size_t size)
{
    list_each (node, bucket) {
        GobType *type = type_of(node);
        if (type->hash == hash && type->text.size == size &&
            (size == 0 || memcmp(type->text.bytes, key, size) == 0))
            return type;
    }
    return NULL;
}

long gob_types_intern(GobTypes *types, const char *key, size_t key_size)
{
    uint32_t hash = hash_of(key, key_size);
    List *bucket = &types->keys[hash % BUCKET_COUNT];
    GobType *type = find_key(bucket, hash, key, key_size);

    if (type != NULL)
        return type->meant;
    if (key_size > LARGEST_TEXT)
        return ERR_TOO_LARGE;
    if (types->key_count == GOB_TYPE_COUNT)
        return ERR_FULL;
    type = add(bucket, key, key_size);
    type->hash = hash;
    type->meant = types->next++;
    types->key_count++;
    return type->meant;
}

static GobType *find_definition(const GobTypes *types, uint32_t number)
{
    const List *bucket = &types->definitions[number % BUCKET_COUNT];

    for (List *node = bucket->next; node != bucket; node = node->next) {
        if (type_of(node)->number == number)
            return type_of(node);
    }
    return NULL;
}

int gob_types_define(GobTypes *types, uint32_t number, const char *message, size_t size)
{
    GobType *type;

    if (number < GOB_FIRST_TYPE)
        return ERR_INVALID;
    if (find_definition(types, number) != NULL)
        return 0;
    if (size > LARGEST_TEXT)
        return ERR_TOO_LARGE;
    if (types->definition_count == 4 * GOB_TYPE_COUNT)
        return ERR_FULL;
    type = add(&types->definitions[number % BUCKET_COUNT], message, size);
    type->number = number;
    types->definition_count++;
    return 0;
}

const Buffer *gob_types_find(const GobTypes *types, uint32_t number)
{
    const GobType *type = find_definition(types, number);

    return type != NULL ? &type->text : NULL;
}
