/* LogSink: where the lines of a process's log go, whoever of it writes them. A thread of its own
 * does the writing, so a disk or pipe that is full, slow or gone holds up nobody. What waits for
 * the thread is bounded: when that is full, further events are refused and counted, and the log
 * says how many once there is room. An event is a line, and lines behind it that are indented.
 * Events of several processes that share a pipe are not mixed, unless they are longer than
 * PIPE_BUF. */
#ifndef PERIGEE_OS_LOG_SINK_H
#define PERIGEE_OS_LOG_SINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LOG_SINK_NAME_SIZE = 64 };

typedef struct LogSink LogSink;

typedef struct LogSinkCounters {
    uint64_t written_count;
    uint64_t dropped_count; /* refused, or lost because they could not be written */
    size_t waiting_size;    /* bytes that nobody has tried to write yet */
} LogSinkCounters;

/* Starts with a descriptor that stays the caller's. At most `limit` bytes wait. 0, or a code. */
int log_sink_open(int fd, size_t limit, LogSink **out);

/* Writes what waits, for `timeout_ms` at most. NULL is fine. */
void log_sink_close(LogSink *sink, unsigned timeout_ms);

/* How the sink's own lines look: as JSON or text, under this name. */
void log_sink_set_format(LogSink *sink, bool is_json, const char *name);

/* Appends to this file from now on, which is made when it is missing. 0, or a code; then nothing
 * has changed. */
int log_sink_set_file(LogSink *sink, const char *path);

/* Opens the file anew, before the next line: it was moved away. Without a file it does nothing. */
void log_sink_reopen(LogSink *sink);

/* Takes one event, with its end. Never waits. False when it was dropped. */
bool log_sink_write(LogSink *sink, const char *bytes, size_t size);

void log_sink_read_counters(LogSink *sink, LogSinkCounters *out);

#endif
