/* HandleTable: numbers for pointers, for everything that Lua may name. A number is never used
 * twice: it holds the slot and how often the slot was given out, so a stale number finds nothing
 * instead of a stranger. */
#ifndef PERIGEE_BASE_HANDLE_TABLE_H
#define PERIGEE_BASE_HANDLE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* Numbers fit a double: 24 bits of slot and 29 of use. Never 0. */
typedef uint64_t Handle;

typedef struct HandleTable {
    struct HandleSlot *slots;
    size_t slot_count; /* allocated */
    size_t free_slot;  /* first of the free list, or slot_count */
    size_t used_count; /* handles given out now */
} HandleTable;

void handle_table_init(HandleTable *table);
void handle_table_deinit(HandleTable *table);

Handle handle_table_add(HandleTable *table, void *object);

/* The object, or NULL when the number is stale or was never given out. */
void *handle_table_find(const HandleTable *table, Handle handle);

/* The next object from slot `*slot` on, which moves past it; NULL at the end. Removing meanwhile is
 * fine. */
void *handle_table_next(const HandleTable *table, size_t *slot);

/* A stale number is ignored. */
void handle_table_remove(HandleTable *table, Handle handle);

#endif
