/* Accepting is done here and not by uv_listen: out of descriptors, that one closes the waiting
 * connections. */
#include "net/listener.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/error.h"
#include "base/memory.h"
#include "os/timer.h"

/* A bounded batch keeps a flood of connections from starving those already open. */
enum { BATCH_COUNT = 32, RETRY_DELAY_MS = 100 };

struct Listener {
    uv_poll_t poll;
    int fd;
    Timer *retry; /* runs while accepting fails, as it does when descriptors are short */
    ListenerAccept on_accept;
    void *owner;
    Loop *loop;
};

static void accept_ready(uv_poll_t *poll, int status, int events);

static void start_accepting(void *owner)
{
    Listener *listener = owner;

    uv_poll_start(&listener->poll, UV_READABLE, accept_ready);
}

/* Left active, the poll would report the same waiting connections again and again. */
static void retry_later(Listener *listener)
{
    uv_poll_stop(&listener->poll);
    timer_start(listener->retry, RETRY_DELAY_MS, 0);
}

/* Returns the descriptor, ERR_AGAIN when nobody waits any more, or a negative code. */
static int accept_fd(const Listener *listener)
{
    for (;;) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd >= 0)
            return fd;
        if (errno == EAGAIN)
            return ERR_AGAIN;
        if (errno != EINTR && errno != ECONNABORTED)
            return uv_translate_sys_error(errno);
    }
}

static void accept_ready(uv_poll_t *poll, int status, int events)
{
    Listener *listener = poll->data;
    Stream *stream;

    (void)events;
    for (int i = 0; i < BATCH_COUNT && status >= 0 && uv_is_active((uv_handle_t *)poll); i++) {
        status = accept_fd(listener);
        if (status >= 0 && stream_adopt(listener->loop, status, &stream) == 0)
            listener->on_accept(listener->owner, stream);
    }
    if (status < 0 && status != ERR_AGAIN)
        retry_later(listener);
}

int listener_open(Loop *loop, int fd, ListenerAccept on_accept, void *owner, Listener **out)
{
    Listener *listener = memory_alloc(sizeof *listener);
    int result;

    listener->fd = fd;
    listener->loop = loop;
    listener->on_accept = on_accept;
    listener->owner = owner;
    if ((result = timer_create_on(loop, start_accepting, listener, &listener->retry)) < 0)
        goto fail;
    if ((result = uv_poll_init(loop_uv(loop), &listener->poll, fd)) < 0)
        goto fail;
    listener->poll.data = listener;
    start_accepting(listener);
    *out = listener;
    return 0;

fail:
    timer_close(listener->retry);
    memory_free(listener); /* libuv does not know the poll handle yet */
    close(fd);
    return result;
}

void listener_pause(Listener *listener)
{
    timer_stop(listener->retry);
    uv_poll_stop(&listener->poll);
}

void listener_resume(Listener *listener)
{
    timer_stop(listener->retry);
    start_accepting(listener);
}

static void on_close(uv_handle_t *handle)
{
    memory_free(handle->data);
}

void listener_close(Listener *listener)
{
    if (listener == NULL)
        return;
    timer_close(listener->retry);
    uv_close((uv_handle_t *)&listener->poll, on_close);
    close(listener->fd);
}
