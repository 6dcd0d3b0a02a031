/* LogRing: the last lines that a process has logged, in memory it shares with whoever shows them.
 * One thread writes and never waits. Readers copy and look afterwards whether what they copied was
 * overwritten meanwhile; what was is left out. It stays readable when its writer is stuck or
 * dead. */
#ifndef PERIGEE_BASE_LOG_RING_H
#define PERIGEE_BASE_LOG_RING_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

enum { LOG_RING_SIZE = 128 * 1024, LOG_RING_RECORD_SIZE = 16 * 1024 };

/* All zero: empty. Records end with a NUL. */
typedef struct LogRing {
    _Atomic uint64_t begun_size; /* bytes ever put, with those being put now */
    _Atomic uint64_t ended_size; /* bytes ever put */
    char bytes[LOG_RING_SIZE];
} LogRing;

/* Puts one record, of which what lies behind a NUL or LOG_RING_RECORD_SIZE is cut off. */
void log_ring_put(LogRing *ring, const char *record, size_t size);

/* Appends to `out` the records from `position` on, each with its NUL, and returns the position
 * behind them. 0 is that of the oldest; what is overwritten by now is passed over. */
uint64_t log_ring_read(const LogRing *ring, uint64_t position, Buffer *out);

#endif
