#include "os/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "os/beneath.h"

#define REFRESH_NS UINT64_C(1000000000)

struct Folder {
    int fd;
    uint64_t opened_ns;
    char *base;
    char *name;
};

static int open_directory(const Folder *folder)
{
    int base_fd = open(folder->base, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int fd;

    if (base_fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : -errno;
    fd = beneath_open(base_fd, folder->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
    close(base_fd);
    return fd;
}

int folder_open(const char *base, const char *name, Folder **out)
{
    Folder *folder = memory_alloc(sizeof *folder);

    folder->base = memory_copy(base, strlen(base));
    folder->name = memory_copy(name, strlen(name));
    folder->opened_ns = clock_monotonic_ns();
    folder->fd = open_directory(folder);
    if (folder->fd < 0) {
        int result = folder->fd;

        folder_close(folder);
        return result;
    }
    *out = folder;
    return 0;
}

void folder_close(Folder *folder)
{
    if (folder == NULL)
        return;
    if (folder->fd >= 0)
        close(folder->fd);
    memory_free(folder->base);
    memory_free(folder->name);
    memory_free(folder);
}

static int refresh(Folder *folder)
{
    uint64_t now_ns = clock_monotonic_ns();
    int fd;

    if (now_ns - folder->opened_ns < REFRESH_NS)
        return 0;
    fd = open_directory(folder);
    if (fd < 0)
        return fd;
    close(folder->fd);
    folder->fd = fd;
    folder->opened_ns = now_ns;
    return 0;
}

static int describe(int fd, FolderFile *out)
{
    struct stat info;

    if (fstat(fd, &info) < 0)
        return -errno;
    if (S_ISDIR(info.st_mode))
        return -EISDIR;
    if (!S_ISREG(info.st_mode))
        return ERR_NOT_FOUND;
    *out = (FolderFile){
        .fd = fd,
        .size = (uint64_t)info.st_size,
        .modified_s = info.st_mtim.tv_sec,
        .modified_ns = (uint32_t)info.st_mtim.tv_nsec,
        .inode = info.st_ino,
    };
    return 0;
}

/* O_NONBLOCK, so that opening a FIFO nobody writes to does not wait. */
int folder_open_file(Folder *folder, const char *name, FolderFile *out)
{
    int result = refresh(folder);
    int fd;

    if (result < 0)
        return result;
    fd = beneath_open(folder->fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fd;
    if ((result = describe(fd, out)) < 0)
        close(fd);
    return result;
}
