#include "isolate/collection.h"

#include <lua.h>

#include "base/clock.h"

enum {
    /* A cycle that is under way keeps what was in use when it began. */
    CYCLES = 2,
    STEP = 32, /* about 30 to 60 us */
};

void collection_start(Collection *collection)
{
    collection->cycles_left = CYCLES;
}

bool collection_step(Collection *collection, lua_State *L, uint64_t until_ns)
{
    do {
        if (lua_gc(L, LUA_GCSTEP, STEP) != 0)
            collection->cycles_left--;
    } while (collection->cycles_left > 0 && clock_monotonic_ns() < until_ns);
    return collection->cycles_left == 0;
}
