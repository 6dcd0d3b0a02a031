/* Confinement of this process by the kernel, in case what it runs gets out of its sandbox: files by
 * landlock, system calls by seccomp. Neither can be taken back. */
#ifndef PERIGEE_OS_CONFINE_H
#define PERIGEE_OS_CONFINE_H

#include <stddef.h>

typedef struct ConfinePaths {
    const char *const *paths;
    size_t count;
} ConfinePaths;

/* 0 when this kernel has what it takes, or a negative code. */
int confine_check(void);

/* From now on the calling thread, and those it starts, open nothing but what lies below `readable`,
 * `writable` (folders in which files may be made, too) and what the C library needs to look up
 * names and check certificates. The whole process starts no other, looks into none, and changes
 * nothing of the system. Paths that are not there are left out. 0 or a negative code; then it may
 * be confined in part. */
int confine_apply(ConfinePaths readable, ConfinePaths writable);

#endif
