/* Accepting is done here and not by uv_listen: out of descriptors, that one closes the waiting
 * connections. */
#include "net/listener.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "base/error.h"
#include "base/memory.h"
#include "os/timer.h"

/* A bounded batch keeps a flood of connections from starving those already open. */
enum { BATCH_COUNT = 32, RETRY_DELAY_MS = 100 };

/* Of connections that wait in the kernel when listening ends; the queue is hardly ever longer. */
enum { LAST_BATCH_COUNT = 4096 };

struct Listener {
    uv_poll_t poll;
    int fd;
    Timer *retry; /* runs while accepting fails, as it does when descriptors are short */
    const ListenerHandler *handler;
    void *owner;
    Loop *loop;
    bool is_failing;
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

static void set_failing(Listener *listener, int status)
{
    bool was_failing = listener->is_failing;

    listener->is_failing = status < 0;
    if (was_failing || listener->is_failing)
        listener->handler->on_trouble(listener->owner, status);
}

/* Returns 0, ERR_AGAIN when nobody waits any more, or why accepting failed. */
static int accept_one(Listener *listener)
{
    Stream *stream;
    int fd = accept_fd(listener);

    if (fd < 0)
        return fd;
    set_failing(listener, 0);
    if (stream_adopt(listener->loop, fd, &stream) == 0)
        listener->handler->on_accept(listener->owner, stream);
    return 0;
}

static void accept_ready(uv_poll_t *poll, int status, int events)
{
    Listener *listener = poll->data;

    (void)events;
    for (int i = 0; i < BATCH_COUNT && status >= 0 && uv_is_active((uv_handle_t *)poll); i++)
        status = accept_one(listener);
    if (status < 0 && status != ERR_AGAIN) {
        retry_later(listener);
        set_failing(listener, status);
    }
}

void listener_accept_waiting(Listener *listener)
{
    int status = 0;

    for (int i = 0; i < LAST_BATCH_COUNT && status == 0; i++)
        status = accept_one(listener);
}

int listener_open(Loop *loop, int fd, const ListenerHandler *handler, void *owner, Listener **out)
{
    Listener *listener = memory_alloc(sizeof *listener);
    int result;

    listener->fd = fd;
    listener->loop = loop;
    listener->handler = handler;
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
