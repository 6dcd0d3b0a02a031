#include "server/mount_table.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct Mount {
    char *prefix;
    size_t prefix_size; /* 0 for "/": what remains of it without the "/" at its end */
    MountTarget target;
} Mount;

struct MountTable {
    Mount *mounts; /* sorted by prefix */
    size_t count;
};

MountTable *mount_table_create(void)
{
    return memory_alloc(sizeof(MountTable));
}

void mount_table_destroy(MountTable *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++)
        memory_free(table->mounts[i].prefix);
    memory_free(table->mounts);
    memory_free(table);
}

static int compare(const Mount *mount, const char *prefix, size_t size)
{
    size_t common_size = size < mount->prefix_size ? size : mount->prefix_size;
    int order = common_size == 0 ? 0 : memcmp(mount->prefix, prefix, common_size);

    if (order != 0)
        return order;
    return (mount->prefix_size > size) - (mount->prefix_size < size);
}

/* The first place whose mount is not below `prefix`; `is_there` tells whether it is that very
 * prefix. */
static size_t find_place(const MountTable *table, const char *prefix, size_t size, bool *is_there)
{
    size_t low = 0;
    size_t high = table->count;

    *is_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&table->mounts[middle], prefix, size);

        if (order == 0)
            *is_there = true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_valid_prefix(const char *prefix, size_t size)
{
    return size > 0 && prefix[0] == '/' && (size == 1 || prefix[size - 1] != '/');
}

int mount_table_add(MountTable *table, const char *prefix, size_t prefix_size, MountTarget target)
{
    size_t size = prefix_size == 1 ? 0 : prefix_size;
    bool is_there;

    assert(target.handle != 0);
    if (!is_valid_prefix(prefix, prefix_size))
        return ERR_INVALID;

    size_t place = find_place(table, prefix, size, &is_there);

    if (is_there)
        return ERR_FULL;
    table->mounts = memory_resize(table->mounts, (table->count + 1) * sizeof *table->mounts);
    memmove(table->mounts + place + 1, table->mounts + place,
            (table->count - place) * sizeof *table->mounts);
    table->mounts[place] =
        (Mount){.prefix = memory_copy(prefix, size), .prefix_size = size, .target = target};
    table->count++;
    return 0;
}

/* The size of the path without its last segment and the "/" before that. */
static size_t without_last_segment(const char *path, size_t size)
{
    while (size > 0 && path[size - 1] != '/')
        size--;
    return size > 0 ? size - 1 : 0;
}

const MountTarget *mount_table_find(const MountTable *table, const char *path, size_t path_size,
                                    size_t *prefix_size)
{
    size_t size = path_size;
    bool is_there;

    for (;;) {
        size_t place = find_place(table, path, size, &is_there);

        if (is_there) {
            *prefix_size = size;
            return &table->mounts[place].target;
        }
        if (size == 0)
            return NULL;
        size = without_last_segment(path, size);
    }
}
