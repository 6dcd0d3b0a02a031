#include "server/expiry.h"

#include <stdbool.h>

enum { SMALLEST_TICK_MS = 10, LARGEST_TICK_MS = 500 };

static ExpiryEntry *entry_of(const List *node)
{
    return list_entry(node, ExpiryEntry, node);
}

void expiry_init(Expiry *expiry, const uint64_t timeouts_ms[EXPIRY_KIND_COUNT])
{
    for (int kind = 0; kind < EXPIRY_KIND_COUNT; kind++) {
        list_init(&expiry->lists[kind]);
        expiry->timeouts_ms[kind] = timeouts_ms[kind];
    }
}

void expiry_init_entry(ExpiryEntry *entry)
{
    list_init(&entry->node);
    entry->kind = EXPIRY_NONE;
}

void expiry_enter(Expiry *expiry, ExpiryEntry *entry, int kind, uint64_t now_ms)
{
    list_unlink(&entry->node);
    list_push_back(&expiry->lists[kind], &entry->node);
    entry->kind = (uint8_t)kind;
    entry->since_ms = now_ms;
}

void expiry_leave(ExpiryEntry *entry)
{
    list_unlink(&entry->node);
    entry->kind = EXPIRY_NONE;
}

static bool is_over(const Expiry *expiry, int kind, uint64_t now_ms)
{
    const List *list = &expiry->lists[kind];
    uint64_t timeout_ms = expiry->timeouts_ms[kind];

    if (timeout_ms == 0 || list_is_empty(list))
        return false;
    return entry_of(list->next)->since_ms + timeout_ms <= now_ms;
}

ExpiryEntry *expiry_first(const Expiry *expiry, uint64_t now_ms)
{
    for (int kind = 0; kind < EXPIRY_KIND_COUNT; kind++) {
        if (is_over(expiry, kind, now_ms))
            return entry_of(expiry->lists[kind].next);
    }
    return NULL;
}

ExpiryEntry *expiry_any(const Expiry *expiry)
{
    for (int kind = 0; kind < EXPIRY_KIND_COUNT; kind++) {
        if (!list_is_empty(&expiry->lists[kind]))
            return entry_of(expiry->lists[kind].next);
    }
    return NULL;
}

uint64_t expiry_tick_ms(const Expiry *expiry)
{
    uint64_t tick_ms = LARGEST_TICK_MS;

    for (int kind = 0; kind < EXPIRY_KIND_COUNT; kind++) {
        uint64_t timeout_ms = expiry->timeouts_ms[kind];

        if (timeout_ms != 0 && timeout_ms / 4 < tick_ms)
            tick_ms = timeout_ms / 4;
    }
    return tick_ms > SMALLEST_TICK_MS ? tick_ms : SMALLEST_TICK_MS;
}
