/* ExchangeBox: one HTTP exchange in the hands of an isolate. It has a number and hangs on the
 * isolate's list, so a service that is closed with requests unanswered answers them 503. */
#ifndef PERIGEE_BIND_EXCHANGE_H
#define PERIGEE_BIND_EXCHANGE_H

#include "bind/host.h"
#include "http/http1_connection.h"
#include "isolate/resource.h"

typedef struct ExchangeBox {
    Resource resource;
    Host *host;
    Handle handle;
    Http1Exchange *exchange; /* a reference of ours */
    size_t mount_size;       /* how much of the path the mount covers */
} ExchangeBox;

/* Requests of this process's servers go to the isolate the mount table names. */
extern const HttpServerHandler exchange_handler;

ExchangeBox *exchange_find(const Host *host, Handle handle);

/* Makes it another isolate's, which hears of it as of a new request. */
void exchange_hand_over(ExchangeBox *box, Isolate *target);

/* Gives the exchange up: unanswered it gets a 503. */
void exchange_close(ExchangeBox *box);

#endif
