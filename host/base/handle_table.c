#include "base/handle_table.h"

#include <assert.h>

#include "base/memory.h"

enum { SLOT_BITS = 24, FIRST_SLOT_COUNT = 16 };

#define SLOT_MASK (((uint64_t)1 << SLOT_BITS) - 1)
#define USE_MASK (((uint64_t)1 << 29) - 1)

typedef struct HandleSlot {
    void *object;     /* NULL while free */
    uint64_t use;     /* of the present or, while free, the next handle; never 0 */
    size_t next_free; /* while free */
} HandleSlot;

void handle_table_init(HandleTable *table)
{
    *table = (HandleTable){0};
}

void handle_table_deinit(HandleTable *table)
{
    memory_free(table->slots);
    *table = (HandleTable){0};
}

static void add_slots(HandleTable *table)
{
    size_t old_count = table->slot_count;
    size_t new_count = old_count == 0 ? FIRST_SLOT_COUNT : old_count * 2;

    assert(new_count <= SLOT_MASK);
    table->slots = memory_resize(table->slots, new_count * sizeof *table->slots);
    for (size_t i = old_count; i < new_count; i++)
        table->slots[i] = (HandleSlot){.use = 1, .next_free = i + 1};
    table->slot_count = new_count;
    table->free_slot = old_count;
}

Handle handle_table_add(HandleTable *table, void *object)
{
    assert(object != NULL);
    if (table->free_slot == table->slot_count)
        add_slots(table);

    size_t index = table->free_slot;
    HandleSlot *slot = &table->slots[index];

    table->free_slot = slot->next_free;
    table->used_count++;
    slot->object = object;
    return slot->use << SLOT_BITS | index;
}

static HandleSlot *find_slot(const HandleTable *table, Handle handle)
{
    size_t index = handle & SLOT_MASK;

    if (index >= table->slot_count)
        return NULL;
    HandleSlot *slot = &table->slots[index];
    return slot->object != NULL && slot->use == handle >> SLOT_BITS ? slot : NULL;
}

void *handle_table_find(const HandleTable *table, Handle handle)
{
    HandleSlot *slot = find_slot(table, handle);
    return slot == NULL ? NULL : slot->object;
}

void *handle_table_next(const HandleTable *table, size_t *slot)
{
    while (*slot < table->slot_count) {
        void *object = table->slots[(*slot)++].object;
        if (object != NULL)
            return object;
    }
    return NULL;
}

void handle_table_remove(HandleTable *table, Handle handle)
{
    HandleSlot *slot = find_slot(table, handle);

    if (slot == NULL)
        return;
    slot->object = NULL;
    slot->use = slot->use == USE_MASK ? 1 : slot->use + 1;
    slot->next_free = table->free_slot;
    table->free_slot = handle & SLOT_MASK;
    table->used_count--;
}
