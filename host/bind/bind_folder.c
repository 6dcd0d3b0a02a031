/* Folders that a service may read, and files of them. Nothing names a file but a path below a
 * folder, and no folder lies outside the service's own, or one it was granted. */
#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "bind/exchange.h"
#include "bind/seam.h"
#include "os/folder.h"
#include "server/server_exchange.h"

#define FOLDER_TYPE "perigee.folder"
#define FILE_TYPE "perigee.file"

static const SeamType folder_type, file_type;

enum { VERSION_SIZE = 64, READ_SIZE = 1024 * 1024 };

typedef struct FolderBox {
    Folder *folder; /* NULL once closed */
} FolderBox;

typedef struct FileBox {
    OpenFile *file; /* NULL once closed */
} FileBox;

/* A box born empty, so that whatever fails afterwards leaves it consistent. */
static void *push_box(lua_State *L, size_t size, const SeamType *type)
{
    void *box = lua_newuserdata(L, size);

    seam_push_type(L, type);
    lua_setmetatable(L, -2);
    return box;
}

/* The folder that all which is opened lies below; NULL when there is none. */
static const char *base_folder(lua_State *L)
{
    Isolate *isolate = isolate_from(L);

    if (lua_toboolean(L, 3))
        return isolate_may_read(isolate, luaL_checkstring(L, 2)) ? lua_tostring(L, 2) : NULL;
    return isolate == seam_host(L)->system ? luaL_checkstring(L, 2) : isolate_folder(isolate);
}

/* folder_open(name, base, is_granted) -> folder | nil, code. `name` lies below the service's own
 * folder; or below `base` in the host's own isolate, and where that was granted to the service. */
static int l_folder_open(lua_State *L)
{
    const char *name = luaL_checkstring(L, 1);
    const char *base = base_folder(L);
    FolderBox *box;
    int result;

    if (base == NULL)
        return seam_push_failure(L, ERR_NOT_FOUND);
    box = push_box(L, sizeof *box, &folder_type);
    box->folder = NULL;
    if ((result = folder_open(base, name, &box->folder)) < 0)
        return seam_push_failure(L, result);
    return 1;
}

static int l_folder_close(lua_State *L)
{
    FolderBox *box = luaL_checkudata(L, 1, FOLDER_TYPE);

    folder_close(box->folder);
    box->folder = NULL;
    return 0;
}

/* Text that is another one whenever the content may be. */
static void push_version(lua_State *L, const FolderFile *opened)
{
    char text[VERSION_SIZE];
    int size =
        snprintf(text, sizeof text, "%" PRIx64 "-%" PRIx64 "%08" PRIx32 "-%" PRIx64, opened->size,
                 (uint64_t)opened->modified_s, opened->modified_ns, opened->inode);

    lua_pushlstring(L, text, (size_t)size);
}

/* folder:open_file(path) -> file, size, modified (seconds since 1970), version | nil, code:
 * "directory" for one, "not_found" also for what leads out */
static int l_folder_open_file(lua_State *L)
{
    FolderBox *box = luaL_checkudata(L, 1, FOLDER_TYPE);
    const char *name = luaL_checkstring(L, 2);
    FolderFile opened;
    FileBox *file;
    int result;

    if (box->folder == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    file = push_box(L, sizeof *file, &file_type);
    file->file = NULL;
    if ((result = folder_open_file(box->folder, name, &opened)) < 0)
        return seam_push_failure(L, result);
    file->file = open_file_adopt(opened.fd);
    lua_pushnumber(L, (lua_Number)opened.size);
    lua_pushnumber(L, (lua_Number)opened.modified_s);
    push_version(L, &opened);
    return 4;
}

/* file:read(offset, size) -> bytes, fewer only where the file ends | nil, code */
static int l_file_read(lua_State *L)
{
    FileBox *box = luaL_checkudata(L, 1, FILE_TYPE);
    lua_Number offset = luaL_checknumber(L, 2), size = luaL_checknumber(L, 3);
    char *bytes;
    ssize_t count;

    luaL_argcheck(L, offset >= 0 && offset < 0x1p53, 2, "not an offset");
    luaL_argcheck(L, size >= 0 && size <= READ_SIZE, 3, "must be 0 to 1048576");
    if (box->file == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    bytes = lua_newuserdata(L, (size_t)size + 1);
    count = open_file_read(box->file, (uint64_t)offset, bytes, (size_t)size);
    if (count < 0)
        return seam_push_failure(L, (int)count);
    lua_pushlstring(L, bytes, (size_t)count);
    return 1;
}

static int l_file_close(lua_State *L)
{
    FileBox *box = luaL_checkudata(L, 1, FILE_TYPE);

    open_file_release(box->file);
    box->file = NULL;
    return 0;
}

/* exchange_write_file(id, file, offset, size) -> true | nil, code. Goes from the file to the client
 * when it is its turn; the file may be closed before. */
static int l_exchange_write_file(lua_State *L)
{
    ExchangeBox *exchange = exchange_check(L, 1);
    FileBox *box = luaL_checkudata(L, 2, FILE_TYPE);
    lua_Number offset = luaL_checknumber(L, 3), size = luaL_checknumber(L, 4);

    luaL_argcheck(L, offset >= 0 && offset < 0x1p53, 3, "not an offset");
    luaL_argcheck(L, size >= 0 && size < 0x1p53, 4, "not a size");
    if (exchange == NULL || box->file == NULL)
        return seam_push_failure(L, ERR_CLOSED);
    return seam_push_result(L, server_exchange_write_file(exchange->exchange, box->file,
                                                          (uint64_t)offset, (uint64_t)size));
}

static const luaL_Reg functions[] = {
    {"exchange_write_file", l_exchange_write_file},
    {"folder_open",         l_folder_open        },
    {NULL,                  NULL                 },
};

static const luaL_Reg folder_methods[] = {
    {"close",     l_folder_close    },
    {"open_file", l_folder_open_file},
    {NULL,        NULL              },
};

static const SeamType folder_type = {FOLDER_TYPE, folder_methods, l_folder_close};

static const luaL_Reg file_methods[] = {
    {"close", l_file_close},
    {"read",  l_file_read },
    {NULL,    NULL        },
};

static const SeamType file_type = {FILE_TYPE, file_methods, l_file_close};

void bind_folder_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
