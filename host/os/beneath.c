#include "os/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/error.h"

/* How often a directory that is moved meanwhile is looked at again. */
enum { TRY_COUNT = 16 };

/* What is outside is not there, and neither is what only other kinds of open could open. */
static int translate(int code)
{
    switch (code) {
    case ENOENT:
    case ENOTDIR:
    case EXDEV:
    case ELOOP:
    case ENXIO:
    case ENODEV:
    case ENAMETOOLONG:
        return ERR_NOT_FOUND;
    default:
        return -code;
    }
}

/* Copies the segment at `name` and returns its end; NULL when it is none that leads down. */
static const char *take_segment(const char *name, char segment[NAME_MAX + 1])
{
    const char *end = strchrnul(name, '/');
    size_t size = (size_t)(end - name);

    if (size == 0 || size > NAME_MAX)
        return NULL;
    memcpy(segment, name, size);
    segment[size] = '\0';
    return strcmp(segment, "..") == 0 ? NULL : end;
}

int beneath_walk(int directory_fd, const char *name, int flags)
{
    char segment[NAME_MAX + 1];
    int fd = directory_fd, code = 0;

    while (code == 0 && name != NULL) {
        const char *end = take_segment(name, segment);
        bool is_last = end != NULL && *end == '\0';
        int how = is_last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC;
        int next = end != NULL ? openat(fd, segment, how | O_NOFOLLOW) : -1;

        if (next < 0)
            code = end != NULL ? errno : ENOENT;
        if (fd != directory_fd)
            close(fd);
        fd = next;
        name = code != 0 || is_last ? NULL : end + 1;
    }
    return code == 0 ? fd : translate(code);
}

static int open_by_kernel(int directory_fd, const char *name, int flags)
{
    struct open_how how = {
        .flags = (unsigned)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long result;

    for (int i = 0; i < TRY_COUNT; i++) {
        result = syscall(SYS_openat2, directory_fd, name, &how, sizeof how);
        if (result >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    return (int)result;
}

int beneath_open(int directory_fd, const char *name, int flags)
{
    int fd = open_by_kernel(directory_fd, name, flags);

    if (fd >= 0)
        return fd;
    /* Filters of system calls that do not know this one yet say EPERM. */
    if (errno == ENOSYS || errno == EPERM)
        return beneath_walk(directory_fd, name, flags);
    return translate(errno);
}
