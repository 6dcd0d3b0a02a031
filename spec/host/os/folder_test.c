/* Folders, and opening below a directory: with every name and link that might lead out of it, by
 * the kernel's way and by the one without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/error.h"
#include "os/beneath.h"
#include "os/folder.h"

static char root[64];

static char *path_of(const char *name)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof path, "%s/%s", root, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void make_link(const char *target, const char *name)
{
    assert_int_equal(symlink(target, path_of(name)), 0);
}

static void make_socket(const char *name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s/%s", root, name);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

static int setup(void **state)
{
    (void)state;
    strcpy(root, "/tmp/folder_test_XXXXXX");
    if (mkdtemp(root) == NULL)
        return -1;
    mkdir(path_of("public"), 0755);
    mkdir(path_of("public/a"), 0755);
    mkdir(path_of("public/a/b"), 0755);
    write_file("secret", "outside");
    write_file("public/file", "inside");
    write_file("public/a/b/deep", "deep");
    make_link("file", "public/near");
    make_link("../../file", "public/a/b/up");
    make_link("../secret", "public/out");
    make_link("a/../../secret", "public/around");
    make_link("..", "public/parent");
    make_link("/etc/passwd", "public/absolute");
    make_link("/proc/self/root/etc/passwd", "public/magic");
    make_link("loop", "public/loop");
    make_link("nowhere", "public/dangling");
    make_link("public/a", "inner");
    make_link("/etc", "outer");
    make_socket("public/socket");
    return mkfifo(path_of("public/fifo"), 0644);
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    return system(command);
}

static int base_fd(void)
{
    int fd = open(path_of("public"), O_PATH | O_DIRECTORY | O_CLOEXEC);

    assert_true(fd >= 0);
    return fd;
}

static void check_open(int (*how)(int, const char *, int), const char *name, int expected)
{
    int directory_fd = base_fd();
    int fd = how(directory_fd, name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

    if (expected == 0 ? fd < 0 : fd != expected)
        fail_msg("%s: %s", name, error_name(fd));
    if (fd >= 0)
        close(fd);
    close(directory_fd);
}

static const char *const outside[] = {
    "..",     "../secret",   "a/../../secret", "/etc/passwd",     "out",
    "around", "parent",      "parent/secret",  "parent/public",   "absolute",
    "magic",  "loop",        "dangling",       "a/b/../../../..", "",
    "file/",  "file/x",      "nope",           "../public/file",  "/",
    "socket", "a/nope/../b", "//etc/passwd",   "loop/x",          "parent/../secret",
};

static void nothing_leads_out(void **state)
{
    char long_name[PATH_MAX * 2];

    (void)state;
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        check_open(beneath_open, outside[i], ERR_NOT_FOUND);
        check_open(beneath_walk, outside[i], ERR_NOT_FOUND);
    }
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    check_open(beneath_open, long_name, ERR_NOT_FOUND);
    check_open(beneath_walk, long_name, ERR_NOT_FOUND);
}

static void what_is_inside_is_found(void **state)
{
    (void)state;
    check_open(beneath_open, "file", 0);
    check_open(beneath_open, "a/b/deep", 0);
    check_open(beneath_open, "a", 0);
    check_open(beneath_open, "near", 0);
    check_open(beneath_open, "a/b/up", 0);
    check_open(beneath_walk, "file", 0);
    check_open(beneath_walk, "a/b/deep", 0);
    check_open(beneath_walk, "a", 0);
    check_open(beneath_walk, "near", ERR_NOT_FOUND);
    check_open(beneath_walk, "a/b/up", ERR_NOT_FOUND);
}

/* The lowest free descriptor: the same before and after when nothing is left open. */
static int free_fd(void)
{
    int fd = open("/dev/null", O_RDONLY);

    close(fd);
    return fd;
}

static void nothing_is_left_open(void **state)
{
    int before = free_fd();
    Folder *folder;
    FolderFile file;

    (void)state;
    nothing_leads_out(NULL);
    what_is_inside_is_found(NULL);
    assert_int_equal(folder_open(root, "nope", &folder), ERR_NOT_FOUND);
    assert_int_equal(folder_open(root, "public", &folder), 0);
    assert_int_equal(folder_open_file(folder, "fifo", &file), ERR_NOT_FOUND);
    assert_int_equal(folder_open_file(folder, "a", &file), -EISDIR);
    folder_close(folder);
    folder_close(NULL);
    assert_int_equal(free_fd(), before);
}

static void a_folder_is_below_its_base(void **state)
{
    Folder *folder;

    (void)state;
    assert_int_equal(folder_open(root, "outer", &folder), ERR_NOT_FOUND);
    assert_int_equal(folder_open(root, "..", &folder), ERR_NOT_FOUND);
    assert_int_equal(folder_open(root, "/etc", &folder), ERR_NOT_FOUND);
    assert_int_equal(folder_open(root, "secret", &folder), ERR_NOT_FOUND);
    assert_int_equal(folder_open("/nowhere", "a", &folder), ERR_NOT_FOUND);
    assert_int_equal(folder_open(root, "inner", &folder), 0);
    folder_close(folder);
}

static void a_file_is_described(void **state)
{
    Folder *folder;
    FolderFile file;
    struct stat info;

    (void)state;
    assert_int_equal(stat(path_of("public/file"), &info), 0);
    assert_int_equal(folder_open(root, "public", &folder), 0);
    assert_int_equal(folder_open_file(folder, "near", &file), 0);
    assert_int_equal(file.size, 6);
    assert_int_equal(file.modified_s, info.st_mtim.tv_sec);
    assert_int_equal(file.modified_ns, info.st_mtim.tv_nsec);
    assert_int_equal(file.inode, info.st_ino);
    assert_int_equal(fcntl(file.fd, F_GETFD), FD_CLOEXEC);
    close(file.fd);
    folder_close(folder);
}

static void only_regular_files_are_opened(void **state)
{
    static const char *const others[] = {"fifo", "socket", "out", "../secret", "nope"};
    Folder *folder;
    FolderFile file;

    (void)state;
    assert_int_equal(folder_open(root, "public", &folder), 0);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_int_equal(folder_open_file(folder, others[i], &file), ERR_NOT_FOUND);
    folder_close(folder);
    assert_int_equal(folder_open("/", "dev", &folder), 0);
    assert_int_equal(folder_open_file(folder, "null", &file), ERR_NOT_FOUND);
    folder_close(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_leads_out),    cmocka_unit_test(what_is_inside_is_found),
        cmocka_unit_test(nothing_is_left_open), cmocka_unit_test(a_folder_is_below_its_base),
        cmocka_unit_test(a_file_is_described),  cmocka_unit_test(only_regular_files_are_opened),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
