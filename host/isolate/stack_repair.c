#include "isolate/stack_repair.h"

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

/* The first words of a lua_State in both LuaJITs (GC64): its stack from `base` to `top`. */
typedef struct StackView {
    uint64_t header[4];
    char *base;
    char *top;
} StackView;

void stack_repair(lua_State *thread)
{
    StackView *view = (StackView *)(void *)thread;
    ptrdiff_t size = (ptrdiff_t)lua_gettop(thread) * (ptrdiff_t)sizeof(uint64_t);

    /* What lies between is whole. The second condition says that the words are where they should
     * be. */
    if (size < 0 && view->top - view->base == size)
        view->top = view->base;
}
