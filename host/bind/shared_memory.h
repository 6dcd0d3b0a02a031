/* SharedMemory: the region of memory that this process shares with the other workers of its host,
 * and a buffer for what is copied out of it. */
#ifndef PERIGEE_BIND_SHARED_MEMORY_H
#define PERIGEE_BIND_SHARED_MEMORY_H

#include <stddef.h>

#include "shared/shared_region.h"

/* All zero: there is none. */
typedef struct SharedMemory {
    SharedRegion region; /* its bytes are NULL when there is none */
    char *buffer;
    size_t buffer_size;
} SharedMemory;

/* Makes and formats `size` bytes. The caller owns the descriptor. -EEXIST when there is memory. */
int shared_memory_create(SharedMemory *memory, size_t size, int *fd_out);

/* Maps what another process made; `fd` stays open. -EEXIST when there is memory. */
int shared_memory_map(SharedMemory *memory, int fd, size_t size);

void shared_memory_close(SharedMemory *memory);

/* At least `size` bytes, good until the next call. */
char *shared_memory_buffer(SharedMemory *memory, size_t size);

#endif
