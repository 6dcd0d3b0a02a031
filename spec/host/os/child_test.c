/* Child: what a process is given, and what is told about its end. */
#include "../loop_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/child.h"

static int exit_count;
static int64_t last_status;
static int last_signal;
static Child *subject;

static void on_exit_of_child(void *owner, int64_t status, int number)
{
    assert_ptr_equal(owner, &exit_count);
    exit_count++;
    last_status = status;
    last_signal = number;
}

static int setup(void **state)
{
    exit_count = 0;
    subject = NULL;
    return loop_setup(state);
}

#define child_test(test) cmocka_unit_test_setup_teardown(test, setup, loop_teardown)

static int spawn_shell(const char *script, ChildOptions options)
{
    char *arguments[] = {"sh", "-c", (char *)(uintptr_t)script, NULL};

    options.file = "sh";
    options.arguments = arguments;
    return child_spawn(loop, &options, on_exit_of_child, &exit_count, &subject);
}

static void end_child(void)
{
    RUN_UNTIL(exit_count > 0);
    assert_int_equal(exit_count, 1);
    child_close(subject);
}

static void expect_status(const char *script, ChildOptions options, int status)
{
    assert_int_equal(spawn_shell(script, options), 0);
    end_child();
    assert_int_equal(last_signal, 0);
    assert_int_equal(last_status, status);
}

static void tells_the_exit_status(void **state)
{
    (void)state;
    expect_status("exit 3", (ChildOptions){0}, 3);
}

static void tells_the_signal_that_ended_it(void **state)
{
    (void)state;
    assert_int_equal(spawn_shell("exec sleep 60", (ChildOptions){0}), 0);
    assert_true(child_pid(subject) > 0);
    assert_int_equal(child_kill(subject, 0), 0);
    assert_int_equal(child_kill(subject, SIGTERM), 0);
    end_child();
    assert_int_equal(last_signal, SIGTERM);
    assert_int_equal(last_status, -1);
}

static void one_that_has_ended_cannot_be_killed(void **state)
{
    (void)state;
    assert_int_equal(spawn_shell("exit 0", (ChildOptions){0}), 0);
    RUN_UNTIL(exit_count > 0);
    assert_int_equal(child_kill(subject, SIGTERM), -ESRCH);
    child_close(subject);
}

static void a_missing_file_fails_at_once(void **state)
{
    char *arguments[] = {"nothing", NULL};
    ChildOptions options = {.file = "/nonexistent/nothing", .arguments = arguments};

    (void)state;
    assert_int_equal(child_spawn(loop, &options, on_exit_of_child, &exit_count, &subject), -ENOENT);
    assert_null(subject);
    options.file = "/";
    assert_int_equal(child_spawn(loop, &options, on_exit_of_child, &exit_count, &subject), -EACCES);
    options.file = "sh";
    options.directory = "/nonexistent";
    assert_int_equal(child_spawn(loop, &options, on_exit_of_child, &exit_count, &subject), -ENOENT);
    run_turn();
    assert_int_equal(exit_count, 0);
}

static void descriptors_are_given_by_number(void **state)
{
    int fds[2];
    char text[16] = "";

    (void)state;
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);

    int descriptors[] = {-1, fds[1], -1, -1, -1, fds[1]};
    ChildOptions options = {.descriptors = descriptors, .descriptor_count = 6};

    expect_status("read line || read line <&3; echo out; echo five >&5;"
                  "test \"$(readlink /dev/fd/4)\" = /dev/null",
                  options, 0);
    assert_int_equal(read(fds[0], text, sizeof text), 9);
    assert_memory_equal(text, "out\nfive\n", 9);
    close(fds[0]);
    close(fds[1]);
}

static void none_is_none_even_where_this_process_has_one(void **state)
{
    int fds[2], descriptors[64];
    ChildOptions options = {.descriptors = descriptors};
    char script[64];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_in_range(fds[1], 3, 63);
    memset(descriptors, -1, sizeof descriptors);
    options.descriptor_count = (size_t)fds[1] + 1;
    snprintf(script, sizeof script, "test \"$(readlink /dev/fd/%d)\" = /dev/null", fds[1]);
    expect_status(script, options, 0);
    close(fds[0]);
    close(fds[1]);
}

static void environment_and_directory_are_as_said(void **state)
{
    char *environment[] = {"PATH=/usr/bin:/bin", "PERIGEE_SPEC=yes", NULL};
    ChildOptions options = {.environment = environment, .directory = "/usr"};

    (void)state;
    expect_status("test \"$PERIGEE_SPEC\" = yes && test \"$(pwd)\" = /usr", options, 0);
}

/* This process ignores SIGPIPE, and the mask is whatever it is: neither is the child's business. */
static void signals_are_back_to_their_defaults(void **state)
{
    sigset_t blocked, old;

    (void)state;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    assert_int_equal(sigprocmask(SIG_BLOCK, &blocked, &old), 0);
    assert_int_equal(spawn_shell("kill -TERM $$; exit 0", (ChildOptions){0}), 0);
    assert_int_equal(sigprocmask(SIG_SETMASK, &old, NULL), 0);
    end_child();
    assert_int_equal(last_signal, SIGTERM);

    exit_count = 0;
    assert_int_equal(spawn_shell("kill -PIPE $$; exit 0", (ChildOptions){0}), 0);
    end_child();
    assert_int_equal(last_signal, SIGPIPE);
}

static void a_closed_one_lives_on_untold(void **state)
{
    int status;

    (void)state;
    assert_int_equal(spawn_shell("read line; exit 4",
                                 (ChildOptions){.descriptors = (int[]){-1}, .descriptor_count = 1}),
                     0);

    pid_t pid = child_pid(subject);

    child_close(subject);
    run_turn();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 4);
    run_turn();
    assert_int_equal(exit_count, 0);
    child_close(NULL);
}

static void close_on_exit(void *owner, int64_t status, int number)
{
    on_exit_of_child(owner, status, number);
    child_close(subject);
}

static void may_be_closed_in_its_callback(void **state)
{
    char *arguments[] = {"true", NULL};
    ChildOptions options = {.file = "true", .arguments = arguments};

    (void)state;
    assert_int_equal(child_spawn(loop, &options, close_on_exit, &exit_count, &subject), 0);
    RUN_UNTIL(exit_count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        child_test(tells_the_exit_status),
        child_test(tells_the_signal_that_ended_it),
        child_test(one_that_has_ended_cannot_be_killed),
        child_test(a_missing_file_fails_at_once),
        child_test(descriptors_are_given_by_number),
        child_test(none_is_none_even_where_this_process_has_one),
        child_test(environment_and_directory_are_as_said),
        child_test(signals_are_back_to_their_defaults),
        child_test(a_closed_one_lives_on_untold),
        child_test(may_be_closed_in_its_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
