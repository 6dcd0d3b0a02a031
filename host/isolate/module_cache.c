#include "isolate/module_cache.h"

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/memory.h"
#include "isolate/embedded.h"

enum { PATH_SIZE = 512 };

static const char *source_directory; /* NULL: the modules in the binary */
static Buffer *bytecode;             /* one for each embedded module, empty until it was loaded */

void module_cache_set_directory(const char *directory)
{
    source_directory = directory;
}

static int compare_name(const void *name, const void *file)
{
    return strcmp(name, ((const EmbeddedFile *)file)->name);
}

static const EmbeddedFile *find_embedded(const EmbeddedFile *files, size_t count, const char *name)
{
    return bsearch(name, files, count, sizeof *files, compare_name);
}

/* "perigee.http" with suffix "/init.lua" gives "perigee/http/init.lua". */
static void format_path(char path[PATH_SIZE], const char *name, const char *suffix)
{
    snprintf(path, PATH_SIZE, "%s%s", name, suffix);
    for (char *dot = path; dot < path + strlen(name) && *dot != '\0'; dot++) {
        if (*dot == '.')
            *dot = '/';
    }
}

/* The bytecode of the function at 1, without names of locals and line numbers, which are a seventh
 * of an isolate's memory. lua_dump cannot leave them out, the library's string.dump can. */
static int dump(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
    lua_getfield(L, -1, "string");
    lua_getfield(L, -1, "dump");
    lua_pushvalue(L, 1);
    lua_pushboolean(L, 1);
    lua_call(L, 2, 1);
    return 1;
}

/* Leaves nothing on L, or a message. */
static int compile(lua_State *L, const EmbeddedFile *module, const char *chunk_name, Buffer *out)
{
    const char *bytes;
    size_t size;
    int result = luaL_loadbufferx(L, module->source, module->size, chunk_name, "t");

    if (result == 0) {
        lua_pushcfunction(L, dump);
        lua_insert(L, -2);
        result = lua_pcall(L, 1, 1, 0);
    }
    if (result != 0)
        return ERR_INVALID;
    bytes = lua_tolstring(L, -1, &size);
    buffer_append(out, bytes, size);
    lua_pop(L, 1);
    return 0;
}

/* LuaJIT keeps a field that a constructor sets to nil as a key of the table it copies, and nothing
 * else keeps that key: a collection between loading and dumping would free what the dump writes.
 * Reading the bytecode loses those of such keys that collide with another: what is made for each
 * request begins with constants, and the rest is set behind them. */
static int compile_uncollected(lua_State *L, const EmbeddedFile *module, const char *chunk_name,
                               Buffer *out)
{
    lua_gc(L, LUA_GCSTOP, 0);
    int result = compile(L, module, chunk_name, out);
    lua_gc(L, LUA_GCRESTART, 0);
    return result;
}

static int load_embedded(lua_State *L, const char *name)
{
    const EmbeddedFile *module = find_embedded(embedded_modules, embedded_module_count, name);
    char chunk_name[PATH_SIZE + 1] = "@";

    if (module == NULL) {
        lua_pushfstring(L, "Perigee has no module '%s'", name);
        return ERR_NOT_FOUND;
    }
    if (bytecode == NULL)
        bytecode = memory_alloc(embedded_module_count * sizeof *bytecode);

    Buffer *compiled = &bytecode[module - embedded_modules];

    format_path(chunk_name + 1, name, ".lua");
    if (compiled->size == 0 && compile_uncollected(L, module, chunk_name, compiled) < 0)
        return ERR_INVALID;
    /* Also the first time, so that every isolate runs the same. */
    return luaL_loadbufferx(L, compiled->bytes, compiled->size, chunk_name, "b") == 0 ? 0
                                                                                      : ERR_INVALID;
}

/* A file below the directory that stands for what is embedded. */
static int read_file(const char *relative, Buffer *out)
{
    char path[2 * PATH_SIZE];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", source_directory, relative);
    if ((file = fopen(path, "rb")) == NULL)
        return ERR_NOT_FOUND;
    for (size_t size = 1; size > 0;) {
        size = fread(buffer_reserve(out, BUFSIZ), 1, BUFSIZ, file);
        buffer_grow(out, size);
    }
    fclose(file);
    return 0;
}

/* luaL_loadfile would name the chunk by its full path; tracebacks should read the same in both
 * modes. */
static int load_file(lua_State *L, const char *name, const char *suffix)
{
    char relative[PATH_SIZE];
    char chunk_name[PATH_SIZE + 1] = "@";
    Buffer text = {0};
    int result;

    format_path(relative, name, suffix);
    if (read_file(relative, &text) < 0)
        return ERR_NOT_FOUND;
    format_path(chunk_name + 1, name, ".lua");
    result = luaL_loadbufferx(L, text.bytes, text.size, chunk_name, "t") == 0 ? 0 : ERR_INVALID;
    buffer_deinit(&text);
    return result;
}

int module_cache_load(lua_State *L, const char *name)
{
    int result;

    if (source_directory == NULL)
        return load_embedded(L, name);
    if ((result = load_file(L, name, ".lua")) == ERR_NOT_FOUND &&
        (result = load_file(L, name, "/init.lua")) == ERR_NOT_FOUND)
        lua_pushfstring(L, "there is no module '%s' below '%s'", name, source_directory);
    return result;
}

int module_cache_read_asset(const char *name, Buffer *out)
{
    const EmbeddedFile *asset;

    if (source_directory != NULL)
        return read_file(name, out);
    asset = find_embedded(embedded_assets, embedded_asset_count, name);
    if (asset == NULL)
        return ERR_NOT_FOUND;
    buffer_append(out, asset->source, asset->size);
    return 0;
}

void module_cache_clear(void)
{
    for (size_t i = 0; bytecode != NULL && i < embedded_module_count; i++)
        buffer_deinit(&bytecode[i]);
    memory_free(bytecode);
    bytecode = NULL;
}
