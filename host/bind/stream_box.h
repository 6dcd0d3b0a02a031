/* StreamBox: a byte stream in the hands of an isolate, for the files of the seam that fill it or
 * take what has come themselves. */
#ifndef PERIGEE_BIND_STREAM_BOX_H
#define PERIGEE_BIND_STREAM_BOX_H

#include "base/buffer.h"
#include "net/stream.h"

typedef struct StreamBox StreamBox;

struct lua_State;

/* The stream at `argument`; NULL when it is closed. */
StreamBox *stream_box_check(struct lua_State *L, int argument);

Stream *stream_box_stream(const StreamBox *box);

/* What has come and was not taken. */
const Buffer *stream_box_input(const StreamBox *box);

/* Drops `size` bytes at the front of that. */
void stream_box_consume(StreamBox *box, size_t size);

/* EVENT_READABLE comes when more has come, or its end: returns ERR_AGAIN. Or why nothing more
 * comes: ERR_EOF, or another code. */
int stream_box_await(StreamBox *box);

#endif
