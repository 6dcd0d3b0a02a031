/* OpenFile: open as long as anybody refers to it, read wherever one likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/open_file.h"

static int make_file(const char *text)
{
    FILE *file = tmpfile();
    int fd = dup(fileno(file));

    fputs(text, file);
    fclose(file);
    assert_true(fd >= 0);
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void the_last_reference_closes_it(void **state)
{
    int fd = make_file("");
    OpenFile *file = open_file_adopt(fd);

    (void)state;
    assert_ptr_equal(open_file_retain(file), file);
    assert_int_equal(open_file_descriptor(file), fd);
    open_file_release(file);
    assert_true(is_open(fd));
    open_file_release(file);
    assert_false(is_open(fd));
    open_file_release(NULL);
}

static void any_part_can_be_read(void **state)
{
    OpenFile *file = open_file_adopt(make_file("0123456789"));
    char bytes[16];

    (void)state;
    assert_int_equal(open_file_read(file, 3, bytes, 4), 4);
    assert_memory_equal(bytes, "3456", 4);
    assert_int_equal(open_file_read(file, 8, bytes, 16), 2);
    assert_int_equal(open_file_read(file, 10, bytes, 16), 0);
    assert_int_equal(open_file_read(file, UINT64_C(1) << 40, bytes, 16), 0);
    open_file_release(file);
}

static void a_failure_is_a_code(void **state)
{
    OpenFile *file = open_file_adopt(open("/", O_RDONLY | O_DIRECTORY));
    char bytes[16];

    (void)state;
    assert_int_equal(open_file_read(file, 0, bytes, 16), -EISDIR);
    open_file_release(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_reference_closes_it),
        cmocka_unit_test(any_part_can_be_read),
        cmocka_unit_test(a_failure_is_a_code),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
