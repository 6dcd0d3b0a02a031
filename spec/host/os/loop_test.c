/* Loop: stopping, ending by itself, and what destroying insists on. */
#include "../loop_fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int call_count;

static void count_call(void *owner)
{
    (void)owner;
    call_count++;
}

static void runs_until_nothing_keeps_it_alive(void **state)
{
    Timer *timer;

    (void)state;
    call_count = 0;
    assert_int_equal(timer_create_on(loop, count_call, NULL, &timer), 0);
    timer_start(timer, 1, 0);
    loop_run(loop);
    assert_int_equal(call_count, 1);
    timer_close(timer);
}

static void stop_and_count(void *owner)
{
    call_count++;
    loop_stop(owner);
}

static void stops_when_told_and_runs_again(void **state)
{
    Timer *timer;

    (void)state;
    call_count = 0;
    assert_int_equal(timer_create_on(loop, stop_and_count, loop, &timer), 0);
    timer_start(timer, 1, 1);
    loop_run(loop);
    assert_int_equal(call_count, 1);
    loop_run(loop);
    assert_int_equal(call_count, 2);
    timer_close(timer);
}

static void destroy_frees_what_was_just_closed(void **state)
{
    Loop *other;
    Timer *timer;

    (void)state;
    assert_int_equal(loop_create(&other), 0);
    assert_int_equal(timer_create_on(other, count_call, NULL, &timer), 0);
    timer_start(timer, 1000, 0);
    loop_stop(other); /* a stop that nobody ran into does not keep the memory from being freed */
    timer_close(timer);
    loop_destroy(other);
}

static void destroy_with_an_open_timer(void)
{
    Loop *other;
    Timer *timer;

    signal(SIGABRT, SIG_DFL);
    close(STDERR_FILENO);
    if (loop_create(&other) < 0 || timer_create_on(other, count_call, NULL, &timer) < 0)
        _exit(1);
    loop_destroy(other);
    _exit(2);
}

static void destroy_aborts_when_a_handle_is_open(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        destroy_with_an_open_timer();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void writing_to_a_closed_pipe_is_only_an_error(void **state)
{
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    assert_int_equal(write(fds[1], "x", 1), -1);
    close(fds[1]);
}

static void running_out_of_descriptors_is_told(void **state)
{
    struct rlimit old, none;
    Loop *other = NULL;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);

    int result = loop_create(&other);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(result, -EMFILE);
    assert_null(other);
}

static void the_read_buffer_is_one_and_large(void **state)
{
    size_t size, again_size;
    char *buffer = loop_read_buffer(loop, &size);

    (void)state;
    assert_int_equal(size, 64 * 1024);
    assert_ptr_equal(loop_read_buffer(loop, &again_size), buffer);
    buffer[size - 1] = 'x';
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(runs_until_nothing_keeps_it_alive),
        loop_test(stops_when_told_and_runs_again),
        loop_test(destroy_frees_what_was_just_closed),
        loop_test(destroy_aborts_when_a_handle_is_open),
        loop_test(writing_to_a_closed_pipe_is_only_an_error),
        loop_test(running_out_of_descriptors_is_told),
        loop_test(the_read_buffer_is_one_and_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
