/* Bell: rung by anybody who has the descriptor, heard by one. */
#include "../loop_fixture.h"

#include <sys/wait.h>
#include <unistd.h>

#include "os/bell.h"

static int fd;
static int heard_count;
static Bell *bell;

static void on_bell(void *owner)
{
    assert_ptr_equal(owner, &bell);
    heard_count++;
}

static int open_bell(void **state)
{
    heard_count = 0;
    return loop_setup(state) < 0 || bell_create(&fd) < 0 ? -1 : 0;
}

static int close_bell(void **state)
{
    bell_close(bell);
    bell = NULL;
    return loop_teardown(state);
}

#define bell_test(test) cmocka_unit_test_setup_teardown(test, open_bell, close_bell)

static void is_heard_once_however_often_it_was_rung(void **state)
{
    (void)state;
    bell_ring(fd);
    bell_ring(fd);
    assert_int_equal(bell_open(loop, fd, on_bell, &bell, &bell), 0);
    RUN_UNTIL(heard_count > 0);
    run_turn();
    assert_int_equal(heard_count, 1);
    bell_ring(fd);
    RUN_UNTIL(heard_count == 2);
}

static void wakes_another_process(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    assert_int_equal(bell_open(loop, fd, on_bell, &bell, &bell), 0);
    if ((pid = fork()) == 0) {
        bell_ring(fd);
        _exit(0);
    }
    RUN_UNTIL(heard_count == 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void ringing_never_waits(void **state)
{
    (void)state;
    assert_int_equal(bell_open(loop, fd, on_bell, &bell, &bell), 0);
    for (int i = 0; i < 100000; i++)
        bell_ring(fd);
    RUN_UNTIL(heard_count == 1);
}

static void what_is_no_descriptor_is_refused(void **state)
{
    (void)state;
    close(fd);
    assert_true(bell_open(loop, -1, on_bell, &bell, &bell) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        bell_test(is_heard_once_however_often_it_was_rung),
        bell_test(wakes_another_process),
        bell_test(ringing_never_waits),
        bell_test(what_is_no_descriptor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
