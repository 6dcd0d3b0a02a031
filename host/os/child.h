/* Child: a process this one started. Its standard streams and further descriptors are said when it
 * is spawned; its end is told once. Closing a Child does not end the process. */
#ifndef PERIGEE_OS_CHILD_H
#define PERIGEE_OS_CHILD_H

#include <stddef.h>
#include <stdint.h>

#include "os/loop.h"

typedef struct Child Child;

typedef struct ChildOptions {
    const char *file;       /* looked up in PATH when it has no slash */
    char **arguments;       /* NULL-terminated, arguments[0] included */
    char **environment;     /* NULL-terminated NAME=VALUE; NULL for this process's own */
    const char *directory;  /* NULL for this process's own */
    const int *descriptors; /* descriptors[i] becomes the child's i; -1 is /dev/null */
    size_t descriptor_count;
} ChildOptions;

/* `exit_status` is the status, or -1 when `signal` ended the process. */
typedef void (*ChildExit)(void *owner, int64_t exit_status, int signal);

/* Fails when the file cannot be executed (UV_ENOENT, UV_EACCES, ...). The child starts with default
 * signal handling and an empty signal mask; it inherits no other descriptors than those that lack
 * close-on-exec. */
int child_spawn(Loop *loop, const ChildOptions *options, ChildExit on_exit, void *owner,
                Child **out);
int child_pid(const Child *child);

/* UV_ESRCH once it has ended: the number may belong to another process by then. */
int child_kill(Child *child, int signal);

/* Forgets the process: `on_exit` is not called any more. One that still runs stays a zombie when it
 * ends, until this process ends too. NULL is fine. */
void child_close(Child *child);

#endif
