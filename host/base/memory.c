/* Memory: the one place where running out of it ends the process. */
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *checked(void *memory, size_t size)
{
    if (memory == NULL && size != 0) {
        fprintf(stderr, "perigee: out of memory (%zu bytes)\n", size);
        abort();
    }
    return memory;
}

void *memory_alloc(size_t size)
{
    return checked(calloc(1, size), size);
}

void *memory_resize(void *memory, size_t size)
{
    /* realloc to zero bytes frees on some systems and not on others. */
    size_t wanted = size != 0 ? size : 1;
    return checked(realloc(memory, wanted), wanted);
}

char *memory_copy(const void *bytes, size_t size)
{
    char *copy = checked(malloc(size + 1), size + 1);

    if (size != 0)
        memcpy(copy, bytes, size);
    copy[size] = '\0';
    return copy;
}

void memory_free(void *memory)
{
    free(memory);
}
