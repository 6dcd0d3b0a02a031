/* FileWatch: changes in a directory, and what becomes of the watch when the directory goes. */
#include "../loop_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "os/file_watch.h"

enum { PATH_SIZE = 256 };

static char root[64], watched[PATH_SIZE], aside[PATH_SIZE];
static int change_count;
static int last_status;
static FileWatch *subject;

static void on_change(void *owner, int status)
{
    assert_ptr_equal(owner, &change_count);
    change_count++;
    last_status = status;
}

static const char *inside(const char *name)
{
    static char path[PATH_SIZE + 32];

    snprintf(path, sizeof path, "%s/%s", watched, name);
    return path;
}

static void write_file(const char *path)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static int setup(void **state)
{
    snprintf(root, sizeof root, "/tmp/perigee-watch-XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    snprintf(watched, sizeof watched, "%s/services", root);
    snprintf(aside, sizeof aside, "%s/aside", root);
    change_count = 0;
    last_status = 1;
    subject = NULL;
    if (mkdir(watched, 0700) < 0 || loop_setup(state) < 0)
        return -1;
    return file_watch_open(loop, watched, on_change, &change_count, &subject);
}

static int teardown(void **state)
{
    char command[PATH_SIZE];

    file_watch_close(subject);
    snprintf(command, sizeof command, "rm -r %s", root);
    if (system(command) != 0)
        return -1;
    return loop_teardown(state);
}

#define watch_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static void expect_change(void)
{
    RUN_UNTIL(change_count > 0);
    assert_int_equal(last_status, 0);
    change_count = 0;
}

static void tells_files_that_come_change_move_and_go(void **state)
{
    (void)state;
    write_file(inside("a"));
    expect_change();
    write_file(inside("a"));
    expect_change();
    assert_int_equal(rename(watched, aside), 0);
    assert_int_equal(rename(aside, watched), 0);
    expect_change();
    assert_int_equal(unlink(inside("a")), 0);
    expect_change();
}

static void events_of_one_turn_are_one_change(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        write_file(inside("a"));
    RUN_UNTIL(change_count > 0);
    for (int i = 0; i < 5; i++)
        run_turn();
    assert_int_equal(change_count, 1);
}

static void a_quiet_directory_tells_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        run_turn();
    assert_int_equal(change_count, 0);
}

static void a_removed_directory_ends_the_watch(void **state)
{
    (void)state;
    assert_int_equal(rmdir(watched), 0);
    RUN_UNTIL(change_count > 0);
    assert_int_equal(last_status, ERR_NOT_FOUND);
    assert_int_equal(mkdir(watched, 0700), 0);
    write_file(inside("a"));
    for (int i = 0; i < 5; i++)
        run_turn();
    assert_int_equal(change_count, 1);
}

static void a_directory_moved_away_ends_the_watch(void **state)
{
    (void)state;
    assert_int_equal(rename(watched, aside), 0);
    RUN_UNTIL(change_count > 0);
    assert_int_equal(last_status, ERR_NOT_FOUND);
}

/* As a deployment does it. The new directory may even get the number of the old one. */
static void a_directory_made_anew_is_watched_on(void **state)
{
    (void)state;
    assert_int_equal(rmdir(watched), 0);
    assert_int_equal(mkdir(watched, 0700), 0);
    expect_change();
    write_file(inside("a"));
    expect_change();
    assert_int_equal(rename(watched, aside), 0);
    assert_int_equal(mkdir(watched, 0700), 0);
    expect_change();
    write_file(inside("b"));
    expect_change();
}

static void an_entry_of_the_same_name_is_only_a_change(void **state)
{
    (void)state;
    assert_int_equal(mkdir(inside("services"), 0700), 0);
    expect_change();
    write_file(inside("a"));
    expect_change();
}

static void watches_one_file_through_its_replacement(void **state)
{
    FileWatch *of_file;
    char path[PATH_SIZE];

    (void)state;
    write_file(inside("a"));
    expect_change();
    file_watch_close(subject);
    subject = NULL;
    snprintf(path, sizeof path, "%s", inside("a"));
    assert_int_equal(file_watch_open(loop, path, on_change, &change_count, &of_file), 0);
    write_file(inside("new"));
    for (int i = 0; i < 3; i++)
        run_turn();
    assert_int_equal(change_count, 0);
    assert_int_equal(rename(inside("new"), path), 0);
    expect_change();
    write_file(path);
    expect_change();
    file_watch_close(of_file);
}

static void a_slash_at_the_end_makes_no_difference(void **state)
{
    char path[PATH_SIZE + 2];

    (void)state;
    file_watch_close(subject);
    snprintf(path, sizeof path, "%s//", watched);
    assert_int_equal(file_watch_open(loop, path, on_change, &change_count, &subject), 0);
    assert_int_equal(rmdir(watched), 0);
    RUN_UNTIL(change_count > 0);
    assert_int_equal(last_status, ERR_NOT_FOUND);
}

static void a_missing_path_cannot_be_watched(void **state)
{
    FileWatch *other = NULL;

    (void)state;
    assert_int_equal(file_watch_open(loop, aside, on_change, &change_count, &other), -ENOENT);
    assert_null(other);
    file_watch_close(NULL);
}

static void close_on_change(void *owner, int status)
{
    on_change(owner, status);
    file_watch_close(subject);
    subject = NULL;
}

static void may_be_closed_in_its_callback(void **state)
{
    (void)state;
    file_watch_close(subject);
    assert_int_equal(file_watch_open(loop, watched, close_on_change, &change_count, &subject), 0);
    write_file(inside("a"));
    RUN_UNTIL(change_count > 0);
    write_file(inside("b"));
    run_turn();
    assert_int_equal(change_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        watch_test(tells_files_that_come_change_move_and_go),
        watch_test(events_of_one_turn_are_one_change),
        watch_test(a_quiet_directory_tells_nothing),
        watch_test(a_removed_directory_ends_the_watch),
        watch_test(a_directory_moved_away_ends_the_watch),
        watch_test(a_directory_made_anew_is_watched_on),
        watch_test(an_entry_of_the_same_name_is_only_a_change),
        watch_test(watches_one_file_through_its_replacement),
        watch_test(a_slash_at_the_end_makes_no_difference),
        watch_test(a_missing_path_cannot_be_watched),
        watch_test(may_be_closed_in_its_callback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
