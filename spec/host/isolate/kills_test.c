/* Tasks of one isolate that are ended at random moments, again and again, and allocations that
 * fail one after the other in a program that was compiled: nothing breaks, what comes next
 * works. */
#include "isolate/preempt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "isolate/account.h"

#if defined(__SANITIZE_ADDRESS__)
#define KILL_COUNT 4000
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KILL_COUNT 4000
#endif
#endif
#ifndef KILL_COUNT
#define KILL_COUNT 20000
#endif

enum { MOST_ALLOCATIONS = 20000, LEAST_NS = 5000, MOST_NS = 400000, RETRY_NS = 500000 };

static const char *const prelude =
    "function spin() while true do end end "
    "function looping(name) return setmetatable({}, { [name] = spin }) end "
    "function good() local list = {} for i = 1, 50 do list[i] = { i } end "
    "local sum = 0 for _, one in ipairs(list) do sum = sum + one[1] end "
    "local text = ('x'):rep(3) .. sum "
    "local step = coroutine.wrap(function() coroutine.yield(1) return 2 end) "
    "local caught = not pcall(error, 'x') "
    "return text .. step() .. step() .. tostring(caught) end";

static const char *const bodies[] = {
    "while true do end",
    "local i = 0 repeat i = i + 1 until i < 0",
    "local function f(n) return f(n + 1) end f(1)",
    "local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end fib(60)",
    "while true do local t = {} for i = 1, 100 do t[i] = { i } end end",
    "while true do local s = '' for i = 1, 99 do s = s .. i end end",
    "while true do pcall(spin) end",
    "while true do pcall(error, 'again') end",
    "xpcall(spin, spin)",
    "xpcall(error, spin)",
    "while true do xpcall(error, function() error('x') end) end",
    "return looping('__index').x",
    "looping('__newindex').x = 1",
    "return looping('__concat') .. ''",
    "return tostring(looping('__tostring'))",
    "string.format('%s', looping('__tostring'))",
    "coroutine.wrap(spin)()",
    "coroutine.wrap(function() coroutine.wrap(function() pcall(spin) end)() end)()",
    "for _ in coroutine.wrap(function() while true do coroutine.yield(1) end end) do end",
    "while true do coroutine.wrap(function() end)() end",
    "load('while true do end')()",
    "while true do load('return ' .. math.random())() end",
    "('x'):gsub('.', spin)",
    "table.sort({ 1, 2, 3 }, spin)",
    "local t = {} for i = 1, 1e9 do t[i % 1000] = i end",
    "local f while true do local g = f f = function() return 1 end end",
    "while true do local s = string.format('%d %s', 1, 'x') s = s:rep(1000) end",
};

enum { BODY_COUNT = sizeof bodies / sizeof *bodies };

typedef struct Fixture {
    lua_State *L;
    Account account;
    Preempt preempt;
    timer_t timer;
} Fixture;

static void on_soft(void *owner)
{
    (void)owner;
}

static int set_up(void **state)
{
    static Fixture fixture;
    struct sigevent how = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = PREEMPT_SIGNAL};

    assert_int_equal(preempt_install(), 0);
    fixture.L = luaL_newstate();
    luaL_openlibs(fixture.L);
    /* As for services: where compiled loops do not look at the hook nothing is compiled. */
    if (!preempt_self_test())
        assert_int_equal(luaL_dostring(fixture.L, "jit.off()"), 0);
    assert_int_equal(luaL_dostring(fixture.L, prelude), 0);
    fixture.account = (Account){.soft_size = SIZE_MAX, .hard_size = SIZE_MAX, .on_soft = on_soft};
    account_open(&fixture.account, fixture.L);
    preempt_init(&fixture.preempt, fixture.L, &fixture.account);
    fixture.preempt.meter.budget_ns = 1;
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &how, &fixture.timer), 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    Fixture *fixture = *state;

    timer_delete(fixture->timer);
    preempt_deinit(&fixture->preempt);
    account_close(&fixture->account, fixture->L);
    lua_close(fixture->L);
    return 0;
}

static void set_timer(Fixture *fixture, long first_ns, long then_ns)
{
    struct itimerspec when = {.it_value.tv_nsec = first_ns, .it_interval.tv_nsec = then_ns};

    timer_settime(fixture->timer, 0, &when, NULL);
}

/* Runs a chunk as a task. Leaves its thread on the stack. */
static int run(Fixture *fixture, const char *chunk, lua_State **thread)
{
    int status;

    *thread = lua_newthread(fixture->L);
    assert_int_equal(luaL_loadstring(*thread, chunk), 0);
    preempt_begin_turn(&fixture->preempt, clock_monotonic_ns() - 1000);
    preempt_enter_task(&fixture->preempt, *thread);
    status = lua_resume(*thread, 0);
    preempt_leave_task(&fixture->preempt, status != 0 && status != LUA_YIELD);
    preempt_end_turn(&fixture->preempt);
    return status;
}

static void check_good(Fixture *fixture)
{
    lua_State *thread;

    assert_int_equal(run(fixture, "return good()", &thread), 0);
    assert_string_equal(lua_tostring(thread, -1), "xxx127512true");
    lua_pop(fixture->L, 1);
}

static void kill_one(Fixture *fixture, const char *body)
{
    lua_State *thread;

    set_timer(fixture, LEAST_NS + random() % MOST_NS, RETRY_NS);
    run(fixture, body, &thread);
    set_timer(fixture, 0, 0);
    if (fixture->preempt.end != PREEMPT_END_CPU)
        fail_msg("'%s' was not ended", body);
    assert_non_null(fixture->preempt.traceback);
    preempt_forget_task(&fixture->preempt);
    lua_pop(fixture->L, 1);
}

static void test_random_kills(void **state)
{
    Fixture *fixture = *state;

    srandom(42);
    for (int i = 0; i < KILL_COUNT; i++) {
        kill_one(fixture, bodies[random() % BODY_COUNT]);
        if (i % 8 == 0)
            check_good(fixture);
    }
    lua_gc(fixture->L, LUA_GCCOLLECT, 0);
    assert_true(fixture->account.used_size < 4 * 1024 * 1024);
}

/* Long enough to be compiled, with all that allocates in compiled code. */
static const char *const program =
    "local kept = {} "
    "for i = 1, 200 do "
    "  local t = { i, x = i } t.y = tostring(i) t[#t + 1] = i .. 'x' "
    "  kept[i] = function() return t.x end "
    "  kept['k' .. i] = setmetatable({}, { __index = t }) "
    "end "
    "local parts = {} "
    "for i = 1, 200 do parts[#parts + 1] = kept[i]() .. kept['k' .. i].y:sub(1, 2) end "
    "local thread = coroutine.wrap(function(a) while true do a = coroutine.yield({ a }) end end) "
    "for i = 1, 100 do thread(i) end "
    "return table.concat(parts, ','):rep(2)";

/* The program with its n-th allocation refused, once; true when it has that many. */
static bool refuse(Fixture *fixture, uint64_t n)
{
    uint64_t before = fixture->account.refused_count;
    lua_State *thread;

    fixture->account.fail_countdown = n;
    run(fixture, program, &thread);
    fixture->account.fail_countdown = 0;
    preempt_forget_task(&fixture->preempt);
    lua_pop(fixture->L, 1);
    return fixture->account.refused_count > before;
}

static void test_each_allocation_refused(void **state)
{
    Fixture *fixture = *state;
    uint64_t n = 1;

    fixture->preempt.meter.budget_ns = 0;
    for (int i = 0; i < 20; i++)
        refuse(fixture, MOST_ALLOCATIONS);
    while (refuse(fixture, n)) {
        n++;
        if (n % 16 == 0)
            check_good(fixture);
    }
    assert_in_range(n, 500, MOST_ALLOCATIONS);
}

/* From the n-th on all are refused, as at a hard limit. */
static void test_all_refused_from_each_on(void **state)
{
    Fixture *fixture = *state;
    lua_State *thread;

    fixture->preempt.meter.budget_ns = 0;
    for (size_t room = 0; room < 200 * 1024; room += 977) {
        lua_gc(fixture->L, LUA_GCCOLLECT, 0);
        fixture->account.hard_size = fixture->account.used_size + room;
        run(fixture, program, &thread);
        fixture->account.hard_size = SIZE_MAX;
        preempt_forget_task(&fixture->preempt);
        lua_pop(fixture->L, 1);
        check_good(fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_random_kills, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_each_allocation_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_refused_from_each_on, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
