/* Two ends of a connection, and what each was told. */
#ifndef PERIGEE_SPEC_STREAM_FIXTURE_H
#define PERIGEE_SPEC_STREAM_FIXTURE_H

#include "../loop_fixture.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/error.h"
#include "net/socket.h"
#include "net/stream.h"

/* What one end of a connection was told. */
typedef struct End {
    Stream *stream;
    Buffer received;
    int connect_count, connect_status;
    int end_count, end_status;
    int drain_count, drain_status;
    bool is_closing_on_event;
} End;

static End near, far;
static int listening = -1;

static inline void close_when_asked(End *end)
{
    if (!end->is_closing_on_event)
        return;
    stream_close(end->stream);
    end->stream = NULL;
}

static inline void on_connect(void *owner, int status)
{
    End *end = owner;

    end->connect_count++;
    end->connect_status = status;
    close_when_asked(end);
}

static inline void on_read(void *owner, const char *bytes, size_t size)
{
    End *end = owner;

    buffer_append(&end->received, bytes, size);
    close_when_asked(end);
}

static inline void on_end(void *owner, int status)
{
    End *end = owner;

    end->end_count++;
    end->end_status = status;
    close_when_asked(end);
}

static inline void on_drain(void *owner, int status)
{
    End *end = owner;

    end->drain_count++;
    end->drain_status = status;
    close_when_asked(end);
}

static const StreamHandler handler = {on_connect, on_read, on_end, on_drain};

static inline void adopt(End *end, int fd)
{
    assert_int_equal(stream_adopt(loop, fd, &end->stream), 0);
    stream_set_handler(end->stream, &handler, end);
}

static inline Address listen_on(const char *text)
{
    Address where, actual;

    assert_int_equal(address_parse(text, &where), 0);
    assert_int_equal(socket_listen(&where, 16, 1, &listening, &actual), 0);
    return actual;
}

static inline void connect_near(const Address *where)
{
    assert_int_equal(stream_connect(loop, where, &near.stream), 0);
    stream_set_handler(near.stream, &handler, &near);
}

static inline void accept_far(void)
{
    adopt(&far, accept(listening, NULL, NULL));
}

/* The far end is the descriptor that is returned. */
static inline int connect_near_alone(void)
{
    Address where = listen_on("127.0.0.1:0");

    connect_near(&where);
    RUN_UNTIL(near.connect_count > 0);
    assert_int_equal(near.connect_status, 0);
    return accept(listening, NULL, NULL);
}

static inline void connect_both(void)
{
    adopt(&far, connect_near_alone());
}

static inline void close_end(End *end)
{
    stream_close(end->stream);
    end->stream = NULL;
}

static inline int setup(void **state)
{
    near = far = (End){0};
    listening = -1;
    return loop_setup(state);
}

static inline int teardown(void **state)
{
    close_end(&near);
    close_end(&far);
    buffer_deinit(&near.received);
    buffer_deinit(&far.received);
    if (listening >= 0)
        close(listening);
    return loop_teardown(state);
}

#define stream_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static inline void write_text(End *end, const char *text)
{
    assert_int_equal(stream_write(end->stream, text, strlen(text)), 0);
}

static inline void expect_received(End *end, const char *text)
{
    RUN_UNTIL(end->received.size >= strlen(text));
    assert_int_equal(end->received.size, strlen(text));
    assert_memory_equal(end->received.bytes, text, strlen(text));
}

#endif
