/* SharedPage: memory that two processes see, found by descriptor. The supervisor creates one per
 * worker and keeps it; the worker inherits the descriptor and maps it too. */
#ifndef PERIGEE_OS_SHARED_PAGE_H
#define PERIGEE_OS_SHARED_PAGE_H

#include <stddef.h>

/* Creates `size` zeroed bytes. The caller owns the descriptor (close-on-exec). */
int shared_page_create(size_t size, int *fd_out);

/* Maps `size` bytes of `fd`, which stays open. Fails with ERR_INVALID when the file is shorter. */
int shared_page_map(int fd, size_t size, void **out);
void shared_page_unmap(void *page, size_t size);

#endif
