/* Loop: the libuv event loop of this process. One per process, one thread.
 * Everything else in os/ and net/ is created on a Loop and closed before it. */
#ifndef PERIGEE_OS_LOOP_H
#define PERIGEE_OS_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct uv_loop_s;
typedef struct Loop Loop;

/* Has SIGPIPE ignored by the process: writing to a closed peer is an error code, not the end. */
int loop_create(Loop **out);

/* Runs until loop_stop, or until nothing keeps the loop alive. */
void loop_run(Loop *loop);
void loop_stop(Loop *loop);

/* Runs the close callbacks that are still due, then frees the loop. Every handle must have been
 * closed: a handle left open is reported on stderr and aborts debug builds. */
void loop_destroy(Loop *loop);

struct uv_loop_s *loop_uv(Loop *loop);

/* The monotonic clock as it was when this turn of the loop began: cheaper than to read it, and as
 * good where a few milliseconds do not matter. */
uint64_t loop_now_ms(const Loop *loop);

/* The one buffer all reads of this loop use: valid from the read to the return of its callback. */
char *loop_read_buffer(Loop *loop, size_t *size);

#endif
