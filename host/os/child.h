/* Child: a process this one started. Its standard streams and further descriptors are said when it is spawned;
 * its end is told once. Closing a Child does not end the process. */
#ifndef PERIGEE_OS_CHILD_H
#define PERIGEE_OS_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "os/loop.h"

typedef struct Child Child;

typedef struct ChildOptions {
    const char *file;         /* looked up in PATH when it has no slash */
    char **arguments;         /* NULL-terminated, arguments[0] included */
    char **environment;       /* NULL-terminated NAME=VALUE; NULL for this process's own */
    const char *directory;    /* NULL for this process's own */
    const int *descriptors;   /* descriptors[i] becomes the child's descriptor i; -1 for /dev/null */
    size_t descriptor_count;
} ChildOptions;

/* `exit_status` is the status, or -1 when `signal` ended the process. */
typedef void (*ChildExit)(void *owner, int64_t exit_status, int signal);

int child_spawn(Loop *loop, const ChildOptions *options, ChildExit on_exit, void *owner, Child **out);
int child_pid(const Child *child);
int child_kill(Child *child, int signal);

/* Forgets the process: `on_exit` is not called any more. NULL is fine. */
void child_close(Child *child);

#endif
