#include "os/shared_page.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "base/error.h"

int shared_page_create(size_t size, int *fd_out)
{
    int fd = memfd_create("perigee", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return uv_translate_sys_error(errno);
    if (ftruncate(fd, (off_t)size) < 0)
        goto fail;
    /* A process that shrank the file would kill the other one at its next access. */
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        goto fail;
    *fd_out = fd;
    return 0;

fail:;
    int result = uv_translate_sys_error(errno);
    close(fd);
    return result;
}

int shared_page_map(int fd, size_t size, void **out)
{
    struct stat status;

    if (fstat(fd, &status) < 0)
        return uv_translate_sys_error(errno);
    if ((uint64_t)status.st_size < size)
        return ERR_INVALID;

    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (page == MAP_FAILED)
        return uv_translate_sys_error(errno);
    *out = page;
    return 0;
}

void shared_page_unmap(void *page, size_t size)
{
    munmap(page, size);
}
