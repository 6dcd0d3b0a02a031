/* Private to server/: what a protocol is to a Server. A session is one connection's state machine
 * over bytes, with no socket and no clock; the connection drives it through these functions, and
 * does everything else. */
#ifndef PERIGEE_SERVER_SESSION_H
#define PERIGEE_SERVER_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

struct ServerConnection;

typedef struct SessionOutput {
    Buffer *bytes; /* to send, for the connection to consume */
    bool has_file; /* behind them, see send_file */
} SessionOutput;

typedef struct SessionStatus {
    uint64_t progress; /* grows with whatever starts its time anew; 0 before the first request */
    uint8_t awaited;   /* EXPIRY_...: what it waits for */
    bool wants_input;
    bool is_finished; /* nothing more is to be read, or said but what is in the output */
} SessionStatus;

/* How a finished session came to its end. */
typedef struct SessionEnding {
    bool is_rejected; /* for what the peer sent */
    bool is_cut;      /* in the middle of an answer, which the peer must be able to tell */
} SessionEnding;

/* Requests come only from inside feed, end_input and advance, abandonments also from inside stop,
 * refuse_slow and destroy. Functions marked so may be NULL. */
typedef struct SessionKind {
    /* A session whose callbacks get the connection. */
    void *(*create)(struct ServerConnection *connection);
    void (*destroy)(void *session);

    void (*feed)(void *session, const char *bytes, size_t size);
    void (*end_input)(void *session);

    /* Goes on with whatever can go on. */
    SessionOutput (*advance)(void *session);
    /* Sends of the file that is next, while nothing is unsent. Whether all of it was sent. NULL:
     * there are no files. */
    bool (*send_file)(struct ServerConnection *connection);
    /* Little is unsent: whoever answers in pieces may go on. NULL: nobody does. */
    void (*offer_room)(void *session);

    SessionStatus (*status)(const void *session);
    SessionEnding (*ending)(const void *session);

    /* What is under way is answered, then it is finished. */
    void (*drain)(void *session);
    /* The connection is gone: nothing more is read. */
    void (*stop)(void *session);
    /* What it waited for took too long: has it say so and finish. NULL: there is no word for it. */
    void (*refuse_slow)(void *session);
    /* Frees what it keeps only because it will need it soon. NULL: nothing. */
    void (*trim)(void *session);

    /* Now and then while there are connections. NULL: nothing to do. */
    void (*refresh)(void *state);

    /* What is said to connections beyond the bound, and to clear text where TLS is spoken; NULL:
     * nothing. */
    const char *full_text;
    const char *not_tls_text;
} SessionKind;

#endif
