/* Event: something that happened outside an isolate and that its scheduler has to hear of.
 * C says what and to which number; which task that concerns is known to Lua alone. */
#ifndef PERIGEE_ISOLATE_EVENT_H
#define PERIGEE_ISOLATE_EVENT_H

#include <stddef.h>
#include <stdint.h>

/* lua/perigee/core/event.lua has the same numbers. */
typedef enum EventKind {
    EVENT_ALARM = 1,           /* the time set by host.set_alarm has come */
    EVENT_REQUEST = 2,         /* id: a new exchange */
    EVENT_BODY = 3,            /* id: the exchange whose body moved */
    EVENT_ABANDONED = 4,       /* id: the exchange whose client is gone */
    EVENT_MESSAGE = 5,         /* id: the sending isolate; bytes: the message */
    EVENT_READABLE = 6,        /* id: the stream that has bytes, an end or an error to read */
    EVENT_WRITABLE = 7,        /* id: the stream whose unsent bytes are gone; code */
    EVENT_CONNECTED = 8,       /* id: the stream; code: 0 or why not */
    EVENT_EXIT = 9,            /* id: the child; code: status, or minus the signal that ended it */
    EVENT_SIGNAL = 10,         /* code: the signal number */
    EVENT_CHANGE = 11,         /* id: the file watch; code: 0, or why it ended */
    EVENT_BROKEN = 12,         /* id: an isolate whose scheduler failed; bytes: why */
    EVENT_ACCEPTED = 13,       /* id: the listener that has a connection to take */
    EVENT_ROOM = 14,           /* id: the exchange that takes more of its answer */
    EVENT_CALL = 17,           /* id: a new RPC call */
    EVENT_CALL_ABANDONED = 18, /* id: the RPC call whose caller is gone */
    EVENT_CHANNEL = 19,   /* id: the port of a channel that may be tried again; code: its side */
    EVENT_RESUME = 20,    /* id: a WebSocket of another isolate; bytes: what came with it */
    EVENT_ANSWER = 21,    /* id: an RPC call of the isolate's own that was answered */
    EVENT_ITEM = 22,      /* id: an RPC call of the isolate's own; bytes: an item of its result */
    EVENT_CALL_ROOM = 23, /* id: the RPC call whose caller takes items again */
    EVENT_NAME = 24,      /* id: the lookup; code: 0 or why not; bytes: addresses, or its name */
} EventKind;

typedef struct Event {
    EventKind kind;
    int32_t code;
    uint64_t id;
    char *bytes; /* owned by the event; NULL for none */
    size_t size;
    uint64_t pushed_ns; /* 0 where nobody wants to know */
} Event;

#endif
