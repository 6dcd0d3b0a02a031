/* SharedRegion: objects by name, made once whoever asks, and counters. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "region_fixture.h"

enum { THREAD_COUNT = 4, ADDITION_COUNT = 20000 };

static int add_counter(const char *name)
{
    SharedObject wanted = {.kind = SHARED_COUNTER};

    snprintf(wanted.name, sizeof wanted.name, "%s", name);
    return shared_region_add(&region, &wanted, NULL);
}

static void what_was_not_formatted_is_refused(void **state)
{
    static _Alignas(64) char zeros[SHARED_REGION_MIN_SIZE];
    SharedRegion other;

    (void)state;
    assert_int_equal(shared_region_open(zeros, sizeof zeros, &other), ERR_INVALID);
    assert_int_equal(shared_region_format(zeros, sizeof zeros - 1), ERR_INVALID);
    assert_int_equal(shared_region_open(region.bytes, SHARED_REGION_MIN_SIZE - 1, &other),
                     ERR_INVALID);
}

static void a_name_is_one_object(void **state)
{
    SharedObject object = {.kind = SHARED_DICT, .name = "a"};

    (void)state;
    assert_int_equal(add_counter("a"), 0);
    assert_int_equal(add_counter("b"), 1);
    assert_int_equal(add_counter("a"), 0);
    assert_int_equal(shared_region_find(&region, "b"), 1);
    assert_int_equal(shared_region_find(&region, "c"), ERR_NOT_FOUND);
    assert_int_equal(shared_region_add(&region, &object, NULL), -EEXIST);
    assert_int_equal(shared_region_read(&region, 2, &object), ERR_NOT_FOUND);
    assert_null(shared_region_counter(&region, 2));
}

static void the_directory_and_the_memory_are_bounded(void **state)
{
    SharedObject object = {.kind = SHARED_DICT, .name = "large", .size = REGION_SIZE};
    char name[32];

    (void)state;
    assert_int_equal(shared_region_add(&region, &object, NULL), ERR_FULL);
    object.size = UINT64_MAX;
    assert_int_equal(shared_region_add(&region, &object, NULL), ERR_FULL);
    for (int i = 0; i < SHARED_OBJECT_LIMIT; i++) {
        snprintf(name, sizeof name, "counter %d", i);
        assert_int_equal(add_counter(name), i);
    }
    assert_int_equal(add_counter("one more"), ERR_FULL);
}

static int refuse_to_begin(const SharedRegion *of, const SharedObject *object)
{
    (void)of, (void)object;
    return -EIO;
}

static void an_object_that_fails_to_begin_is_not_there(void **state)
{
    SharedObject object = {.kind = SHARED_DICT, .name = "a", .size = 64};
    size_t used_size = shared_region_used_size(&region);

    (void)state;
    assert_int_equal(shared_region_add(&region, &object, refuse_to_begin), -EIO);
    assert_int_equal(shared_region_find(&region, "a"), ERR_NOT_FOUND);
    assert_int_equal(shared_region_used_size(&region), used_size);
}

/* Several threads make the same objects and add to them. */
static void *add_many(void *unused)
{
    (void)unused;
    for (int i = 0; i < ADDITION_COUNT; i++) {
        char name[32];
        snprintf(name, sizeof name, "counter %d", i % 100);
        int number = add_counter(name);
        atomic_fetch_add(shared_region_counter(&region, (uint32_t)number), 1);
    }
    return NULL;
}

static void many_at_once_agree(void **state)
{
    pthread_t threads[THREAD_COUNT];
    int64_t sum = 0;

    (void)state;
    for (int i = 0; i < THREAD_COUNT; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    for (int i = 0; i < THREAD_COUNT; i++)
        pthread_join(threads[i], NULL);
    for (uint32_t i = 0; i < 100; i++)
        sum += *shared_region_counter(&region, i);
    assert_int_equal(sum, THREAD_COUNT * ADDITION_COUNT);
    assert_null(shared_region_counter(&region, 100));
}

/* Whoever dies while it adds an object leaves the directory whole and the lock free. */
static void makers_may_be_killed(void **state)
{
    enum { PROCESS_COUNT = 100 };
    int status, last = 0;
    char name[32];

    (void)state;
    for (int i = 0; i < PROCESS_COUNT; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            for (int j = 0;; j++) {
                snprintf(name, sizeof name, "of %d: %d", i, j);
                add_counter(name);
            }
        }
        while (shared_region_find(&region, "of 0: 0") < 0) {
        }
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        snprintf(name, sizeof name, "after %d", i);
        int number = add_counter(name);
        assert_true(number > last || number == ERR_FULL);
        last = number > last ? number : last;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_REGION(what_was_not_formatted_is_refused),
        IN_A_REGION(a_name_is_one_object),
        IN_A_REGION(the_directory_and_the_memory_are_bounded),
        IN_A_REGION(an_object_that_fails_to_begin_is_not_there),
        IN_A_REGION(many_at_once_agree),
        IN_A_REGION(makers_may_be_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
