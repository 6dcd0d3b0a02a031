/* Memory of the host's own small objects. Running out of it aborts the process in one place, so
 * callers have no dead branches; what a peer can size is bounded before it gets here. */
#ifndef PERIGEE_BASE_MEMORY_H
#define PERIGEE_BASE_MEMORY_H

#include <stddef.h>

void *memory_alloc(size_t size);                   /* zeroed */
void *memory_resize(void *memory, size_t size);    /* new bytes are not zeroed */
char *memory_copy(const void *bytes, size_t size); /* a copy with a NUL behind it */
void memory_free(void *memory);                    /* NULL is fine */

#endif
