/* Listener: accepting, pausing, and running out of descriptors without spinning or losing any. */
#include "../loop_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"
#include "net/socket.h"

enum { CLIENT_COUNT = 100 };

static Listener *subject;
static Address address;
static Stream *accepted[CLIENT_COUNT];
static int accepted_count;
static int failure_count, last_status;
static int clients[CLIENT_COUNT];
static int client_count;
static bool is_closing_on_accept, is_pausing_on_accept;

static void on_accept(void *owner, Stream *stream)
{
    assert_ptr_equal(owner, &accepted_count);
    accepted[accepted_count++] = stream;
    if (is_pausing_on_accept)
        listener_pause(subject);
    if (is_closing_on_accept) {
        listener_close(subject);
        subject = NULL;
    }
}

static void on_trouble(void *owner, int status)
{
    assert_ptr_equal(owner, &accepted_count);
    failure_count += status < 0;
    last_status = status;
}

static const ListenerHandler listener_handler = {
    .on_accept = on_accept,
    .on_trouble = on_trouble,
};

static int listen_anywhere(void)
{
    Address where;
    int fd;

    assert_int_equal(address_parse("127.0.0.1:0", &where), 0);
    assert_int_equal(socket_listen(&where, 128, 1, &fd, &address), 0);
    return fd;
}

static void add_clients(int count)
{
    for (int i = 0; i < count; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (const struct sockaddr *)&address.raw, address.raw_size), 0);
        clients[client_count++] = fd;
    }
}

static int setup(void **state)
{
    accepted_count = client_count = failure_count = last_status = 0;
    is_closing_on_accept = is_pausing_on_accept = false;
    subject = NULL;
    if (loop_setup(state) < 0)
        return -1;
    return listener_open(loop, listen_anywhere(), &listener_handler, &accepted_count, &subject);
}

static int teardown(void **state)
{
    listener_close(subject);
    for (int i = 0; i < accepted_count; i++)
        stream_close(accepted[i]);
    for (int i = 0; i < client_count; i++)
        close(clients[i]);
    return loop_teardown(state);
}

#define listener_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void accepts_everybody(void **state)
{
    char text[ADDRESS_TEXT_SIZE];

    (void)state;
    add_clients(CLIENT_COUNT);
    RUN_UNTIL(accepted_count == CLIENT_COUNT);
    address_format_host(stream_peer(accepted[0]), text, sizeof text);
    assert_string_equal(text, "127.0.0.1");
}

static void a_paused_one_lets_them_wait(void **state)
{
    (void)state;
    listener_pause(subject);
    add_clients(3);
    for (int i = 0; i < 5; i++)
        run_turn();
    assert_int_equal(accepted_count, 0);
    listener_resume(subject);
    RUN_UNTIL(accepted_count == 3);
}

static void takes_whoever_waits_before_it_is_closed(void **state)
{
    (void)state;
    listener_pause(subject);
    add_clients(CLIENT_COUNT);
    listener_accept_waiting(subject);
    assert_int_equal(accepted_count, CLIENT_COUNT);
    listener_accept_waiting(subject);
    assert_int_equal(accepted_count, CLIENT_COUNT);
}

static void may_be_paused_in_its_callback(void **state)
{
    (void)state;
    is_pausing_on_accept = true;
    add_clients(3);
    RUN_UNTIL(accepted_count > 0);
    for (int i = 0; i < 5; i++)
        run_turn();
    assert_int_equal(accepted_count, 1);
    is_pausing_on_accept = false;
    listener_resume(subject);
    RUN_UNTIL(accepted_count == 3);
}

static void may_be_closed_in_its_callback(void **state)
{
    (void)state;
    is_closing_on_accept = true;
    add_clients(3);
    RUN_UNTIL(accepted_count > 0);
    for (int i = 0; i < 5; i++)
        run_turn();
    assert_int_equal(accepted_count, 1);
}

static void a_closed_one_frees_the_port(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)state;
    listener_close(subject);
    subject = NULL;
    assert_int_equal(connect(fd, (const struct sockaddr *)&address.raw, address.raw_size), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    listener_close(NULL);
}

static void set_descriptor_limit(rlim_t limit)
{
    struct rlimit now;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    now.rlim_cur = limit;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &now), 0);
}

static rlim_t descriptor_limit(void)
{
    struct rlimit now;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    return now.rlim_cur;
}

/* The clients stay connected, nobody is reset, and the loop sleeps meanwhile. */
static void without_descriptors_it_waits_and_does_not_spin(void **state)
{
    rlim_t limit = descriptor_limit();
    uint64_t start_ns, cpu_ns;
    char byte;

    (void)state;
    add_clients(3);
    set_descriptor_limit((rlim_t)clients[client_count - 1] + 1);
    start_ns = clock_monotonic_ns();
    cpu_ns = clock_thread_cpu_ns();
    while (clock_monotonic_ns() - start_ns < 250000000)
        run_turn();
    cpu_ns = clock_thread_cpu_ns() - cpu_ns;
    set_descriptor_limit(limit);
    assert_true(cpu_ns < 100000000);
    assert_int_equal(accepted_count, 0);
    assert_true(failure_count >= 1);
    assert_int_equal(last_status, -EMFILE);
    RUN_UNTIL(accepted_count == 3);
    assert_int_equal(last_status, 0);
    for (int i = 0; i < client_count; i++) {
        assert_int_equal(recv(clients[i], &byte, 1, MSG_DONTWAIT), -1);
        assert_int_equal(errno, EAGAIN);
    }
}

static void a_pause_outlasts_the_lack_of_descriptors(void **state)
{
    rlim_t limit = descriptor_limit();
    uint64_t start_ns;

    (void)state;
    add_clients(1);
    set_descriptor_limit((rlim_t)clients[0] + 1);
    for (int i = 0; i < 5; i++)
        run_turn();
    set_descriptor_limit(limit);
    listener_pause(subject);
    start_ns = clock_monotonic_ns();
    while (clock_monotonic_ns() - start_ns < 150000000)
        run_turn();
    assert_int_equal(accepted_count, 0);
    listener_resume(subject);
    RUN_UNTIL(accepted_count == 1);
}

/* As after a shutdown of the listening socket by whoever else holds it. */
static void a_socket_that_stopped_listening_does_not_spin(void **state)
{
    Listener *other;
    int fd = listen_anywhere();
    int copy = dup(fd);
    uint64_t start_ns, cpu_ns;

    (void)state;
    assert_int_equal(listener_open(loop, fd, &listener_handler, &accepted_count, &other), 0);
    assert_int_equal(shutdown(copy, SHUT_RDWR), 0);
    start_ns = clock_monotonic_ns();
    cpu_ns = clock_thread_cpu_ns();
    while (clock_monotonic_ns() - start_ns < 250000000)
        run_turn();
    assert_true(clock_thread_cpu_ns() - cpu_ns < 100000000);
    close(copy);
    listener_close(other);
}

static void a_descriptor_that_cannot_be_polled_is_closed(void **state)
{
    Listener *other = NULL;
    int fd = open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    (void)state;
    assert_int_equal(listener_open(loop, fd, &listener_handler, &accepted_count, &other), -EPERM);
    assert_int_equal(close(fd), -1);
    assert_null(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        listener_test(accepts_everybody),
        listener_test(a_paused_one_lets_them_wait),
        listener_test(takes_whoever_waits_before_it_is_closed),
        listener_test(may_be_paused_in_its_callback),
        listener_test(may_be_closed_in_its_callback),
        listener_test(a_closed_one_frees_the_port),
        listener_test(without_descriptors_it_waits_and_does_not_spin),
        listener_test(a_pause_outlasts_the_lack_of_descriptors),
        listener_test(a_socket_that_stopped_listening_does_not_spin),
        listener_test(a_descriptor_that_cannot_be_polled_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
