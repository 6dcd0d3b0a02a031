/* Spares: objects of one type that nobody uses at present, kept for the next who needs one. A burst
 * of requests makes and frees a thousand of them within one turn of the loop, which costs an
 * allocator much more than to keep them. */
#ifndef PERIGEE_BASE_SPARES_H
#define PERIGEE_BASE_SPARES_H

#include <stdbool.h>
#include <stddef.h>

enum { SPARES_LIMIT = 1024 };

/* Zeroed, it is empty. */
typedef struct Spares {
    size_t count;
    void *items[SPARES_LIMIT];
} Spares;

/* Takes one out, with the bytes it was kept with; NULL when there is none. */
static inline void *spares_take(Spares *spares)
{
    return spares->count > 0 ? spares->items[--spares->count] : NULL;
}

/* Returns false when it is full: then the object stays the caller's. */
static inline bool spares_keep(Spares *spares, void *object)
{
    if (spares->count == SPARES_LIMIT)
        return false;
    spares->items[spares->count++] = object;
    return true;
}

#endif
