/* Listener: accepts connections from a listening descriptor. */
#ifndef PERIGEE_NET_LISTENER_H
#define PERIGEE_NET_LISTENER_H

#include "net/address.h"
#include "net/stream.h"
#include "os/loop.h"

typedef struct Listener Listener;

/* Takes ownership of `stream`, which has no handler yet. */
typedef void (*ListenerAccept)(void *owner, Stream *stream);

/* Adopts `fd` (closed with the listener, also when opening fails). */
int listener_open(Loop *loop, int fd, ListenerAccept on_accept, void *owner, Listener **out);

/* Stops and resumes accepting; waiting connections stay in the kernel's queue.
 * Running out of descriptors, or any other failure, pauses by itself for 100 ms and tries again. */
void listener_pause(Listener *listener);
void listener_resume(Listener *listener);

/* NULL is fine. */
void listener_close(Listener *listener);

#endif
