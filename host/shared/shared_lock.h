/* SharedLock: a mutex in memory that several processes map. One that dies while it holds the lock,
 * at whatever instruction, does not keep it: the kernel passes it on. */
#ifndef PERIGEE_SHARED_SHARED_LOCK_H
#define PERIGEE_SHARED_SHARED_LOCK_H

#include <pthread.h>

/* In memory nobody else sees yet. */
int shared_lock_init(pthread_mutex_t *lock);

/* Waits for a tenth of a second at most, which only a stopped holder makes others wait: ERR_TIMEOUT
 * then. Returns 1 when the last holder died with it; what it guards must bear that. */
int shared_lock_acquire(pthread_mutex_t *lock);

void shared_lock_release(pthread_mutex_t *lock);

#endif
