/* Server: connections of one listening descriptor with what every protocol wants of them: bounds,
 * timers, TLS, drains, counters. What is said on them is a session's business (http_server.h,
 * rpc_server.h); who answers, its owner's. */
#ifndef PERIGEE_SERVER_SERVER_H
#define PERIGEE_SERVER_SERVER_H

#include <stddef.h>
#include <stdint.h>

#include "net/tls_context.h"

typedef struct Server Server;

/* A timeout of 0 is none. They are looked at every 10 to 500 ms, a quarter of the smallest; that a
 * peer takes nothing any more is noticed after at most twice the time. */
typedef struct ServerBounds {
    uint32_t connection_count; /* more are refused */
    uint32_t unsent_size;      /* with more than this unsent nothing more is read */
    uint32_t head_timeout_ms;  /* a TLS handshake; the first part of a request, if it has parts */
    uint32_t body_timeout_ms;  /* the next piece of the rest */
    uint32_t idle_timeout_ms;  /* with nothing under way */
    uint32_t write_timeout_ms; /* without the peer taking a byte: reset */
} ServerBounds;

typedef struct ServerCounters {
    uint64_t accepted_count;  /* connections that were served */
    uint64_t refused_count;   /* connections beyond the bound */
    uint64_t request_count;   /* or calls */
    uint64_t abandoned_count; /* those whose client was gone before the end of the answer */
    uint64_t timeout_count;   /* connections ended by any of the timers */
    uint64_t rejected_count;  /* what was refused unseen by a handler, other than for being slow */
    uint64_t unsent_full_count; /* as much was unsent as may be: on a connection, or for a writer */
    uint64_t head_timeout_count; /* the timers one by one */
    uint64_t body_timeout_count;
    uint64_t idle_timeout_count;
    uint64_t write_timeout_count;
    uint64_t handshake_failure_count; /* of TLS, with those that took too long */
    uint64_t received_size;
    uint64_t sent_size;
    uint64_t accept_failure_count; /* attempts to accept that failed: for want of descriptors */
    int accept_status;             /* why the last one failed; 0 once one has succeeded */
    size_t connection_count;       /* open now, with those that only wait for the peer to close */
} ServerCounters;

/* Has connections accepted from now on speak TLS; those that are open go on as they began. Takes
 * the reference over. A handshake may take head_timeout_ms. */
void server_set_tls(Server *server, TlsContext *context);

/* Sends what was left to send and goes on with requests that waited for that. The owner calls it
 * after it answered something, once for many answers; when that was inside a callback of this
 * server, it need not. */
void server_flush(Server *server);

/* Stops accepting; who waits in the kernel's queue is accepted first. Requests that have begun are
 * answered, idle connections are closed. One that was accepted or answered within the last second
 * may have a request on its way, and has another second to bring it. */
void server_drain(Server *server);

const ServerCounters *server_counters(const Server *server);

/* Closes every connection now; requests are abandoned. NULL is fine. Called inside a callback of
 * this server, it leaves some abandonments to come when that has returned: the owner lives at least
 * as long. */
void server_close(Server *server);

#endif
