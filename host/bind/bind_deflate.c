/* Compression of answers, and the way back for clients. How many are under way at once is bounded
 * for the whole process: each has memory outside the heap of its isolate. */
#include <limits.h>

#include "base/error.h"
#include "bind/seam.h"
#include "http/deflate.h"
#include "http/gunzip.h"

#define DEFLATE_TYPE "perigee.deflate"
#define GUNZIP_TYPE "perigee.gunzip"

static const SeamType deflate_type, gunzip_type;

enum { WINDOW_BITS = 15, WRITE_SIZE = 64 * 1024, READ_SIZE = 64 * 1024 };

typedef struct DeflateBox {
    Host *host;
    Deflate *deflate; /* NULL once closed */
    Buffer out;       /* what the last write made; here so that nobody loses it when Lua's memory
                         is out */
} DeflateBox;

static int l_deflate_close(lua_State *L)
{
    DeflateBox *box = luaL_checkudata(L, 1, DEFLATE_TYPE);

    if (box->deflate != NULL)
        box->host->deflate_count--;
    deflate_destroy(box->deflate);
    box->deflate = NULL;
    buffer_deinit(&box->out);
    return 0;
}

/* deflate_open(level) -> a stream of gzip | nil, "full" */
static int l_deflate_open(lua_State *L)
{
    lua_Integer level = luaL_checkinteger(L, 1);
    Host *host = seam_host(L);
    DeflateBox *box;

    luaL_argcheck(L, level >= 1 && level <= 9, 1, "must be 1 to 9");
    if (host->deflate_count >= host->deflate_limit) {
        host->refused_deflate_count++;
        return seam_push_failure(L, ERR_FULL);
    }
    box = lua_newuserdata(L, sizeof *box);
    *box = (DeflateBox){.host = host};
    seam_push_type(L, &deflate_type);
    lua_setmetatable(L, -2);
    box->deflate = deflate_create(DEFLATE_GZIP, (int)level, WINDOW_BITS);
    host->deflate_count++;
    return 1;
}

/* stream:write(bytes, mode) -> bytes | nil, "closed". At most 64 KiB at once, because nothing else
 * runs meanwhile. `mode` is "more", "flush" (all so far comes out) or "end", which closes it. */
static int l_deflate_write(lua_State *L)
{
    static const char *const modes[] = {"more", "flush", "end", NULL};
    static const int flushes[] = {DEFLATE_BUFFER, DEFLATE_FLUSH, DEFLATE_END};
    DeflateBox *box = luaL_checkudata(L, 1, DEFLATE_TYPE);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);
    int flush = flushes[luaL_checkoption(L, 3, "more", modes)];

    luaL_argcheck(L, size <= WRITE_SIZE, 2, "too large for one piece");
    if (box->deflate == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    buffer_clear(&box->out);
    deflate_write(box->deflate, bytes, size, flush, &box->out);
    lua_pushlstring(L, box->out.size == 0 ? "" : box->out.bytes, box->out.size);
    if (flush == DEFLATE_END)
        l_deflate_close(L);
    return 1;
}

/* deflate_limit(count): so many streams may be under way at once in this process, from now on */
static int l_deflate_limit(lua_State *L)
{
    lua_Number count = luaL_checknumber(L, 1);

    luaL_argcheck(L, count >= 0 && count <= UINT_MAX, 1, "out of range");
    seam_host(L)->deflate_limit = (unsigned)count;
    return 0;
}

typedef struct GunzipBox {
    Host *host;
    Gunzip *gunzip; /* NULL once closed */
    Buffer out;     /* what the last read made, as above */
} GunzipBox;

static int l_gunzip_close(lua_State *L)
{
    GunzipBox *box = luaL_checkudata(L, 1, GUNZIP_TYPE);

    if (box->gunzip != NULL)
        box->host->gunzip_count--;
    gunzip_destroy(box->gunzip);
    box->gunzip = NULL;
    buffer_deinit(&box->out);
    return 0;
}

/* gunzip_open() -> a reader of gzip | nil, "full" */
static int l_gunzip_open(lua_State *L)
{
    Host *host = seam_host(L);
    GunzipBox *box;

    if (host->gunzip_count >= HOST_GUNZIP_LIMIT)
        return seam_push_failure(L, ERR_FULL);
    box = lua_newuserdata(L, sizeof *box);
    *box = (GunzipBox){.host = host};
    seam_push_type(L, &gunzip_type);
    lua_setmetatable(L, -2);
    box->gunzip = gunzip_create();
    host->gunzip_count++;
    return 1;
}

/* gunzip:write(bytes) -> true | nil, "closed" */
static int l_gunzip_write(lua_State *L)
{
    GunzipBox *box = luaL_checkudata(L, 1, GUNZIP_TYPE);
    size_t size;
    const char *bytes = luaL_checklstring(L, 2, &size);

    if (box->gunzip == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    gunzip_write(box->gunzip, bytes, size);
    return seam_push_result(L, 0);
}

/* gunzip:read() -> the next bytes of what was compressed, at most 64 KiB | nil, "again": more is to
 * be written | nil, "eof": that was the end | nil, "invalid" */
static int l_gunzip_read(lua_State *L)
{
    GunzipBox *box = luaL_checkudata(L, 1, GUNZIP_TYPE);
    long made;

    if (box->gunzip == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    buffer_clear(&box->out);
    if ((made = gunzip_read(box->gunzip, READ_SIZE, &box->out)) < 0)
        return seam_push_failure(L, (int)made);
    lua_pushlstring(L, box->out.bytes, box->out.size);
    return 1;
}

static const luaL_Reg functions[] = {
    {"deflate_open", l_deflate_open},
    {"gunzip_open",  l_gunzip_open },
    {NULL,           NULL          },
};

static const luaL_Reg system_functions[] = {
    {"deflate_limit", l_deflate_limit},
    {NULL,            NULL           },
};

static const luaL_Reg methods[] = {
    {"close", l_deflate_close},
    {"write", l_deflate_write},
    {NULL,    NULL           },
};

static const SeamType deflate_type = {DEFLATE_TYPE, methods, l_deflate_close};

static const luaL_Reg gunzip_methods[] = {
    {"close", l_gunzip_close},
    {"read",  l_gunzip_read },
    {"write", l_gunzip_write},
    {NULL,    NULL          },
};

static const SeamType gunzip_type = {GUNZIP_TYPE, gunzip_methods, l_gunzip_close};

void bind_deflate_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}

void bind_deflate_open_system(lua_State *L, Isolate *isolate)
{
    seam_register(L, system_functions, isolate);
}
