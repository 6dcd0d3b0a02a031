/* Directories and files of the services: looking, reading, watching. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "bind/seam.h"
#include "isolate/resource.h"
#include "os/file_watch.h"

enum { MIN_READ_SIZE = 4096 };

static int push_names(lua_State *L)
{
    DIR *directory = lua_touserdata(L, 1);
    struct dirent *entry;
    int count = 0;

    lua_newtable(L);
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        lua_pushstring(L, entry->d_name);
        lua_rawseti(L, -2, ++count);
    }
    return 1;
}

/* list_directory(path) -> {name, ...} in no order, without "." and ".." | nil, code */
static int l_list_directory(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    DIR *directory;
    int status;

    lua_pushcfunction(L, push_names);
    if ((directory = opendir(path)) == NULL)
        return seam_push_failure(L, -errno);
    /* Protected: without memory for the names the directory is closed all the same. */
    lua_pushlightuserdata(L, directory);
    status = lua_pcall(L, 1, 1, 0);
    closedir(directory);
    return status == 0 ? 1 : lua_error(L);
}

static const char *kind_name(mode_t mode)
{
    return S_ISREG(mode) ? "file" : S_ISDIR(mode) ? "directory" : "other";
}

/* file_info(path) -> kind, version | nil, code. `version` changes whenever the content may have. */
static int l_file_info(lua_State *L)
{
    struct stat info;

    if (stat(luaL_checkstring(L, 1), &info) != 0)
        return seam_push_failure(L, -errno);
    lua_pushstring(L, kind_name(info.st_mode));
    lua_pushfstring(L, "%f:%f:%f:%f", (lua_Number)info.st_ino, (lua_Number)info.st_size,
                    (lua_Number)info.st_mtim.tv_sec, (lua_Number)info.st_mtim.tv_nsec);
    return 2;
}

/* Reads at most `limit` bytes of `fd` into `bytes`. Returns how many, or a negative code. */
static ssize_t read_all(int fd, char *bytes, size_t limit)
{
    size_t total = 0;

    while (total < limit) {
        ssize_t size = read(fd, bytes + total, limit - total);

        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return -errno;
        if (size == 0)
            break;
        total += (size_t)size;
    }
    return (ssize_t)total;
}

static ssize_t read_path(const char *path, char *bytes, size_t limit)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t size;

    if (fd < 0)
        return -errno;
    size = read_all(fd, bytes, limit);
    close(fd);
    return size;
}

/* Room for the file as it is now and one byte more, by which it shows that it has grown. Files of
 * the kernel tell no size. */
static size_t room_for(const char *path, size_t limit)
{
    struct stat info;
    size_t room = MIN_READ_SIZE;

    if (stat(path, &info) == 0 && (size_t)info.st_size >= room)
        room = (size_t)info.st_size + 1;
    return room > limit ? limit + 1 : room;
}

/* read_file(path, limit) -> bytes | nil, code; "too_large" past the limit */
static int l_read_file(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    size_t limit = (size_t)luaL_checkinteger(L, 2);
    size_t room = room_for(path, limit);
    char *bytes = lua_newuserdata(L, room);
    ssize_t size = read_path(path, bytes, room);

    if (size == (ssize_t)room && room <= limit) {
        room = limit + 1;
        bytes = lua_newuserdata(L, room);
        size = read_path(path, bytes, room);
    }
    if (size < 0)
        return seam_push_failure(L, (int)size);
    if ((size_t)size > limit)
        return seam_push_failure(L, ERR_TOO_LARGE);
    lua_pushlstring(L, bytes, (size_t)size);
    return 1;
}

/* make_directory(path) -> true | nil, code; "exists" when it is there */
static int l_make_directory(lua_State *L)
{
    return seam_push_result(L, mkdir(luaL_checkstring(L, 1), 0777) == 0 ? 0 : -errno);
}

/* real_path(path) -> absolute path without links | nil, code */
static int l_real_path(lua_State *L)
{
    char resolved[PATH_MAX];

    if (realpath(luaL_checkstring(L, 1), resolved) == NULL)
        return seam_push_failure(L, -errno);
    lua_pushstring(L, resolved);
    return 1;
}

typedef struct WatchBox {
    Resource resource;
    Host *host;
    Handle handle;
    FileWatch *watch;
} WatchBox;

static void on_change(void *owner, int status)
{
    WatchBox *box = owner;

    isolate_tell(box->resource.isolate,
                 (Event){.kind = EVENT_CHANGE, .id = box->handle, .code = status});
}

static void close_watch(Resource *resource)
{
    WatchBox *box = list_entry(resource, WatchBox, resource);

    handle_table_remove(&box->host->watches, box->handle);
    file_watch_close(box->watch);
    memory_free(box);
}

/* watch_directory(path) -> id | nil, code. EVENT_CHANGE until unwatch(id) or until it says why
 * it ended. */
static int l_watch_directory(lua_State *L)
{
    const char *path = luaL_checkstring(L, 1);
    Host *host = seam_host(L);
    WatchBox *box = memory_alloc(sizeof *box);
    int result = file_watch_open(host->loop, path, on_change, box, &box->watch);

    if (result < 0) {
        memory_free(box);
        return seam_push_failure(L, result);
    }
    box->host = host;
    box->handle = handle_table_add(&host->watches, box);
    resource_attach(&box->resource, isolate_from(L), close_watch);
    seam_push_handle(L, box->handle);
    return 1;
}

/* unwatch(id) */
static int l_unwatch(lua_State *L)
{
    WatchBox *box = handle_table_find(&seam_host(L)->watches, seam_check_handle(L, 1));

    if (box != NULL)
        resource_close(&box->resource);
    return 0;
}

static const luaL_Reg functions[] = {
    {"file_info",       l_file_info      },
    {"list_directory",  l_list_directory },
    {"make_directory",  l_make_directory },
    {"read_file",       l_read_file      },
    {"real_path",       l_real_path      },
    {"unwatch",         l_unwatch        },
    {"watch_directory", l_watch_directory},
    {NULL,              NULL             },
};

void bind_file_open(lua_State *L, Isolate *isolate)
{
    seam_register(L, functions, isolate);
}
