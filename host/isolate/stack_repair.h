/* A repair of what LuaJIT leaves of a coroutine that has died for want of memory. */
#ifndef PERIGEE_ISOLATE_STACK_REPAIR_H
#define PERIGEE_ISOLATE_STACK_REPAIR_H

struct lua_State;

/* Makes a coroutine that has ended with an error safe for the collector. Where memory was refused
 * to one of LuaJIT's fast functions, such as string.sub, its stack ends before its last frame
 * begins. The collector clears what lies behind the end, frames among it, and then follows
 * those. */
void stack_repair(struct lua_State *thread);

#endif
