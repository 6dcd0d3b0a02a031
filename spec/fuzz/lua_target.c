/* Fuzzes a Lua module: one program for each NAME_fuzz.lua, whose function is called with every
 * input and fails an assertion when a property does not hold.
 * The interpreter marks each step from one line to the next in an array that libFuzzer reads as it
 * reads its own counters: so it is guided by the lines of Lua, which no compiler instruments.
 * Every input has a bound of memory and of processor time; who passes it has failed too. */
#include <assert.h>
#include <lauxlib.h>
#include <lua.h>
#include <luajit.h>
#include <lualib.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int luaopen_cjson(lua_State *L);

enum {
    STEP_COUNT = 1 << 14,
    SPARE_HEAP_SIZE = 1024 * 1024, /* what every input may use, and garbage may lie in */
    HEAP_SIZE_PER_BYTE = 512,
    TIME_MS = 100,
    TIME_US_PER_BYTE = 20,
};

/* Saturating counters; libFuzzer finds them by the name of the section, and clears them. */
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t steps[STEP_COUNT];

static struct {
    size_t size;
    size_t limit;
} heap;

static void *allocate(void *owner, void *block, size_t old_size, size_t new_size)
{
    void *moved = NULL;

    (void)owner;
    if (new_size > old_size && heap.size + (new_size - old_size) > heap.limit)
        return NULL;
    if (new_size == 0)
        free(block);
    else if ((moved = realloc(block, new_size)) == NULL)
        return NULL;
    heap.size += new_size - old_size;
    return moved;
}

/* FNV-1a of the name without its folders, so that a run is the same run wherever the tree lies. It
 * stands in the heap, so it is hashed again only when another file runs. */
static uint32_t hash_source(const char *source)
{
    static const char *last;
    static uint32_t hash;

    if (source != last) {
        const char *slash = strrchr(source, '/');

        last = source;
        hash = 2166136261U;
        for (const char *at = slash != NULL ? slash : source; *at != '\0'; at++)
            hash = (hash ^ (uint8_t)*at) * 16777619U;
    }
    return hash;
}

static void mark_step(lua_State *L, lua_Debug *where)
{
    static uint32_t previous;
    uint32_t place;
    uint8_t *counter;

    lua_getinfo(L, "Sl", where);
    place = (hash_source(where->source) + (uint32_t)where->currentline) * 2654435761U;
    counter = &steps[(place ^ previous) >> 18];
    *counter = (uint8_t)(*counter + (*counter < UINT8_MAX));
    previous = place >> 1;
}

static int describe(lua_State *L)
{
    luaL_traceback(L, L, lua_tostring(L, 1), 1);
    return 1;
}

__attribute__((noreturn)) static void fail(lua_State *L)
{
    fprintf(stderr, "%s\n", lua_tostring(L, -1));
    abort();
}

/* A state whose stack is: describe, the function of the target. */
static lua_State *open_target(void)
{
    lua_State *L;

    heap.limit = SIZE_MAX;
    L = lua_newstate(allocate, NULL);
    luaL_openlibs(L);
    luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
    lua_getglobal(L, "package");
    lua_pushliteral(L, LUA_ROOT "/?.lua;" LUA_ROOT "/?/init.lua");
    lua_setfield(L, -2, "path");
    lua_getfield(L, -1, "preload");
    lua_pushcfunction(L, luaopen_cjson);
    lua_setfield(L, -2, "cjson");
    lua_settop(L, 0);
    lua_pushcfunction(L, describe);
    if (luaL_loadfile(L, LUA_TARGET) != 0 || lua_pcall(L, 0, 1, 1) != 0)
        fail(L);
    lua_sethook(L, mark_step, LUA_MASKLINE, 0);
    return L;
}

static int64_t processor_time_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Garbage of earlier inputs does not count for the next one, so that an input fails alone as it
 * fails among others. */
static void begin_input(lua_State *L, size_t size)
{
    static size_t clean_size;

    if (clean_size == 0 || heap.size > clean_size + SPARE_HEAP_SIZE / 2) {
        heap.limit = SIZE_MAX;
        lua_gc(L, LUA_GCCOLLECT, 0);
        clean_size = heap.size;
    }
    heap.limit = 2 * clean_size + SPARE_HEAP_SIZE + HEAP_SIZE_PER_BYTE * size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static lua_State *L;
    int64_t start_us, bound_us = TIME_MS * 1000 + (int64_t)size * TIME_US_PER_BYTE;

    if (L == NULL)
        L = open_target();
    begin_input(L, size);
    lua_settop(L, 2);
    lua_pushvalue(L, 2);
    lua_pushlstring(L, (const char *)data, size);
    start_us = processor_time_us();
    if (lua_pcall(L, 1, 0, 1) != 0)
        fail(L);
    if (processor_time_us() - start_us > bound_us) {
        lua_pushfstring(L, "the input takes more than %d ms", (int)(bound_us / 1000));
        fail(L);
    }
    return 0;
}
