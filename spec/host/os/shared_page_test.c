/* SharedPage: two mappings of one descriptor see the same bytes, across processes too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "os/shared_page.h"

enum { SIZE = 4096 };

static void begins_with_zeros_and_is_shared(void **state)
{
    void *first, *second;
    int fd;

    (void)state;
    assert_int_equal(shared_page_create(SIZE, &fd), 0);
    assert_int_equal(shared_page_map(fd, SIZE, &first), 0);
    assert_int_equal(shared_page_map(fd, SIZE, &second), 0);
    assert_ptr_not_equal(first, second);
    for (size_t i = 0; i < SIZE; i++)
        assert_int_equal(((char *)first)[i], 0);
    strcpy(first, "seen");
    assert_string_equal(second, "seen");
    shared_page_unmap(first, SIZE);
    shared_page_unmap(second, SIZE);
    close(fd);
}

static void another_process_writes_into_it(void **state)
{
    void *page;
    int fd, status;

    (void)state;
    assert_int_equal(shared_page_create(SIZE, &fd), 0);
    assert_int_equal(shared_page_map(fd, SIZE, &page), 0);

    pid_t pid = fork();

    if (pid == 0) {
        memcpy(page, "child", 6);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_string_equal(page, "child");
    shared_page_unmap(page, SIZE);
    close(fd);
}

static void is_closed_on_exec_and_keeps_its_size(void **state)
{
    int fd;

    (void)state;
    assert_int_equal(shared_page_create(SIZE, &fd), 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(errno, EPERM);
    close(fd);
}

static void a_shorter_file_is_refused(void **state)
{
    void *page = NULL;
    int fd;

    (void)state;
    assert_int_equal(shared_page_create(SIZE, &fd), 0);
    assert_int_equal(shared_page_map(fd, SIZE + 1, &page), ERR_INVALID);
    assert_null(page);
    close(fd);
}

static void a_bad_descriptor_is_refused(void **state)
{
    void *page = NULL;
    int fds[2];

    (void)state;
    assert_int_equal(shared_page_map(-1, SIZE, &page), -EBADF);
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(shared_page_map(fds[0], 0, &page), -EINVAL);
    close(fds[0]);
    close(fds[1]);
    assert_null(page);
}

static void running_out_of_descriptors_is_told(void **state)
{
    struct rlimit old, none;
    int fd = -2;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    none = old;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);

    int result = shared_page_create(SIZE, &fd);

    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(result, -EMFILE);
    assert_int_equal(fd, -2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_with_zeros_and_is_shared),
        cmocka_unit_test(another_process_writes_into_it),
        cmocka_unit_test(is_closed_on_exec_and_keeps_its_size),
        cmocka_unit_test(a_shorter_file_is_refused),
        cmocka_unit_test(a_bad_descriptor_is_refused),
        cmocka_unit_test(running_out_of_descriptors_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
