#include "os/timer.h"

#include <uv.h>

#include "base/memory.h"

struct Timer {
    uv_timer_t uv;
    TimerCallback callback;
    void *owner;
};

int timer_create_on(Loop *loop, TimerCallback callback, void *owner, Timer **out)
{
    Timer *timer = memory_alloc(sizeof *timer);
    int result = uv_timer_init(loop_uv(loop), &timer->uv);

    if (result < 0) {
        memory_free(timer);
        return result;
    }
    timer->uv.data = timer;
    timer->callback = callback;
    timer->owner = owner;
    *out = timer;
    return 0;
}

static void on_timeout(uv_timer_t *handle)
{
    Timer *timer = handle->data;
    timer->callback(timer->owner);
}

void timer_start(Timer *timer, uint64_t delay_ms, uint64_t repeat_ms)
{
    /* libuv counts from the beginning of the turn, which a long callback has left far behind. */
    uv_update_time(timer->uv.loop);
    uv_timer_start(&timer->uv, on_timeout, delay_ms, repeat_ms);
}

void timer_stop(Timer *timer)
{
    uv_timer_stop(&timer->uv);
}

void timer_unref(Timer *timer)
{
    uv_unref((uv_handle_t *)&timer->uv);
}

static void on_close(uv_handle_t *handle)
{
    memory_free(handle->data);
}

void timer_close(Timer *timer)
{
    if (timer != NULL)
        uv_close((uv_handle_t *)&timer->uv, on_close);
}
