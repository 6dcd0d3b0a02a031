/* Listener: accepts connections from a listening descriptor. */
#ifndef PERIGEE_NET_LISTENER_H
#define PERIGEE_NET_LISTENER_H

#include "net/address.h"
#include "net/stream.h"
#include "os/loop.h"

typedef struct Listener Listener;

typedef struct ListenerHandler {
    /* Takes ownership of `stream`, which has no handler yet. */
    void (*on_accept)(void *owner, Stream *stream);
    /* Accepting failed with this negative code, and is tried again; 0 when it goes on. */
    void (*on_trouble)(void *owner, int status);
} ListenerHandler;

/* Adopts `fd` (closed with the listener, also when opening fails). */
int listener_open(Loop *loop, int fd, const ListenerHandler *handler, void *owner, Listener **out);

/* Stops and resumes accepting; waiting connections stay in the kernel's queue.
 * Running out of descriptors, or any other failure, pauses by itself for 100 ms and tries again. */
void listener_pause(Listener *listener);
void listener_resume(Listener *listener);

/* Accepts at once whoever waits in the kernel's queue: before a close, which would reset them. */
void listener_accept_waiting(Listener *listener);

/* NULL is fine. */
void listener_close(Listener *listener);

#endif
