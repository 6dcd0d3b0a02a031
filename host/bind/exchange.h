/* ExchangeBox: one HTTP exchange in the hands of an isolate. It has a number and hangs on the
 * isolate's list, so a service that is closed with requests unanswered answers them 503, and what
 * it was in the middle of sending is cut. */
#ifndef PERIGEE_BIND_EXCHANGE_H
#define PERIGEE_BIND_EXCHANGE_H

#include "bind/host.h"
#include "bind/service_metrics.h"
#include "http/http1_connection.h"
#include "http/websocket.h"
#include "isolate/event.h"
#include "isolate/resource.h"

typedef struct ExchangeBox ExchangeBox;

struct ExchangeBox {
    Resource resource;
    Host *host;
    Handle handle;
    Http1Exchange *exchange; /* a reference of ours */
    size_t mount_size;       /* how much of the path the mount covers */
    Meter meter;
    double deadline_s;       /* the client waits so long, on the monotonic clock; 0 for no end */
    Websocket *websocket;    /* NULL unless it became one, see exchange_websocket.h */
    uint64_t heard_size;     /* what came of it */
    bool is_message_awaited; /* EVENT_BODY is due */
    bool is_end_awaited;     /* EVENT_BODY is due when it is over */
    bool is_room_awaited;    /* EVENT_ROOM is due */
    /* What hears of events in place of an isolate; NULL when there is one. */
    void (*on_event)(ExchangeBox *box, EventKind kind);
};

/* Requests of this process's servers go to the isolate the mount table names. */
extern const HttpServerHandler exchange_handler;

ExchangeBox *exchange_find(const Host *host, Handle handle);

/* The exchange of the calling isolate whose number is at `argument`, or NULL. */
struct lua_State;
ExchangeBox *exchange_check(struct lua_State *L, int argument);

/* Pushes method, path, query or nil, mount, minor version and target of an exchange, and when its
 * client says so a deadline or nil, how often it has asked before or nil, and the traceparent of
 * a sampled trace; nothing when it is closed. Returns how many values that is. */
int exchange_push_request(struct lua_State *L, Handle handle);

/* The string at `argument`, which must be nothing but lines "token: value\r\n". */
const char *exchange_check_fields(struct lua_State *L, int argument, size_t *size);

/* Makes it another isolate's, which hears of it by this event. */
void exchange_hand_over(ExchangeBox *box, Isolate *target, Event event);

/* The final status at `argument`. */
int exchange_check_status(struct lua_State *L, int argument);

/* Gives the exchange up: unanswered it gets a 503, half answered it is cut. */
void exchange_close(ExchangeBox *box);

#endif
