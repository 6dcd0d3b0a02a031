#include "os/loop.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <uv.h>

#include "base/memory.h"

enum { READ_BUFFER_SIZE = 64 * 1024 };

struct Loop {
    uv_loop_t uv;
    char read_buffer[READ_BUFFER_SIZE];
};

int loop_create(Loop **out)
{
    Loop *loop = memory_alloc(sizeof *loop);
    int result = uv_loop_init(&loop->uv);

    if (result < 0) {
        memory_free(loop);
        return result;
    }
    signal(SIGPIPE, SIG_IGN);
    *out = loop;
    return 0;
}

void loop_run(Loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(Loop *loop)
{
    uv_stop(&loop->uv);
}

static void report_open_handle(uv_handle_t *handle, void *open_count)
{
    if (uv_is_closing(handle))
        return;
    fprintf(stderr, "perigee: a %s was left open on the loop\n",
            uv_handle_type_name(uv_handle_get_type(handle)));
    ++*(int *)open_count;
}

void loop_destroy(Loop *loop)
{
    int open_count = 0;

    uv_walk(&loop->uv, report_open_handle, &open_count);
    assert(open_count == 0);
    if (open_count > 0)
        return; /* its memory may still be in use, and nobody says when it no longer is */

    while (uv_loop_close(&loop->uv) == UV_EBUSY)
        uv_run(&loop->uv, UV_RUN_ONCE);
    memory_free(loop);
}

struct uv_loop_s *loop_uv(Loop *loop)
{
    return &loop->uv;
}

uint64_t loop_now_ms(const Loop *loop)
{
    return uv_now(&loop->uv);
}

char *loop_read_buffer(Loop *loop, size_t *size)
{
    *size = sizeof loop->read_buffer;
    return loop->read_buffer;
}
