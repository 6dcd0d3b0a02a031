--- The kinds of events C tells an isolate of. host/isolate/event.h has the same numbers.
return {
    ALARM = 1,
    REQUEST = 2,
    BODY = 3,
    ABANDONED = 4,
    MESSAGE = 5,
    READABLE = 6,
    WRITABLE = 7,
    CONNECTED = 8,
    EXIT = 9,
    SIGNAL = 10,
    CHANGE = 11,
    BROKEN = 12,
    ROOM = 14,
    CALL = 17,
    CALL_ABANDONED = 18,
    CHANNEL = 19,
}
