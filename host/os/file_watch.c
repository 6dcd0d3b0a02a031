#include "os/file_watch.h"

#include <stdbool.h>
#include <string.h>
#include <uv.h>

#include "base/error.h"
#include "base/memory.h"

enum { HANDLE_COUNT = 2 };

struct FileWatch {
    uv_fs_event_t event;
    uv_check_t check;      /* active from a turn's first event until the change is told */
    int open_count;        /* handles whose close callback is still to come */
    bool is_path_doubtful; /* an event may have been about the path itself */
    char *path;
    const char
        *name; /* the last part of `path`, empty behind a slash at the end, as libuv has it */
    FileWatchChange on_change;
    void *owner;
};

static void tell_change(uv_check_t *check);

static void on_event(uv_fs_event_t *event, const char *name, int events, int status)
{
    FileWatch *watch = event->data;

    (void)status; /* inotify reports no failures */
    /* When the watched path was removed or moved away, libuv gives its own last part as the name.
     * An entry of the same name inside the directory looks alike. */
    if ((events & UV_RENAME) && name != NULL && strcmp(name, watch->name) == 0)
        watch->is_path_doubtful = true;
    uv_check_start(&watch->check, tell_change);
}

/* The kernel watches an inode, not a path: what stands there now may be another one, or nothing. */
static int watch_again(FileWatch *watch)
{
    uv_fs_event_stop(&watch->event);

    int result = uv_fs_event_start(&watch->event, on_event, watch->path, 0);
    return result == UV_ENOENT ? ERR_NOT_FOUND : result;
}

static void tell_change(uv_check_t *check)
{
    FileWatch *watch = check->data;
    int status = 0;

    uv_check_stop(check);
    if (watch->is_path_doubtful) {
        watch->is_path_doubtful = false;
        status = watch_again(watch);
    }
    watch->on_change(watch->owner, status);
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

int file_watch_open(Loop *loop, const char *path, FileWatchChange on_change, void *owner,
                    FileWatch **out)
{
    FileWatch *watch = memory_alloc(sizeof *watch);

    /* These two cannot fail: libuv only links them into the loop. */
    uv_fs_event_init(loop_uv(loop), &watch->event);
    uv_check_init(loop_uv(loop), &watch->check);
    watch->open_count = HANDLE_COUNT;
    watch->event.data = watch->check.data = watch;
    watch->path = memory_copy(path, strlen(path));
    watch->name = last_part(watch->path);
    watch->on_change = on_change;
    watch->owner = owner;

    int result = uv_fs_event_start(&watch->event, on_event, watch->path, 0);

    if (result < 0) {
        file_watch_close(watch);
        return result;
    }
    *out = watch;
    return 0;
}

static void on_close(uv_handle_t *handle)
{
    FileWatch *watch = handle->data;

    if (--watch->open_count > 0)
        return;
    memory_free(watch->path);
    memory_free(watch);
}

void file_watch_close(FileWatch *watch)
{
    if (watch == NULL)
        return;
    uv_close((uv_handle_t *)&watch->event, on_close);
    uv_close((uv_handle_t *)&watch->check, on_close);
}
