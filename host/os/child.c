#include "os/child.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <unistd.h>
#include <uv.h>

#include "base/memory.h"

struct Child {
    uv_process_t uv;
    ChildExit on_exit;
    void *owner;
    bool has_ended; /* its process id may belong to somebody else by now */
};

static void on_exit_of(uv_process_t *handle, int64_t exit_status, int signal)
{
    Child *child = handle->data;

    child->has_ended = true;
    child->on_exit(child->owner, signal == 0 ? exit_status : -1, signal);
}

static uv_stdio_container_t *list_descriptors(const ChildOptions *options, int null_fd)
{
    uv_stdio_container_t *list = memory_alloc(options->descriptor_count * sizeof *list);

    for (size_t i = 0; i < options->descriptor_count; i++) {
        int fd = options->descriptors[i];

        list[i].flags = UV_INHERIT_FD;
        list[i].data.fd = fd < 0 ? null_fd : fd;
    }
    return list;
}

static int spawn(Loop *loop, const ChildOptions *options, int null_fd, Child *child)
{
    uv_stdio_container_t *descriptors = list_descriptors(options, null_fd);
    uv_process_options_t uv_options = {
        .exit_cb = on_exit_of,
        .file = options->file,
        .args = options->arguments,
        .env = options->environment,
        .cwd = options->directory,
        .stdio_count = (int)options->descriptor_count,
        .stdio = descriptors,
    };
    int result = uv_spawn(loop_uv(loop), &child->uv, &uv_options);

    memory_free(descriptors);
    return result;
}

int child_spawn(Loop *loop, const ChildOptions *options, ChildExit on_exit, void *owner,
                Child **out)
{
    /* libuv's own way of giving nothing lets the child inherit ours from descriptor 3 on. */
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null_fd < 0)
        return uv_translate_sys_error(errno);

    Child *child = memory_alloc(sizeof *child);

    child->uv.data = child;
    child->on_exit = on_exit;
    child->owner = owner;

    int result = spawn(loop, options, null_fd, child);

    close(null_fd);
    if (result < 0) {
        child_close(child); /* libuv knows the handle even when spawning failed */
        return result;
    }
    *out = child;
    return 0;
}

int child_pid(const Child *child)
{
    return uv_process_get_pid(&child->uv);
}

int child_kill(Child *child, int signal)
{
    return child->has_ended ? UV_ESRCH : uv_process_kill(&child->uv, signal);
}

static void on_close(uv_handle_t *handle)
{
    memory_free(handle->data);
}

void child_close(Child *child)
{
    if (child != NULL)
        uv_close((uv_handle_t *)&child->uv, on_close);
}
