#include "server/method_table.h"

#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

typedef struct Service {
    char *name;
    size_t size;
    uint64_t handle;
} Service;

struct MethodTable {
    Service *services; /* sorted by size, then by name */
    size_t count;
};

MethodTable *method_table_create(void)
{
    return memory_alloc(sizeof(MethodTable));
}

void method_table_destroy(MethodTable *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++)
        memory_free(table->services[i].name);
    memory_free(table->services);
    memory_free(table);
}

static int compare(const Service *service, const char *name, size_t size)
{
    if (service->size != size)
        return service->size < size ? -1 : 1;
    return memcmp(service->name, name, size);
}

/* The place of `name`, or where it would be. */
static size_t find_place(const MethodTable *table, const char *name, size_t size, bool *is_there)
{
    size_t low = 0, high = table->count;

    *is_there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(&table->services[middle], name, size);

        *is_there = *is_there || order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

int method_table_add(MethodTable *table, const char *name, size_t size, uint64_t handle)
{
    bool is_there;
    size_t place = find_place(table, name, size, &is_there);

    if (size == 0)
        return ERR_INVALID;
    if (is_there)
        return ERR_FULL;
    table->services = memory_resize(table->services, (table->count + 1) * sizeof *table->services);
    memmove(&table->services[place + 1], &table->services[place],
            (table->count - place) * sizeof *table->services);
    table->services[place] = (Service){memory_copy(name, size), size, handle};
    table->count++;
    return 0;
}

uint64_t method_table_find(const MethodTable *table, const char *name, size_t size)
{
    bool is_there;
    size_t place = find_place(table, name, size, &is_there);

    return is_there ? table->services[place].handle : 0;
}
