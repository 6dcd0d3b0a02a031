#include "isolate/account.h"

/* True when this growth must be refused. */
static bool is_refused(Account *account, size_t growth)
{
    if (account->fail_countdown > 0 && --account->fail_countdown == 0)
        return true;
    return account->used_size + growth > account->hard_size;
}

static void *allocate(void *data, void *memory, size_t old_size, size_t new_size)
{
    Account *account = data;
    void *result;

    if (new_size > old_size && account->is_limiting) {
        size_t growth = new_size - old_size;

        if (is_refused(account, growth)) {
            account->refused_count++;
            /* Whoever catches this needs memory, too: the place to look after it is there. */
            if (account->is_soft_reached)
                account->on_soft(account->owner);
            return NULL;
        }
        if (account->used_size + growth > account->soft_size && !account->is_soft_reached) {
            account->is_soft_reached = true;
            account->on_soft(account->owner);
        }
    }
    result = account->inner(account->inner_data, memory, old_size, new_size);
    if (result != NULL || new_size == 0)
        account->used_size += new_size - old_size;
    return result;
}

void account_open(Account *account, lua_State *L)
{
    account->inner = lua_getallocf(L, &account->inner_data);
    account->used_size =
        (size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 + (size_t)lua_gc(L, LUA_GCCOUNTB, 0);
    lua_setallocf(L, allocate, account);
}

void account_close(Account *account, lua_State *L)
{
    lua_setallocf(L, account->inner, account->inner_data);
}

void account_forgive(Account *account)
{
    account->is_soft_reached = false;
}
