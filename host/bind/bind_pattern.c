/* Patterns of Lua in pieces of bounded length: perigee.service.patterns makes string.find and its
 * like of them. Positions are Lua's, from 1. */
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "bind/seam.h"
#include "isolate/pattern.h"

#define PATTERN_TYPE "perigee.pattern"

/* How pattern_find looks: as string.find does, or with the whole match where there are no
 * captures; as string.gmatch, for which "^" means itself; or for the text as it is. */
enum { MODE_FIND, MODE_WHOLE, MODE_FLOATING, MODE_PLAIN };

/* Of one call: a millisecond or so. */
enum { STEPS = 100000 };

typedef struct PatternBox {
    PatternMatch match;
    int mode;
} PatternBox;

static const SeamType pattern_type;

/* By the type of a value that cannot replace anything. */
static const char *const bad_values[] = {
    [LUA_TBOOLEAN] = "invalid replacement value (a boolean)",
    [LUA_TLIGHTUSERDATA] = "invalid replacement value (a userdata)",
    [LUA_TTABLE] = "invalid replacement value (a table)",
    [LUA_TFUNCTION] = "invalid replacement value (a function)",
    [LUA_TUSERDATA] = "invalid replacement value (a userdata)",
    [LUA_TTHREAD] = "invalid replacement value (a thread)",
};

static int push_error(lua_State *L, const char *error)
{
    lua_pushnil(L);
    lua_pushstring(L, error);
    return 2;
}

/* Returns false, with nothing pushed, and an error when there is none, or it has no end. */
static bool push_capture(lua_State *L, PatternMatch *match, int i)
{
    PatternCapture capture;

    if (i == 0 && match->capture_count == 0) {
        lua_pushlstring(L, match->first, (size_t)(match->s - match->first));
        return true;
    }
    if (i >= match->capture_count) {
        match->error = "invalid capture index";
        return false;
    }
    capture = match->captures[i];
    if (capture.size == PATTERN_UNFINISHED) {
        match->error = "unfinished capture";
        return false;
    }
    if (capture.size == PATTERN_POSITION)
        lua_pushinteger(L, capture.first - match->subject + 1);
    else
        lua_pushlstring(L, capture.first, (size_t)capture.size);
    return true;
}

static int push_found(lua_State *L, PatternMatch *match, int mode)
{
    int count = match->capture_count == 0 && mode != MODE_FIND ? 1 : match->capture_count;

    luaL_checkstack(L, count + 4, "too many captures");
    lua_pushinteger(L, match->first - match->subject + 1);
    lua_pushinteger(L, match->s - match->subject);
    for (int i = 0; i < count; i++) {
        if (!push_capture(L, match, i))
            return push_error(L, match->error);
    }
    return count + 2;
}

static void push_box(lua_State *L, const PatternMatch *match, int mode)
{
    PatternBox *box = lua_newuserdata(L, sizeof *box);

    *box = (PatternBox){.match = *match, .mode = mode};
    seam_push_type(L, &pattern_type);
    lua_setmetatable(L, -2);
}

static int push_result(lua_State *L, PatternMatch *match, PatternResult result, int mode)
{
    switch (result) {
    case PATTERN_FOUND:
        return push_found(L, match, mode);
    case PATTERN_ERROR:
        return push_error(L, match->error);
    case PATTERN_AGAIN:
        push_box(L, match, mode);
        return 1;
    default:
        lua_pushnil(L);
        return 1;
    }
}

/* The position as LuaJIT takes it: whole, in 32 bits, from the end when negative, and in the
 * subject. Returns it from 0. */
static size_t check_start(lua_State *L, int argument, size_t size)
{
    lua_Number number = luaL_optnumber(L, argument, 1);
    int64_t start = number > INT32_MIN && number < 2147483648.0 ? (int64_t)number : INT32_MIN;

    start = start < 0 ? start + (int64_t)size : start - 1;
    if (start < 0)
        return 0;
    return (size_t)start > size ? size : (size_t)start;
}

/* Takes time in proportion to both texts. */
static int find_plain(lua_State *L, const char *subject, size_t size, size_t start)
{
    size_t pattern_size;
    const char *pattern = lua_tolstring(L, 2, &pattern_size);
    const char *found = memmem(subject + start, size - start, pattern, pattern_size);

    if (found == NULL) {
        lua_pushnil(L);
        return 1;
    }
    lua_pushinteger(L, found - subject + 1);
    lua_pushinteger(L, found - subject + (ptrdiff_t)pattern_size);
    return 2;
}

/* pattern_find(subject, pattern, start or nil, mode) -> first, last, captures... | nil | nil,
 * what is wrong with the pattern | a box for pattern_go_on. `mode` is 0 for string.find, 1 for
 * the whole match in place of no captures, 2 for that where "^" means itself, 3 for plain text. */
static int l_pattern_find(lua_State *L)
{
    PatternMatch match;
    size_t size, start, steps = STEPS;
    const char *subject = luaL_checklstring(L, 1, &size);
    const char *pattern = luaL_checkstring(L, 2);
    int mode = (int)luaL_checkinteger(L, 4);

    start = check_start(L, 3, size);
    if (mode == MODE_PLAIN)
        return find_plain(L, subject, size, start);
    pattern_begin(&match, subject, size, pattern, start);
    if (mode == MODE_FLOATING)
        pattern_float(&match);
    return push_result(L, &match, pattern_run(&match, &steps), mode);
}

/* pattern_go_on(box, subject, pattern) -> as pattern_find, for the same two */
static int l_pattern_go_on(lua_State *L)
{
    PatternBox *box = luaL_checkudata(L, 1, PATTERN_TYPE);
    size_t steps = STEPS;
    PatternResult result;

    luaL_argcheck(L, luaL_checkstring(L, 2) == box->match.subject, 2, "another subject");
    luaL_argcheck(L, luaL_checkstring(L, 3) + box->match.is_anchored == box->match.pattern, 3,
                  "another pattern");
    result = pattern_run(&box->match, &steps);
    if (result != PATTERN_AGAIN)
        return push_result(L, &box->match, result, box->mode);
    lua_settop(L, 1);
    return 1;
}

/* Adds what the table at 3 has for the first capture, without metamethods. Returns false with an
 * error of the match. */
static bool add_looked_up(lua_State *L, luaL_Buffer *out, PatternMatch *match)
{
    if (!push_capture(L, match, 0))
        return false;
    lua_rawget(L, 3);
    if (!lua_toboolean(L, -1)) {
        lua_pop(L, 1);
        lua_pushlstring(L, match->first, (size_t)(match->s - match->first));
    } else if (!lua_isstring(L, -1)) {
        match->error = bad_values[lua_type(L, -1)];
        return false;
    }
    luaL_addvalue(out);
    return true;
}

/* The same with the text at 3. */
static bool add_expanded(lua_State *L, luaL_Buffer *out, PatternMatch *match)
{
    size_t size;
    const char *text = lua_tolstring(L, 3, &size);

    for (size_t i = 0; i < size; i++) {
        if (text[i] != '%') {
            luaL_addchar(out, text[i]);
            continue;
        }
        i++; /* behind the last byte is a NUL, which LuaJIT takes */
        if (text[i] == '0') {
            luaL_addlstring(out, match->first, (size_t)(match->s - match->first));
        } else if (text[i] > '0' && text[i] <= '9') {
            if (!push_capture(L, match, text[i] - '1'))
                return false;
            luaL_addvalue(out);
        } else {
            luaL_addchar(out, text[i]);
        }
    }
    return true;
}

typedef struct Replacing {
    PatternMatch match;
    size_t steps;
    const char *next; /* what is before that is in the buffer */
    lua_Number count, limit;
} Replacing;

/* Replaces one. Returns PATTERN_FOUND when there may be more. */
static PatternResult replace(lua_State *L, luaL_Buffer *out, Replacing *all, const char *pattern)
{
    PatternMatch *match = &all->match;
    const char *subject = match->subject, *end = match->subject_end;
    PatternResult result;

    pattern_begin(match, subject, (size_t)(end - subject), pattern, (size_t)(all->next - subject));
    if ((result = pattern_run(match, &all->steps)) != PATTERN_FOUND)
        return result;
    luaL_addlstring(out, all->next, (size_t)(match->first - all->next));
    if (!(lua_istable(L, 3) ? add_looked_up : add_expanded)(L, out, match))
        return PATTERN_ERROR;
    all->count++;
    all->next = match->s;
    if (match->s == match->first) {
        if (match->s == end)
            return PATTERN_NONE;
        luaL_addchar(out, *all->next++);
    }
    return match->is_anchored ? PATTERN_NONE : PATTERN_FOUND;
}

/* pattern_replace(subject, pattern, text or table without metatable, limit) -> text, how many were
 * replaced, where to go on when this would take long, or nil | nil, what is wrong */
static int l_pattern_replace(lua_State *L)
{
    Replacing all = {.steps = STEPS};
    PatternResult result = PATTERN_FOUND;
    size_t size;
    const char *subject = luaL_checklstring(L, 1, &size);
    const char *pattern = luaL_checkstring(L, 2);
    luaL_Buffer out;

    if (!lua_istable(L, 3))
        luaL_checkstring(L, 3);
    all.limit = luaL_checknumber(L, 4);
    all.next = subject;
    pattern_begin(&all.match, subject, size, pattern, 0);
    luaL_buffinit(L, &out);
    while (result == PATTERN_FOUND && all.count < all.limit)
        result = replace(L, &out, &all, pattern);
    if (result == PATTERN_ERROR) {
        lua_settop(L, 3);
        return push_error(L, all.match.error);
    }
    if (result != PATTERN_AGAIN)
        luaL_addlstring(&out, all.next, (size_t)(subject + size - all.next));
    luaL_pushresult(&out);
    lua_pushnumber(L, all.count);
    if (result != PATTERN_AGAIN)
        return 2;
    lua_pushinteger(L, all.next - subject + 1);
    return 3;
}

static const luaL_Reg functions[] = {
    {"pattern_find",    l_pattern_find   },
    {"pattern_go_on",   l_pattern_go_on  },
    {"pattern_replace", l_pattern_replace},
    {NULL,              NULL             },
};

static const luaL_Reg methods[] = {
    {NULL, NULL},
};

static const SeamType pattern_type = {PATTERN_TYPE, methods, NULL};

void bind_pattern_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
