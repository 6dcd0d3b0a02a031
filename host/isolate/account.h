/* Account: counts what one Lua heap uses and holds it to its limits. LuaJIT's own allocator
 * stays underneath, because it is the fastest one measured; this wraps it.
 *
 * The limits act only while a task runs: the host pushes values outside any protected call, and
 * a refusal there would end the process. The soft limit never refuses, it tells; the hard limit
 * refuses. */
#ifndef PERIGEE_ISOLATE_ACCOUNT_H
#define PERIGEE_ISOLATE_ACCOUNT_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Account {
    lua_Alloc inner;
    void *inner_data;
    size_t used_size;
    size_t soft_size;
    size_t hard_size;
    uint64_t refused_count;
    uint64_t fail_countdown; /* tests: the n-th growing allocation of a task fails; 0 for never */
    bool is_limiting;        /* a task runs */
    bool is_soft_reached;    /* told already, until account_forgive */
    /* The soft limit is reached; or more was refused since. */
    void (*on_soft)(void *owner);
    void *owner;
} Account;

/* Wraps the allocator of `L`, which was just created. account_close must be called before
 * lua_close: LuaJIT recognises its own allocator by its address and frees all of it at once. */
void account_open(Account *account, lua_State *L);
void account_close(Account *account, lua_State *L);

/* Lets on_soft be called again. */
void account_forgive(Account *account);

#endif
