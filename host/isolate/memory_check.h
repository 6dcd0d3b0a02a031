/* MemoryCheck: what to do about a heap that has reached its soft limit. All garbage is collected
 * first, in steps. If that does not help, the task that asked for more is ended, and the heap is
 * looked at once more: what is in use then belongs to nobody who could be ended. */
#ifndef PERIGEE_ISOLATE_MEMORY_CHECK_H
#define PERIGEE_ISOLATE_MEMORY_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "isolate/account.h"
#include "isolate/collection.h"

typedef enum MemoryVerdict {
    MEMORY_UNKNOWN,  /* it goes on */
    MEMORY_FREED,    /* enough of it */
    MEMORY_END_TASK, /* the one that asked last */
    MEMORY_CROWDED,  /* there is a little room, now that the task has ended */
    MEMORY_AT_CAP,   /* what is in use is nobody's in particular */
} MemoryVerdict;

typedef struct MemoryCheck {
    Collection collection;
    bool is_under_way;
    bool is_after_end;
    unsigned crowded_count; /* in a row */
} MemoryCheck;

/* A task asks for more; or (`is_after_end`) it has been ended for that. */
void memory_check_start(MemoryCheck *check, bool is_after_end);

/* Goes on for a while. The check is over when there is a verdict, and the account is told. */
MemoryVerdict memory_check_step(MemoryCheck *check, lua_State *L, Account *account);

#endif
