/* Socket: listening descriptors, and who may have the port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "net/socket.h"

enum { BACKLOG = 16, COUNT = 3 };

static char directory[] = "/tmp/perigee-socket-XXXXXX";

static Address parse(const char *text)
{
    Address address;

    assert_int_equal(address_parse(text, &address), 0);
    return address;
}

static Address unix_address(const char *name)
{
    char text[ADDRESS_TEXT_SIZE];

    snprintf(text, sizeof text, "unix:%s/%s", directory, name);
    return parse(text);
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(close(fds[i]), 0);
}

static int get_option(int fd, int level, int option)
{
    int value;
    socklen_t size = sizeof value;

    assert_int_equal(getsockopt(fd, level, option, &value, &size), 0);
    return value;
}

static int connect_to(const Address *where)
{
    int fd = socket(where->raw.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&where->raw, where->raw_size) == 0)
        return fd;
    close(fd);
    return -errno;
}

static void expect_connection(const Address *where)
{
    int fd = connect_to(where);

    assert_true(fd >= 0);
    close(fd);
}

static void listens_without_blocking_or_leaking_into_children(void **state)
{
    Address where = parse("127.0.0.1:0"), actual;
    int fd;

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), 0);
    assert_true(address_port(&actual) > 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(get_option(fd, SOL_SOCKET, SO_ACCEPTCONN), 1);
    assert_int_equal(get_option(fd, SOL_SOCKET, SO_REUSEPORT), 0);
    expect_connection(&actual);
    close(fd);
}

static void several_share_the_port_that_the_first_found(void **state)
{
    Address where = parse("127.0.0.1:0"), actual, own = {.raw_size = sizeof own.raw};
    int fds[COUNT];

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, COUNT, fds, &actual), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(getsockname(fds[i], (struct sockaddr *)&own.raw, &own.raw_size), 0);
        assert_int_equal(address_port(&own), address_port(&actual));
        assert_int_equal(get_option(fds[i], SOL_SOCKET, SO_ACCEPTCONN), 1);
    }
    expect_connection(&actual);
    close_all(fds, COUNT);
}

static void a_port_in_use_is_refused_also_where_it_could_be_shared(void **state)
{
    Address where = parse("127.0.0.1:0"), actual, unused;
    int fds[COUNT], other_fds[COUNT];

    (void)state;
    memset(&unused, 7, sizeof unused);

    Address before = unused;

    assert_int_equal(socket_listen(&where, BACKLOG, COUNT, fds, &actual), 0);
    assert_int_equal(socket_listen(&actual, BACKLOG, 1, other_fds, &unused), -EADDRINUSE);
    assert_int_equal(socket_listen(&actual, BACKLOG, COUNT, other_fds, &unused), -EADDRINUSE);
    assert_memory_equal(&unused, &before, sizeof unused);
    close_all(fds, COUNT);
    assert_int_equal(socket_listen(&actual, BACKLOG, COUNT, other_fds, &unused), 0);
    close_all(other_fds, COUNT);
}

/* A connection that this side closed first keeps the port busy for a minute. */
static void a_port_that_was_just_served_is_free(void **state)
{
    Address where = parse("127.0.0.1:0"), actual;
    int fd, fds[2];

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), 0);

    int client = connect_to(&actual);
    int served = accept(fd, NULL, NULL);

    assert_true(client >= 0 && served >= 0);
    close(served);
    close(client);
    close(fd);
    assert_int_equal(socket_listen(&actual, BACKLOG, 2, fds, &where), 0);
    expect_connection(&actual);
    close_all(fds, 2);
}

static void every_interface_takes_both_families(void **state)
{
    Address where = parse(":0"), actual;
    int fd;
    char text[ADDRESS_TEXT_SIZE];

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), 0);
    snprintf(text, sizeof text, "127.0.0.1:%d", address_port(&actual));

    Address ipv4 = parse(text);

    expect_connection(&ipv4);
    if (actual.raw.ss_family == AF_INET6) {
        snprintf(text, sizeof text, "[::1]:%d", address_port(&actual));

        Address ipv6 = parse(text);

        assert_int_equal(get_option(fd, IPPROTO_IPV6, IPV6_V6ONLY), 0);
        expect_connection(&ipv6);
    }
    close(fd);
}

static void an_address_that_is_not_ours_is_refused(void **state)
{
    Address where = parse("192.0.2.1:0"), actual;
    int fds[COUNT];

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, COUNT, fds, &actual), -EADDRNOTAVAIL);
}

static int count_descriptors(void)
{
    int count = 0;

    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void nothing_stays_open_after_a_failure(void **state)
{
    Address where = parse("127.0.0.1:0"), actual;
    struct rlimit old, few;
    int fds[COUNT];
    int before = count_descriptors();
    int lowest = dup(0);

    (void)state;
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = old;
    few.rlim_cur = (rlim_t)lowest + 2;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);

    int result = socket_listen(&where, BACKLOG, COUNT, fds, &actual);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(result, -EMFILE);
    assert_int_equal(count_descriptors(), before);
}

static void a_stale_socket_file_is_replaced(void **state)
{
    Address where = unix_address("stale"), actual;
    int fd;

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), 0);
    assert_memory_equal(&actual, &where, sizeof where);
    close(fd);
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), 0);
    expect_connection(&where);
    close(fd);
}

static void a_live_socket_file_is_in_use(void **state)
{
    Address where = unix_address("live"), actual;
    int fd, other_fd;

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), 0);
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &other_fd, &actual), -EADDRINUSE);
    expect_connection(&where);
    close(fd);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
    Address where = unix_address("file"), actual;
    char path[ADDRESS_TEXT_SIZE];
    int fd;

    (void)state;
    snprintf(path, sizeof path, "%s/file", directory);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), -EADDRINUSE);
    assert_int_equal(unlink(path), 0);
}

static void a_missing_directory_is_told(void **state)
{
    Address where = unix_address("none/socket"), actual;
    int fd;

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), -ENOENT);
}

static void an_abstract_name_is_free_once_closed(void **state)
{
    Address where = parse("unix:@perigee-socket-test"), actual;
    int fd, other_fd;

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), 0);
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &other_fd, &actual), -EADDRINUSE);
    close(fd);
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), 0);
    close(fd);
}

static void a_path_cannot_be_shared(void **state)
{
    Address where = unix_address("shared"), actual;
    int fds[2];

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, 2, fds, &actual), ERR_INVALID);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL ? -1 : 0;
}

static void a_socket_that_was_given_is_like_one_of_our_own(void **state)
{
    Address where = parse("127.0.0.1:0"), own, actual;
    int fd, copy;

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &own), 0);
    copy = dup(fd);
    assert_int_equal(fcntl(copy, F_SETFL, O_RDWR), 0);
    assert_int_equal(socket_adopt_listening(copy, &actual), 0);
    assert_int_equal(address_port(&actual), address_port(&own));
    assert_int_equal(fcntl(copy, F_GETFD), FD_CLOEXEC);
    assert_true(fcntl(copy, F_GETFL) & O_NONBLOCK);
    close(copy);
    close(fd);
}

static void a_peer_that_is_gone_without_a_word_is_noticed(void **state)
{
    Address where = parse("127.0.0.1:0"), actual;
    int fd, client, accepted;

    (void)state;
    assert_int_equal(socket_listen(&where, BACKLOG, 1, &fd, &actual), 0);
    client = connect_to(&actual);
    assert_int_equal(fcntl(fd, F_SETFL, O_RDWR), 0);
    accepted = accept(fd, NULL, NULL);
    assert_int_equal(get_option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
    assert_true(get_option(accepted, IPPROTO_TCP, TCP_KEEPIDLE) <= 60);
    close(accepted);
    close(client);
    close(fd);
}

static void what_does_not_listen_is_not_adopted(void **state)
{
    Address actual;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    assert_int_equal(socket_adopt_listening(fd, &actual), ERR_INVALID);
    close(fd);
    assert_int_equal(socket_adopt_listening(fd, &actual), ERR_INVALID);
    assert_int_equal(socket_adopt_listening(STDOUT_FILENO, &actual), ERR_INVALID);
}

static void a_datagram_arrives_or_not_but_never_waits(void **state)
{
    Address where = unix_address("datagrams"), tcp = parse("127.0.0.1:1");
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), result = 0;
    char text[8];

    (void)state;
    assert_true(socket_send_datagram(&where, "READY=1", 7) < 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&where.raw, where.raw_size), 0);
    assert_int_equal(socket_send_datagram(&where, "READY=1", 7), 0);
    assert_int_equal(recv(fd, text, sizeof text, 0), 7);
    assert_memory_equal(text, "READY=1", 7);
    for (int i = 0; i < 100000 && result == 0; i++)
        result = socket_send_datagram(&where, "READY=1", 7);
    assert_int_equal(result, -EAGAIN);
    assert_int_equal(socket_send_datagram(&tcp, "READY=1", 7), ERR_INVALID);
    close(fd);
}

static int remove_directory(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listens_without_blocking_or_leaking_into_children),
        cmocka_unit_test(several_share_the_port_that_the_first_found),
        cmocka_unit_test(a_port_in_use_is_refused_also_where_it_could_be_shared),
        cmocka_unit_test(a_port_that_was_just_served_is_free),
        cmocka_unit_test(every_interface_takes_both_families),
        cmocka_unit_test(an_address_that_is_not_ours_is_refused),
        cmocka_unit_test(nothing_stays_open_after_a_failure),
        cmocka_unit_test(a_stale_socket_file_is_replaced),
        cmocka_unit_test(a_live_socket_file_is_in_use),
        cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(a_missing_directory_is_told),
        cmocka_unit_test(an_abstract_name_is_free_once_closed),
        cmocka_unit_test(a_path_cannot_be_shared),
        cmocka_unit_test(a_socket_that_was_given_is_like_one_of_our_own),
        cmocka_unit_test(a_peer_that_is_gone_without_a_word_is_noticed),
        cmocka_unit_test(what_does_not_listen_is_not_adopted),
        cmocka_unit_test(a_datagram_arrives_or_not_but_never_waits),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
