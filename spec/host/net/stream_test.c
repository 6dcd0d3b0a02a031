/* Stream: connecting, both directions, both ends, and what closing promises. */
#include "stream_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>

enum { BIG_SIZE = 8 * 1024 * 1024 };

static char *make_big(void)
{
    char *bytes = malloc(BIG_SIZE);

    assert_non_null(bytes);
    for (size_t i = 0; i < BIG_SIZE; i++)
        bytes[i] = (char)(i * 7 + i / 251);
    return bytes;
}

static void talk(void)
{
    stream_start_reading(near.stream);
    stream_start_reading(far.stream);
    write_text(&near, "ping");
    expect_received(&far, "ping");
    write_text(&far, "pong");
    expect_received(&near, "pong");
    stream_shutdown(near.stream);
    RUN_UNTIL(far.end_count > 0);
    assert_int_equal(far.end_status, ERR_EOF);
    write_text(&far, "!");
    expect_received(&near, "pong!");
    close_end(&far);
    RUN_UNTIL(near.end_count > 0);
    assert_int_equal(near.end_status, ERR_EOF);
    stream_start_reading(near.stream);
    run_turn();
    assert_int_equal(near.end_count, 1);
}

static void talks_over_tcp(void **state)
{
    char text[ADDRESS_TEXT_SIZE];

    (void)state;
    connect_both();
    address_format_host(stream_peer(far.stream), text, sizeof text);
    assert_string_equal(text, "127.0.0.1");
    assert_int_not_equal(address_port(stream_peer(far.stream)), 0);
    talk();
    assert_int_equal(near.connect_count, 1);
    assert_int_equal(near.drain_count, 0);
}

static void talks_over_an_abstract_unix_socket(void **state)
{
    Address where = listen_on("unix:@perigee-stream-test");

    (void)state;
    connect_near(&where);
    assert_int_equal(near.connect_count, 0);
    RUN_UNTIL(near.connect_count > 0);
    assert_int_equal(near.connect_status, 0);
    accept_far();
    assert_true(address_is_unix(stream_peer(far.stream)));
    talk();
    assert_int_equal(near.connect_count, 1);
}

static void talks_over_a_socket_pair(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    adopt(&near, fds[0]);
    adopt(&far, fds[1]);
    talk();
}

static void what_is_said_before_the_connection_is_sent_with_it(void **state)
{
    Address where = listen_on("127.0.0.1:0");

    (void)state;
    connect_near(&where);
    stream_start_reading(near.stream);
    write_text(&near, "early");
    assert_int_equal(stream_unsent_size(near.stream), 5);
    assert_int_equal(stream_sent_size(near.stream), 0);
    stream_shutdown(near.stream);
    RUN_UNTIL(near.drain_count > 0);
    assert_int_equal(near.connect_count, 1);
    assert_int_equal(stream_sent_size(near.stream), 5);
    accept_far();
    stream_start_reading(far.stream);
    expect_received(&far, "early");
    RUN_UNTIL(far.end_count > 0);
    write_text(&far, "late");
    expect_received(&near, "late");
}

static void an_end_before_the_connection_comes_with_it(void **state)
{
    Address where = listen_on("127.0.0.1:0");

    (void)state;
    connect_near(&where);
    stream_shutdown(near.stream);
    RUN_UNTIL(near.connect_count > 0);
    accept_far();
    stream_start_reading(far.stream);
    RUN_UNTIL(far.end_count > 0);
    assert_int_equal(far.end_status, ERR_EOF);
}

static void nobody_listening_is_told(void **state)
{
    Address where = listen_on("127.0.0.1:0");

    (void)state;
    close(listening);
    listening = -1;
    connect_near(&where);
    write_text(&near, "hello?");
    RUN_UNTIL(near.connect_count > 0);
    assert_int_equal(near.connect_status, -ECONNREFUSED);
    RUN_UNTIL(near.drain_count > 0);
    assert_true(near.drain_status < 0);
    assert_int_equal(stream_write(near.stream, "x", 1), -ECONNREFUSED);
    assert_int_equal(near.end_count, 0);
}

static void no_such_path_fails_at_once(void **state)
{
    Address where;

    (void)state;
    assert_int_equal(address_parse("unix:/nonexistent/socket", &where), 0);
    assert_int_equal(stream_connect(loop, &where, &near.stream), -ENOENT);
    assert_null(near.stream);
    assert_int_equal(address_parse("unix:@perigee-nobody-listens", &where), 0);
    assert_int_equal(stream_connect(loop, &where, &near.stream), -ECONNREFUSED);
}

static void a_connection_may_be_closed_while_it_is_made(void **state)
{
    Address where = listen_on("127.0.0.1:0");
    Address unix_where;

    (void)state;
    connect_near(&where);
    write_text(&near, "never");
    close_end(&near);
    close(listening);
    unix_where = listen_on("unix:@perigee-stream-test");
    connect_near(&unix_where);
    close_end(&near);
    for (int i = 0; i < 3; i++)
        run_turn();
    assert_int_equal(near.connect_count + near.drain_count + near.end_count, 0);
}

static void a_bad_descriptor_is_refused(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(stream_adopt(loop, -1, &near.stream), -EBADF);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(stream_adopt(loop, fds[0], &near.stream), -ENOTSOCK);
    assert_int_equal(close(fds[0]), -1); /* it was closed with the failure */
    close(fds[1]);
    assert_null(near.stream);
}

static void a_peer_that_is_gone_already_can_still_be_adopted(void **state)
{
    int fd = connect_near_alone();

    (void)state;
    stream_reset(near.stream);
    near.stream = NULL;
    run_turn();
    adopt(&far, fd);
    assert_int_equal(address_port(stream_peer(far.stream)), 0);
    stream_start_reading(far.stream);
    RUN_UNTIL(far.end_count > 0);
    assert_int_equal(far.end_status, -ECONNRESET);
}

static void small_writes_do_not_wait_for_each_other(void **state)
{
    int fd = connect_near_alone();
    int copy = dup(fd), value = 0;
    socklen_t size = sizeof value;

    (void)state;
    adopt(&far, fd);
    assert_int_equal(getsockopt(copy, IPPROTO_TCP, TCP_NODELAY, &value, &size), 0);
    close(copy);
    assert_true(value != 0);
}

static void a_big_write_to_a_slow_reader_arrives_whole(void **state)
{
    char *bytes = make_big();
    size_t unsent_size;

    (void)state;
    connect_both();
    assert_int_equal(stream_write(near.stream, bytes, BIG_SIZE), 0);
    unsent_size = stream_unsent_size(near.stream);
    assert_true(unsent_size > 0);
    write_text(&near, "tail");
    write_text(&near, "end");
    stream_shutdown(near.stream);
    assert_int_equal(stream_write(near.stream, "x", 1), ERR_CLOSED);
    assert_int_equal(stream_unsent_size(near.stream), unsent_size + 7);
    assert_int_equal(stream_sent_size(near.stream), BIG_SIZE - unsent_size);
    run_turn();
    assert_int_equal(near.drain_count, 0);

    stream_start_reading(far.stream);
    RUN_UNTIL(far.end_count > 0);
    assert_int_equal(far.end_status, ERR_EOF);
    assert_int_equal(far.received.size, BIG_SIZE + 7);
    assert_memory_equal(far.received.bytes, bytes, BIG_SIZE);
    assert_memory_equal(far.received.bytes + BIG_SIZE, "tailend", 7);
    assert_int_equal(near.drain_count, 1);
    assert_int_equal(near.drain_status, 0);
    assert_int_equal(stream_unsent_size(near.stream), 0);
    assert_int_equal(stream_sent_size(near.stream), BIG_SIZE + 7);
    free(bytes);
}

static void can_be_written_again_after_it_drained(void **state)
{
    char *bytes = make_big();

    (void)state;
    connect_both();
    stream_start_reading(far.stream);
    for (int i = 1; i <= 2; i++) {
        assert_int_equal(stream_write(near.stream, bytes, BIG_SIZE), 0);
        RUN_UNTIL(near.drain_count == i);
    }
    RUN_UNTIL(far.received.size == 2 * BIG_SIZE);
    free(bytes);
}

static void a_reset_is_told_to_readers_and_writers(void **state)
{
    char *bytes = make_big();

    (void)state;
    connect_both();
    assert_int_equal(stream_write(near.stream, bytes, BIG_SIZE), 0);
    stream_start_reading(near.stream);
    stream_reset(far.stream);
    far.stream = NULL;
    RUN_UNTIL(near.end_count > 0 && near.drain_count > 0);
    assert_int_equal(near.end_status, -ECONNRESET);
    assert_true(near.drain_status < 0);
    assert_true(stream_write(near.stream, "x", 1) < 0);
    assert_int_equal(near.end_count, 1);
    assert_int_equal(near.drain_count, 1);
    stream_start_reading(near.stream);
    run_turn();
    assert_int_equal(near.end_count, 1);
    free(bytes);
}

static void writing_to_a_closed_peer_fails_without_a_signal(void **state)
{
    int result = 0;

    (void)state;
    connect_both();
    close_end(&far);
    fixture_start_waiting();
    while ((result = stream_write(near.stream, "x", 1)) == 0)
        fixture_wait("the write to fail");
    assert_true(result == -EPIPE || result == -ECONNRESET);
    assert_int_equal(stream_write(near.stream, "x", 1), result);
}

static void a_peer_that_closes_with_unread_bytes_resets(void **state)
{
    (void)state;
    connect_both();
    write_text(&near, "unread");
    run_turn();
    stream_start_reading(near.stream);
    close_end(&far);
    RUN_UNTIL(near.end_count > 0);
    assert_int_equal(near.end_status, -ECONNRESET);
}

static void may_be_closed_in_any_callback(void **state)
{
    Address where = listen_on("127.0.0.1:0");
    char *bytes = make_big();

    (void)state;
    near.is_closing_on_event = true;
    connect_near(&where);
    RUN_UNTIL(near.connect_count > 0);
    assert_null(near.stream);
    accept_far();
    stream_start_reading(far.stream);
    far.is_closing_on_event = true;
    RUN_UNTIL(far.end_count > 0);
    assert_null(far.stream);

    near.is_closing_on_event = far.is_closing_on_event = false;
    near.connect_count = 0;
    connect_near(&where);
    RUN_UNTIL(near.connect_count > 0);
    accept_far();
    far.is_closing_on_event = near.is_closing_on_event = true;
    stream_start_reading(far.stream);
    assert_int_equal(stream_write(near.stream, bytes, BIG_SIZE), 0);
    RUN_UNTIL(near.drain_count > 0);
    assert_true(near.drain_status < 0);
    assert_null(near.stream);
    assert_null(far.stream);
    assert_in_range(far.received.size, 1, 64 * 1024);
    free(bytes);
}

static void nothing_is_told_after_closing(void **state)
{
    char *bytes = make_big();

    (void)state;
    connect_both();
    stream_start_reading(near.stream);
    stream_start_reading(far.stream);
    assert_int_equal(stream_write(near.stream, bytes, BIG_SIZE), 0);
    write_text(&near, "waiting");
    write_text(&far, "unread");
    near.connect_count = 0;
    close_end(&near);
    for (int i = 0; i < 3; i++)
        run_turn();
    assert_int_equal(near.connect_count + near.end_count + near.drain_count, 0);
    assert_int_equal(near.received.size, 0);
    free(bytes);
}

static void missing_callbacks_are_skipped(void **state)
{
    static const StreamHandler none = {0};
    char *bytes = make_big();

    (void)state;
    connect_both();
    stream_set_handler(far.stream, &none, NULL);
    stream_start_reading(far.stream);
    assert_int_equal(stream_write(near.stream, bytes, BIG_SIZE), 0);
    stream_shutdown(near.stream);
    RUN_UNTIL(near.drain_count > 0);
    stream_set_handler(near.stream, &none, NULL);
    close_end(&far);
    stream_start_reading(near.stream);
    for (int i = 0; i < 3; i++)
        run_turn();
    free(bytes);
}

static void an_empty_write_is_nothing(void **state)
{
    (void)state;
    connect_both();
    assert_int_equal(stream_write(near.stream, NULL, 0), 0);
    assert_int_equal(stream_unsent_size(near.stream), 0);
    run_turn();
    assert_int_equal(near.drain_count, 0);
}

static bool arrives_together(int fd)
{
    char bytes[16];
    bool was_held;

    assert_int_equal(stream_write_more(near.stream, "head", 4), 0);
    was_held = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT) < 0;
    assert_int_equal(stream_write(near.stream, "tail", 4), 0);
    assert_int_equal(recv(fd, bytes, 8, MSG_WAITALL), 8);
    assert_memory_equal(bytes, "headtail", 8);
    return was_held;
}

/* The kernel holds it for 200 ms, and a busy machine may take longer between the two. */
static void more_is_sent_with_what_follows(void **state)
{
    int fd = connect_near_alone();
    int tries = 0;

    (void)state;
    while (!arrives_together(fd))
        assert_true(++tries < 20);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        stream_test(talks_over_tcp),
        stream_test(talks_over_an_abstract_unix_socket),
        stream_test(talks_over_a_socket_pair),
        stream_test(what_is_said_before_the_connection_is_sent_with_it),
        stream_test(an_end_before_the_connection_comes_with_it),
        stream_test(nobody_listening_is_told),
        stream_test(no_such_path_fails_at_once),
        stream_test(a_connection_may_be_closed_while_it_is_made),
        stream_test(a_bad_descriptor_is_refused),
        stream_test(a_peer_that_is_gone_already_can_still_be_adopted),
        stream_test(small_writes_do_not_wait_for_each_other),
        stream_test(a_big_write_to_a_slow_reader_arrives_whole),
        stream_test(can_be_written_again_after_it_drained),
        stream_test(a_reset_is_told_to_readers_and_writers),
        stream_test(writing_to_a_closed_peer_fails_without_a_signal),
        stream_test(a_peer_that_closes_with_unread_bytes_resets),
        stream_test(may_be_closed_in_any_callback),
        stream_test(nothing_is_told_after_closing),
        stream_test(missing_callbacks_are_skipped),
        stream_test(an_empty_write_is_nothing),
        stream_test(more_is_sent_with_what_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
