/* Memory: what is handed out is zeroed, kept, or copied as promised. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

static void new_memory_is_zeroed(void **state)
{
    static const char zeros[512];
    char *memory = memory_alloc(sizeof zeros);

    (void)state;
    assert_memory_equal(memory, zeros, sizeof zeros);
    memory_free(memory);
}

static void resized_memory_keeps_its_bytes(void **state)
{
    char *memory = memory_copy("abc", 3);

    (void)state;
    memory = memory_resize(memory, 10000);
    assert_memory_equal(memory, "abc", 3);
    memory = memory_resize(memory, 2);
    assert_memory_equal(memory, "ab", 2);
    memory_free(memory_resize(memory, 0));
}

static void a_copy_has_a_nul_behind_it(void **state)
{
    char *copy = memory_copy("a\0b", 3);
    char *empty = memory_copy(NULL, 0);

    (void)state;
    assert_memory_equal(copy, "a\0b", 4);
    assert_string_equal(empty, "");
    memory_free(copy);
    memory_free(empty);
    memory_free(NULL);
}

static void ask_for_more_than_there_is(void)
{
    const struct rlimit no_core = {0, 0};

    setrlimit(RLIMIT_CORE, &no_core);
    if (freopen("/dev/null", "w", stderr) != NULL)
        memory_alloc(PTRDIFF_MAX - 1);
    _exit(0);
}

/* A sanitizer has its own end for this. */
static bool is_sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
    return __has_feature(address_sanitizer);
#else
    return false;
#endif
}

static void running_out_aborts(void **state)
{
    int status;
    pid_t child;

    (void)state;
    if (is_sanitized())
        skip();
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        ask_for_more_than_there_is();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_memory_is_zeroed),
        cmocka_unit_test(resized_memory_keeps_its_bytes),
        cmocka_unit_test(a_copy_has_a_nul_behind_it),
        cmocka_unit_test(running_out_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
