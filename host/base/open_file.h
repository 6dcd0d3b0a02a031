/* OpenFile: a descriptor of a regular file that several answers may be sent from. It is closed when
 * the last of them lets go. */
#ifndef PERIGEE_BASE_OPEN_FILE_H
#define PERIGEE_BASE_OPEN_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct OpenFile OpenFile;

/* Takes `fd` over. The caller has the one reference. */
OpenFile *open_file_adopt(int fd);

/* Another reference to `file`, which it returns. */
OpenFile *open_file_retain(OpenFile *file);

/* NULL is fine. */
void open_file_release(OpenFile *file);

/* Borrowed. */
int open_file_descriptor(const OpenFile *file);

/* Reads at most `size` bytes from `offset` on. Returns how many, fewer only where the file ends;
 * or a negative code. */
ssize_t open_file_read(const OpenFile *file, uint64_t offset, char *bytes, size_t size);

#endif
