#include "base/open_file.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/memory.h"

struct OpenFile {
    int fd;
    unsigned reference_count;
};

OpenFile *open_file_adopt(int fd)
{
    OpenFile *file = memory_alloc(sizeof *file);

    assert(fd >= 0);
    *file = (OpenFile){.fd = fd, .reference_count = 1};
    return file;
}

OpenFile *open_file_retain(OpenFile *file)
{
    file->reference_count++;
    return file;
}

void open_file_release(OpenFile *file)
{
    if (file == NULL || --file->reference_count > 0)
        return;
    close(file->fd);
    memory_free(file);
}

int open_file_descriptor(const OpenFile *file)
{
    return file->fd;
}

ssize_t open_file_read(const OpenFile *file, uint64_t offset, char *bytes, size_t size)
{
    size_t total = 0;

    while (total < size) {
        ssize_t count = pread(file->fd, bytes + total, size - total, (off_t)(offset + total));

        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return -errno;
        if (count == 0)
            break;
        total += (size_t)count;
    }
    return (ssize_t)total;
}
