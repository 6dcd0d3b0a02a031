/* Patterns: whatever the pattern and the subject, and however often the match is put aside, the
 * verdict and the captures are those of LuaJIT's own string.find.
 * Input: a byte that chooses the steps at once, one for the size of the pattern, the pattern, and
 * the subject. Both are short: LuaJIT's own cannot be stopped. */
#include <assert.h>
#include <lauxlib.h>
#include <lualib.h>
#include <stdint.h>
#include <string.h>

#include "isolate/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST_PATTERN = 24, MOST_SUBJECT = 24, MOST_STEPS = 100000 };

static lua_State *L;

/* Leaves what string.find returned, or an error. */
static int ask_lua(const char *subject, size_t size, const char *pattern)
{
    lua_settop(L, 0);
    lua_getglobal(L, "string");
    lua_getfield(L, -1, "find");
    lua_remove(L, 1);
    lua_pushlstring(L, subject, size);
    lua_pushstring(L, pattern);
    return lua_pcall(L, 2, LUA_MULTRET, 0);
}

static PatternResult run(PatternMatch *match, size_t steps_at_once)
{
    for (size_t left = MOST_STEPS; left > 0;) {
        size_t steps = steps_at_once;
        PatternResult result = pattern_run(match, &steps);

        assert(steps <= steps_at_once);
        if (result != PATTERN_AGAIN)
            return result;
        left -= left < steps_at_once ? left : steps_at_once;
    }
    return PATTERN_AGAIN;
}

static void compare_captures(const PatternMatch *match)
{
    assert(lua_gettop(L) == 2 + match->capture_count);
    for (int i = 0; i < match->capture_count; i++) {
        const PatternCapture *capture = &match->captures[i];
        size_t size;

        if (capture->size == PATTERN_POSITION) {
            assert(lua_tointeger(L, i + 3) == capture->first - match->subject + 1);
            continue;
        }
        const char *bytes = lua_tolstring(L, i + 3, &size);
        assert(size == (size_t)capture->size && memcmp(bytes, capture->first, size) == 0);
    }
}

static int is_unfinished(const PatternMatch *match)
{
    for (int i = 0; i < match->capture_count; i++) {
        if (match->captures[i].size == PATTERN_UNFINISHED)
            return 1;
    }
    return 0;
}

static void compare(const PatternMatch *match, PatternResult result, int status)
{
    if (status != 0) {
        assert(result == PATTERN_ERROR || is_unfinished(match));
        assert(result != PATTERN_ERROR || strstr(lua_tostring(L, -1), match->error) != NULL);
    } else if (result == PATTERN_FOUND) {
        assert(lua_tointeger(L, 1) == match->first - match->subject + 1);
        assert(lua_tointeger(L, 2) == match->s - match->subject);
        compare_captures(match);
    } else {
        assert(result == PATTERN_NONE && lua_isnil(L, 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char pattern[MOST_PATTERN + 1] = "", subject[MOST_SUBJECT + 1] = "";
    size_t pattern_size, subject_size, steps;
    PatternMatch match;
    PatternResult result;

    if (L == NULL) {
        L = luaL_newstate();
        luaL_openlibs(L);
    }
    if (size < 2)
        return 0;
    steps = data[0] % 16 == 0 ? MOST_STEPS : data[0] % 16;
    pattern_size = data[1] % (MOST_PATTERN + 1);
    if (size - 2 < pattern_size)
        return 0;
    memcpy(pattern, data + 2, pattern_size);
    subject_size = size - 2 - pattern_size < MOST_SUBJECT ? size - 2 - pattern_size : MOST_SUBJECT;
    memcpy(subject, data + 2 + pattern_size, subject_size);
    pattern_begin(&match, subject, subject_size, pattern, 0);
    result = run(&match, steps);
    /* What takes long here would take long there. */
    if (result == PATTERN_AGAIN || pattern_is_plain(pattern, strlen(pattern)))
        return 0;
    compare(&match, result, ask_lua(subject, subject_size, pattern));
    return 0;
}
