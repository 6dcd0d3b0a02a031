/* Bell: how one process wakes another that sleeps in its loop, without a byte to say. An eventfd
 * that both inherited; it is rung by whoever has it and heard by one. */
#ifndef PERIGEE_OS_BELL_H
#define PERIGEE_OS_BELL_H

#include "os/loop.h"

typedef struct Bell Bell;
typedef void (*BellCallback)(void *owner);

/* The caller owns the descriptor (close-on-exec). */
int bell_create(int *fd_out);

/* However often it was rung meanwhile, who hears it is told once. Never waits. */
void bell_ring(int fd);

/* Owns the descriptor from then on (closed also when this fails). Does not keep the loop alive. */
int bell_open(Loop *loop, int fd, BellCallback callback, void *owner, Bell **out);

/* NULL is fine. */
void bell_close(Bell *bell);

#endif
