/* Result codes of the host: 0 or a count for success, negative for failure.
 * libuv's codes (negative errno values and its own below -3000) pass through unchanged;
 * ours begin far below both. */
#ifndef PERIGEE_BASE_ERROR_H
#define PERIGEE_BASE_ERROR_H

enum {
    ERR_AGAIN = -10001,     /* nothing yet; wait for the event and ask again */
    ERR_CLOSED = -10002,    /* the thing was closed, or its peer is gone */
    ERR_TOO_LARGE = -10003, /* a limit on size or count was reached */
    ERR_FULL = -10004,      /* a bounded queue has no room now */
    ERR_TIMEOUT = -10005,
    ERR_INVALID = -10006, /* bytes or text that do not follow their grammar */
    ERR_NOT_FOUND = -10007,
    ERR_CANCELED = -10008,
    ERR_EOF = -10009,       /* an orderly end */
    ERR_ANSWERED = -10010,  /* the exchange already has its answer */
    ERR_TLS = -10011,       /* the peer's TLS, or its certificate, is not acceptable */
    ERR_NOT_TLS = -10012,   /* plain bytes where TLS was to begin */
    ERR_UNTRUSTED = -10013, /* the server's certificate is not one to believe */
};

/* The short stable name of `code`: "closed", "timeout", "refused", "in_use", "denied", ...
 * Scripts match on it. Unknown codes give "failed". */
const char *error_name(int code);

/* A sentence for people: "address already in use". Never matched on. */
const char *error_text(int code);

#endif
