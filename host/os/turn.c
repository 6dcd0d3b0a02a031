#include "os/turn.h"

#include <uv.h>

#include "base/memory.h"

enum { HANDLE_COUNT = 3 };

struct Turn {
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    int open_count; /* handles whose close callback is still to come */
    TurnCallback before_sleep;
    TurnCallback after_io;
    void *owner;
};

static void on_prepare(uv_prepare_t *handle)
{
    Turn *turn = handle->data;
    turn->before_sleep(turn->owner);
}

static void on_check(uv_check_t *handle)
{
    Turn *turn = handle->data;
    turn->after_io(turn->owner);
}

/* An active idle handle is what makes libuv poll without sleeping; it has nothing else to do. */
static void on_idle(uv_idle_t *handle)
{
    (void)handle;
}

static void on_close(uv_handle_t *handle)
{
    Turn *turn = handle->data;
    if (--turn->open_count == 0)
        memory_free(turn);
}

int turn_open(Loop *loop, TurnCallback before_sleep, TurnCallback after_io, void *owner, Turn **out)
{
    Turn *turn = memory_alloc(sizeof *turn);
    uv_loop_t *uv = loop_uv(loop);

    /* These three cannot fail: libuv only links them into the loop. */
    uv_prepare_init(uv, &turn->prepare);
    uv_check_init(uv, &turn->check);
    uv_idle_init(uv, &turn->idle);
    turn->open_count = HANDLE_COUNT;
    turn->prepare.data = turn->check.data = turn->idle.data = turn;
    turn->before_sleep = before_sleep;
    turn->after_io = after_io;
    turn->owner = owner;
    uv_prepare_start(&turn->prepare, on_prepare);
    uv_check_start(&turn->check, on_check);
    uv_unref((uv_handle_t *)&turn->prepare);
    uv_unref((uv_handle_t *)&turn->check);
    *out = turn;
    return 0;
}

void turn_keep_awake(Turn *turn, bool is_awake)
{
    if (is_awake)
        uv_idle_start(&turn->idle, on_idle);
    else
        uv_idle_stop(&turn->idle);
}

void turn_close(Turn *turn)
{
    if (turn == NULL)
        return;
    uv_close((uv_handle_t *)&turn->prepare, on_close);
    uv_close((uv_handle_t *)&turn->check, on_close);
    uv_close((uv_handle_t *)&turn->idle, on_close);
}
