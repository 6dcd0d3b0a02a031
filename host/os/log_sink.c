#include "os/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "base/buffer.h"
#include "base/memory.h"

enum { NOTICE_SIZE = 512, FILE_MODE = 0640, NS_PER_MS = 1000 * 1000, MS_PER_S = 1000 };

struct LogSink {
    pthread_t thread;
    pthread_mutex_t lock; /* of everything below but what is the thread's */
    pthread_cond_t has_work;
    Buffer queue; /* whole events */
    size_t limit;
    bool is_reopened;
    bool is_stopping;
    bool is_over;      /* the thread is done */
    bool is_abandoned; /* and shall free the sink when it is */
    bool is_json;
    char name[LOG_SINK_NAME_SIZE];
    char *path;  /* NULL without a file */
    int next_fd; /* a file to go on with; -1 for none */
    LogSinkCounters counters;
    uint64_t told_count; /* of dropped events, what the log has said */
    int fd;              /* the thread's */
    bool is_own_fd;      /* the thread's */
    bool is_torn;        /* the thread's: its last line has no end */
};

/* How much of `bytes` the first event is: further lines of it are indented. */
static size_t event_size(const char *bytes, size_t size)
{
    const char *end = bytes;

    do {
        end = memchr(end, '\n', size - (size_t)(end - bytes));
        if (end == NULL)
            return size;
        end++;
    } while ((size_t)(end - bytes) < size && *end == ' ');
    return (size_t)(end - bytes);
}

/* As many events as a pipe takes in one piece, and at least one; `*count` is how many. */
static size_t piece_size(const Buffer *events, uint64_t *count)
{
    size_t size = 0, next = event_size(events->bytes, events->size);

    *count = 0;
    while (next > 0 && (size == 0 || size + next <= PIPE_BUF)) {
        size += next;
        *count += 1;
        next = size < events->size ? event_size(events->bytes + size, events->size - size) : 0;
    }
    return size;
}

/* True when it went out whole. Waits as long as it takes. */
static bool write_all(LogSink *sink, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t written = write(sink->fd, bytes, size);

        if (written >= 0) {
            bytes += written;
            size -= (size_t)written;
            sink->is_torn = size > 0;
        } else if (errno == EAGAIN) {
            struct pollfd room = {.fd = sink->fd, .events = POLLOUT};
            poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/* An event that was written in part is ended before another begins. */
static bool write_events(LogSink *sink, const char *bytes, size_t size)
{
    return (!sink->is_torn || write_all(sink, "\n", 1)) && write_all(sink, bytes, size);
}

static void write_queue(LogSink *sink, Buffer *events)
{
    while (events->size > 0) {
        uint64_t count;
        size_t size = piece_size(events, &count);
        bool is_written = write_events(sink, events->bytes, size);

        buffer_skip(events, size);
        pthread_mutex_lock(&sink->lock);
        *(is_written ? &sink->counters.written_count : &sink->counters.dropped_count) += count;
        pthread_mutex_unlock(&sink->lock);
    }
}

static void format_time(char *out, size_t size)
{
    struct timespec now;
    struct tm parts;
    char seconds[32];

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out, size, "%s.%03ldZ", seconds, now.tv_nsec / NS_PER_MS);
}

/* The look of perigee.core.log_writer. Returns its size. */
static size_t compose_notice(const LogSink *sink, uint64_t count, char out[NOTICE_SIZE])
{
    static const char text[] = "%s WARN  %s  log lines were dropped: they could not be written in "
                               "time  dropped=%llu\n";
    static const char json[] = "{\"time\":\"%s\",\"level\":\"warn\",\"service\":\"%s\","
                               "\"message\":\"log lines were dropped: they could not be written in "
                               "time\",\"dropped\":%llu}\n";
    char time[64];

    format_time(time, sizeof time);
    return (size_t)snprintf(out, NOTICE_SIZE, sink->is_json ? json : text, time, sink->name,
                            (unsigned long long)count);
}

/* Says how many lines were dropped since it was said last, when that can be written. */
static void tell_of_drops(LogSink *sink)
{
    char notice[NOTICE_SIZE];
    uint64_t count;
    size_t size = 0;

    pthread_mutex_lock(&sink->lock);
    count = sink->counters.dropped_count - sink->told_count;
    if (count > 0)
        size = compose_notice(sink, count, notice);
    pthread_mutex_unlock(&sink->lock);
    if (size == 0 || !write_events(sink, notice, size))
        return;
    pthread_mutex_lock(&sink->lock);
    sink->told_count += count;
    pthread_mutex_unlock(&sink->lock);
}

static void use_file(LogSink *sink, int fd)
{
    if (sink->is_own_fd)
        close(sink->fd);
    sink->fd = fd;
    sink->is_own_fd = true;
}

/* A pipe by name that nobody reads from is an error, where opening would wait for a reader. */
static int open_file(const char *path)
{
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY;
    int fd = open(path, flags | O_NONBLOCK, FILE_MODE);

    if (fd < 0)
        return uv_translate_sys_error(errno);
    fcntl(fd, F_SETFL, flags);
    return fd;
}

/* The file that goes on when it cannot be opened anew is the one that was moved away. */
static void open_anew(LogSink *sink, const char *path)
{
    int fd = open_file(path);

    if (fd >= 0)
        use_file(sink, fd);
}

/* Takes what is to be written and done. Returns false when that was all for ever. */
static bool take_work(LogSink *sink, Buffer *events)
{
    char *path = NULL;
    int next_fd;
    bool is_over;

    pthread_mutex_lock(&sink->lock);
    while (sink->queue.size == 0 && !sink->is_stopping && !sink->is_reopened && sink->next_fd < 0)
        pthread_cond_wait(&sink->has_work, &sink->lock);
    buffer_move(events, &sink->queue);
    if (sink->is_reopened && sink->path != NULL)
        path = memory_copy(sink->path, strlen(sink->path));
    next_fd = sink->next_fd;
    sink->next_fd = -1;
    sink->is_reopened = false;
    is_over = sink->is_stopping && events->size == 0;
    pthread_mutex_unlock(&sink->lock);
    if (next_fd >= 0)
        use_file(sink, next_fd);
    if (path != NULL)
        open_anew(sink, path);
    memory_free(path);
    return !is_over;
}

static void destroy(LogSink *sink)
{
    if (sink->is_own_fd)
        close(sink->fd);
    if (sink->next_fd >= 0)
        close(sink->next_fd);
    buffer_deinit(&sink->queue);
    memory_free(sink->path);
    pthread_cond_destroy(&sink->has_work);
    pthread_mutex_destroy(&sink->lock);
    memory_free(sink);
}

static void *run(void *argument)
{
    LogSink *sink = argument;
    Buffer events;
    bool is_abandoned;

    buffer_init(&events);
    while (take_work(sink, &events)) {
        write_queue(sink, &events);
        tell_of_drops(sink);
        buffer_clear(&events);
    }
    buffer_deinit(&events);
    pthread_mutex_lock(&sink->lock);
    sink->is_over = true;
    is_abandoned = sink->is_abandoned;
    pthread_mutex_unlock(&sink->lock);
    if (is_abandoned)
        destroy(sink);
    return NULL;
}

int log_sink_open(int fd, size_t limit, LogSink **out)
{
    LogSink *sink = memory_alloc(sizeof *sink);
    sigset_t all, before;
    int result;

    *sink = (LogSink){.fd = fd, .next_fd = -1, .limit = limit, .name = "perigee"};
    pthread_mutex_init(&sink->lock, NULL);
    pthread_cond_init(&sink->has_work, NULL);
    /* SIGPIPE and SIGXFSZ of a write that fails too: the code of the failure says it. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&sink->thread, NULL, run, sink);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0) {
        memory_free(sink);
        return uv_translate_sys_error(result);
    }
    *out = sink;
    return 0;
}

/* A thread that writes what nobody takes cannot be ended; when the write ends, it frees the sink.
 * False when it is over by now. */
static bool abandon(LogSink *sink)
{
    bool is_over;

    pthread_mutex_lock(&sink->lock);
    is_over = sink->is_over;
    sink->is_abandoned = !is_over;
    if (!is_over)
        pthread_detach(sink->thread);
    pthread_mutex_unlock(&sink->lock);
    return !is_over;
}

static bool join_in_time(LogSink *sink, unsigned timeout_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / MS_PER_S;
    until.tv_nsec += (long)(timeout_ms % MS_PER_S) * NS_PER_MS;
    if (until.tv_nsec >= MS_PER_S * NS_PER_MS) {
        until.tv_nsec -= MS_PER_S * NS_PER_MS;
        until.tv_sec++;
    }
    return pthread_timedjoin_np(sink->thread, NULL, &until) == 0;
}

void log_sink_close(LogSink *sink, unsigned timeout_ms)
{
    if (sink == NULL)
        return;
    pthread_mutex_lock(&sink->lock);
    sink->is_stopping = true;
    pthread_cond_signal(&sink->has_work);
    pthread_mutex_unlock(&sink->lock);
    if (!join_in_time(sink, timeout_ms)) {
        if (abandon(sink))
            return;
        pthread_join(sink->thread, NULL);
    }
    destroy(sink);
}

void log_sink_set_format(LogSink *sink, bool is_json, const char *name)
{
    pthread_mutex_lock(&sink->lock);
    sink->is_json = is_json;
    snprintf(sink->name, sizeof sink->name, "%s", name);
    pthread_mutex_unlock(&sink->lock);
}

int log_sink_set_file(LogSink *sink, const char *path)
{
    int fd = open_file(path);

    if (fd < 0)
        return fd;
    pthread_mutex_lock(&sink->lock);
    if (sink->next_fd >= 0)
        close(sink->next_fd);
    sink->next_fd = fd;
    memory_free(sink->path);
    sink->path = memory_copy(path, strlen(path));
    pthread_cond_signal(&sink->has_work);
    pthread_mutex_unlock(&sink->lock);
    return 0;
}

void log_sink_reopen(LogSink *sink)
{
    pthread_mutex_lock(&sink->lock);
    sink->is_reopened = true;
    pthread_cond_signal(&sink->has_work);
    pthread_mutex_unlock(&sink->lock);
}

bool log_sink_write(LogSink *sink, const char *bytes, size_t size)
{
    bool has_room;

    pthread_mutex_lock(&sink->lock);
    has_room = size <= sink->limit - sink->queue.size;
    if (has_room)
        buffer_append(&sink->queue, bytes, size);
    else
        sink->counters.dropped_count++;
    pthread_cond_signal(&sink->has_work);
    pthread_mutex_unlock(&sink->lock);
    return has_room;
}

void log_sink_read_counters(LogSink *sink, LogSinkCounters *out)
{
    pthread_mutex_lock(&sink->lock);
    *out = sink->counters;
    out->waiting_size = sink->queue.size;
    pthread_mutex_unlock(&sink->lock);
}
