#include "os/signal_watch.h"

#include <uv.h>

#include "base/memory.h"

struct SignalWatch {
    uv_signal_t uv;
    SignalCallback callback;
    void *owner;
};

static void on_signal(uv_signal_t *handle, int signal)
{
    SignalWatch *watch = handle->data;
    watch->callback(watch->owner, signal);
}

int signal_watch_open(Loop *loop, int signal, SignalCallback callback, void *owner,
                      SignalWatch **out)
{
    SignalWatch *watch = memory_alloc(sizeof *watch);
    int result = uv_signal_init(loop_uv(loop), &watch->uv);

    if (result < 0) {
        memory_free(watch);
        return result;
    }
    watch->uv.data = watch;
    watch->callback = callback;
    watch->owner = owner;
    if ((result = uv_signal_start(&watch->uv, on_signal, signal)) < 0) {
        signal_watch_close(watch);
        return result;
    }
    *out = watch;
    return 0;
}

static void on_close(uv_handle_t *handle)
{
    memory_free(handle->data);
}

void signal_watch_close(SignalWatch *watch)
{
    if (watch != NULL)
        uv_close((uv_handle_t *)&watch->uv, on_close);
}
