#include "shared/shared_lock.h"

#include <errno.h>
#include <time.h>

#include "base/error.h"

enum { WAIT_NS = 100 * 1000 * 1000, NS_PER_S = 1000 * 1000 * 1000 };

int shared_lock_init(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    int result;

    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    result = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return -result;
}

static int wait_for(pthread_mutex_t *lock)
{
    struct timespec deadline;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_nsec += WAIT_NS;
    if (deadline.tv_nsec >= NS_PER_S) {
        deadline.tv_nsec -= NS_PER_S;
        deadline.tv_sec++;
    }
    return pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &deadline);
}

int shared_lock_acquire(pthread_mutex_t *lock)
{
    int result = pthread_mutex_trylock(lock);

    if (result == EBUSY)
        result = wait_for(lock);
    if (result == EOWNERDEAD && pthread_mutex_consistent(lock) == 0)
        return 1;
    if (result == ETIMEDOUT)
        return ERR_TIMEOUT;
    return result == 0 ? 0 : ERR_INVALID;
}

void shared_lock_release(pthread_mutex_t *lock)
{
    pthread_mutex_unlock(lock);
}
