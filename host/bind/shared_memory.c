#include "bind/shared_memory.h"

#include <errno.h>
#include <unistd.h>

#include "base/memory.h"
#include "os/shared_page.h"

/* Formats the bytes first when they are new. */
static int map(SharedMemory *memory, int fd, size_t size, int (*format)(void *bytes, size_t size))
{
    void *bytes;
    int result;

    if (memory->region.bytes != NULL)
        return -EEXIST;
    if ((result = shared_page_map(fd, size, &bytes)) < 0)
        return result;
    if (format != NULL)
        result = format(bytes, size);
    if (result == 0)
        result = shared_region_open(bytes, size, &memory->region);
    if (result < 0)
        shared_page_unmap(bytes, size);
    return result;
}

int shared_memory_create(SharedMemory *memory, size_t size, int *fd_out)
{
    int fd;
    int result = shared_page_create(size, &fd);

    if (result < 0)
        return result;
    if ((result = map(memory, fd, size, shared_region_format)) < 0) {
        close(fd);
        return result;
    }
    *fd_out = fd;
    return 0;
}

int shared_memory_map(SharedMemory *memory, int fd, size_t size)
{
    return map(memory, fd, size, NULL);
}

void shared_memory_close(SharedMemory *memory)
{
    if (memory->region.bytes != NULL)
        shared_page_unmap(memory->region.bytes, memory->region.size);
    memory_free(memory->buffer);
    *memory = (SharedMemory){0};
}

char *shared_memory_buffer(SharedMemory *memory, size_t size)
{
    if (size > memory->buffer_size) {
        memory->buffer = memory_resize(memory->buffer, size);
        memory->buffer_size = size;
    }
    return memory->buffer;
}
