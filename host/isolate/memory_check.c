#include "isolate/memory_check.h"

#include "base/clock.h"

/* So many tasks in a row are ended without much use before that is the service's fault. */
enum { MOST_CROWDED = 2 };

/* Of a turn: the others wait no longer for a collection than for a task. */
static const uint64_t step_ns = 2 * 1000000;

void memory_check_start(MemoryCheck *check, bool is_after_end)
{
    check->is_under_way = true;
    check->is_after_end = is_after_end;
    collection_start(&check->collection);
}

static MemoryVerdict judge(const MemoryCheck *check, const Account *account)
{
    size_t eighth = account->soft_size / 8;

    if (account->used_size <= 6 * eighth)
        return MEMORY_FREED;
    if (!check->is_after_end)
        return MEMORY_END_TASK;
    return account->used_size > 7 * eighth || check->crowded_count >= MOST_CROWDED ? MEMORY_AT_CAP
                                                                                   : MEMORY_CROWDED;
}

MemoryVerdict memory_check_step(MemoryCheck *check, lua_State *L, Account *account)
{
    bool is_complete = collection_step(&check->collection, L, clock_monotonic_ns() + step_ns);
    MemoryVerdict verdict = judge(check, account);

    if (!is_complete && verdict != MEMORY_FREED)
        return MEMORY_UNKNOWN;
    if (verdict == MEMORY_FREED)
        check->crowded_count = 0;
    else if (verdict == MEMORY_CROWDED)
        check->crowded_count++;
    check->is_under_way = false;
    account_forgive(account);
    return verdict;
}
