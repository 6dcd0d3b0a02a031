/* Collection: a whole collection of a heap in steps of some microseconds, so that whoever shares
 * the thread does not wait for it. No Lua of that heap may run in between. */
#ifndef PERIGEE_ISOLATE_COLLECTION_H
#define PERIGEE_ISOLATE_COLLECTION_H

#include <stdbool.h>
#include <stdint.h>

struct lua_State;

typedef struct Collection {
    unsigned cycles_left; /* of the collector; 0 when none is under way */
} Collection;

/* What is garbage now will be gone at the end. */
void collection_start(Collection *collection);

/* Goes on until the monotonic clock says `until_ns`. Returns true at its end. */
bool collection_step(Collection *collection, struct lua_State *L, uint64_t until_ns);

#endif
