/* Confinement: each test confines a process of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "os/confine.h"

static char folder[] = "/tmp/confine-XXXXXX";
static char readable[64], writable[64], other[64];

static int make_folders(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(readable, sizeof readable, "%s/readable", folder);
    snprintf(writable, sizeof writable, "%s/writable", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    return mkdir(readable, 0700) | mkdir(writable, 0700) | mkdir(other, 0700);
}

static int remove_folders(void **state)
{
    char path[80];

    (void)state;
    snprintf(path, sizeof path, "%s/new", writable);
    unlink(path);
    return rmdir(readable) | rmdir(writable) | rmdir(other) | rmdir(folder);
}

/* Whether `can`, in a confined process, says so. */
static bool does_confined(bool (*can)(void))
{
    const char *reads[] = {readable, "/nowhere"}, *writes[] = {writable};
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        if (confine_apply((ConfinePaths){reads, 2}, (ConfinePaths){writes, 1}) < 0)
            _exit(2);
        _exit(can() ? 1 : 0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
    return WEXITSTATUS(status) == 1;
}

static bool can_open(const char *in, const char *name, int flags)
{
    char path[80];
    int fd;

    snprintf(path, sizeof path, "%s/%s", in, name);
    fd = open(path, flags, 0600);
    return fd >= 0;
}

static bool reads_granted(void)
{
    return can_open(readable, ".", O_RDONLY | O_DIRECTORY) && can_open("/etc", "hosts", O_RDONLY);
}

static bool reads_others(void)
{
    return can_open(other, ".", O_RDONLY | O_DIRECTORY) || can_open("/etc", "passwd", O_RDONLY) ||
           can_open("/", "", O_RDONLY | O_DIRECTORY);
}

static bool writes_granted(void)
{
    return can_open(writable, "new", O_WRONLY | O_CREAT);
}

static bool writes_others(void)
{
    return can_open(readable, "new", O_WRONLY | O_CREAT) ||
           can_open(other, "new", O_RDWR | O_CREAT);
}

static bool starts_processes(void)
{
    char *const arguments[] = {"true", NULL};

    if (fork() >= 0 || errno != EPERM)
        return true;
    return execv("/bin/true", arguments) >= 0 || errno != EPERM;
}

static void *nothing(void *argument)
{
    return argument;
}

static bool starts_threads(void)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}

static bool looks_into_others(void)
{
    return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) >= 0 || errno != EPERM;
}

static bool talks(void)
{
    struct addrinfo *list = NULL;
    int pair[2];

    return socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0 &&
           getaddrinfo("localhost", NULL, NULL, &list) == 0 && list != NULL;
}

static void opens_what_was_granted(void **state)
{
    (void)state;
    assert_true(does_confined(reads_granted));
    assert_true(does_confined(writes_granted));
}

static void opens_nothing_else(void **state)
{
    (void)state;
    assert_true(reads_others());
    assert_false(does_confined(reads_others));
    assert_false(does_confined(writes_others));
}

static void has_threads_and_no_processes(void **state)
{
    (void)state;
    assert_true(does_confined(starts_threads));
    assert_false(does_confined(starts_processes));
    assert_false(does_confined(looks_into_others));
}

static void goes_on_talking(void **state)
{
    (void)state;
    assert_true(does_confined(talks));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_was_granted),
        cmocka_unit_test(opens_nothing_else),
        cmocka_unit_test(has_threads_and_no_processes),
        cmocka_unit_test(goes_on_talking),
    };

    if (confine_check() < 0) {
        printf("this kernel has no landlock, or no seccomp: nothing to test\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, make_folders, remove_folders);
}
