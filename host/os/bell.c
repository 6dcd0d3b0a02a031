#include "os/bell.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/memory.h"

struct Bell {
    uv_poll_t uv;
    int fd;
    BellCallback callback;
    void *owner;
};

int bell_create(int *fd_out)
{
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (fd < 0)
        return uv_translate_sys_error(errno);
    *fd_out = fd;
    return 0;
}

void bell_ring(int fd)
{
    /* A counter that is full has been rung already. */
    if (eventfd_write(fd, 1) < 0)
        return;
}

static void on_ring(uv_poll_t *handle, int status, int events)
{
    Bell *bell = handle->data;
    eventfd_t count;

    (void)events;
    if (status == 0 && eventfd_read(bell->fd, &count) == 0)
        bell->callback(bell->owner);
}

static void on_close(uv_handle_t *handle)
{
    Bell *bell = handle->data;

    close(bell->fd);
    memory_free(bell);
}

int bell_open(Loop *loop, int fd, BellCallback callback, void *owner, Bell **out)
{
    Bell *bell = memory_alloc(sizeof *bell);
    int result = uv_poll_init(loop_uv(loop), &bell->uv, fd);

    if (result < 0) {
        close(fd);
        memory_free(bell);
        return result;
    }
    *bell = (Bell){.uv = bell->uv, .fd = fd, .callback = callback, .owner = owner};
    bell->uv.data = bell;
    uv_unref((uv_handle_t *)&bell->uv);
    if ((result = uv_poll_start(&bell->uv, UV_READABLE, on_ring)) < 0) {
        bell_close(bell);
        return result;
    }
    *out = bell;
    return 0;
}

void bell_close(Bell *bell)
{
    if (bell != NULL)
        uv_close((uv_handle_t *)&bell->uv, on_close);
}
