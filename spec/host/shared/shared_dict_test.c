/* SharedDict: what it keeps, what it refuses, and that neither a process killed in the middle nor
 * a wild write harms anybody else. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "region_fixture.h"
#include "shared/shared_dict.h"

enum { SECOND = 1000 * 1000 * 1000 };

static SharedDict dict;
static char buffer[4096];

static const SharedShape small = {
    .entry_count = 4, .key_size = 16, .value_size = 32, .is_evicting = 1};

static void make(const SharedShape *shape)
{
    int number = shared_dict_add(&region, "dict", shape);

    assert_true(number >= 0);
    assert_int_equal(shared_dict_open(&region, (uint32_t)number, &dict), 0);
}

static SharedBytes bytes(const char *text)
{
    return (SharedBytes){text, strlen(text)};
}

static SharedValue string(const char *text)
{
    return (SharedValue){.type = SHARED_STRING, .string = bytes(text)};
}

static SharedValue number(double value)
{
    return (SharedValue){.type = SHARED_NUMBER, .number = value};
}

static int put(const char *key, SharedValue value, uint64_t life_time_ns, uint64_t now_ns)
{
    SharedStore store = {.key = bytes(key), .value = value, .life_time_ns = life_time_ns};

    return shared_dict_store(&dict, &store, now_ns);
}

static int add(const char *key, double amount, uint64_t now_ns, double *sum)
{
    SharedAddition addition = {.key = bytes(key), .amount = number(amount), .initial = number(0)};
    SharedValue value = number(-1);
    int result = shared_dict_increase(&dict, &addition, now_ns, &value);

    *sum = value.number;
    return result;
}

static void assert_string(const char *key, uint64_t now_ns, const char *expected)
{
    SharedValue value;

    assert_int_equal(shared_dict_get(&dict, bytes(key), now_ns, buffer, &value), 0);
    assert_int_equal(value.type, SHARED_STRING);
    assert_int_equal(value.string.size, strlen(expected));
    assert_memory_equal(value.string.bytes, expected, value.string.size);
}

static void assert_absent(const char *key, uint64_t now_ns)
{
    SharedValue value;

    assert_int_equal(shared_dict_get(&dict, bytes(key), now_ns, buffer, &value), ERR_NOT_FOUND);
}

static void keeps_values_of_every_type(void **state)
{
    SharedValue integer = {.type = SHARED_INT64, .integer = INT64_MIN};
    SharedValue boolean = {.type = SHARED_BOOLEAN, .number = 1};
    SharedValue found;

    (void)state;
    make(&small);
    assert_int_equal(put("s", string("text"), 0, 1), 1);
    assert_int_equal(put("n", number(-1.5), 0, 1), 1);
    assert_int_equal(put("i", integer, 0, 1), 1);
    assert_int_equal(put("b", boolean, 0, 1), 1);
    assert_string("s", 2, "text");
    assert_int_equal(shared_dict_get(&dict, bytes("n"), 2, buffer, &found), 0);
    assert_true(found.type == SHARED_NUMBER && found.number == -1.5);
    assert_int_equal(shared_dict_get(&dict, bytes("i"), 2, buffer, &found), 0);
    assert_true(found.type == SHARED_INT64 && found.integer == INT64_MIN);
    assert_int_equal(shared_dict_get(&dict, bytes("b"), 2, buffer, &found), 0);
    assert_true(found.type == SHARED_BOOLEAN && found.number == 1);
    assert_int_equal(put("s", string(""), 0, 3), 1);
    assert_string("s", 4, "");
    assert_int_equal(shared_dict_remove(&dict, bytes("s"), 5), 0);
    assert_int_equal(shared_dict_remove(&dict, bytes("s"), 5), ERR_NOT_FOUND);
    assert_absent("s", 5);
}

static void expires_at_its_time(void **state)
{
    double sum;

    (void)state;
    make(&small);
    assert_int_equal(put("k", string("v"), SECOND, 10), 1);
    assert_string("k", 10 + SECOND - 1, "v");
    assert_absent("k", 10 + SECOND);
    assert_int_equal(shared_dict_remove(&dict, bytes("k"), 10 + SECOND), ERR_NOT_FOUND);
    assert_int_equal(add("k", 3, 10 + SECOND, &sum), 0);
    assert_true(sum == 3);
}

static void stores_under_a_condition(void **state)
{
    SharedStore store = {.key = bytes("k"), .value = string("new"), .condition = SHARED_IF_ABSENT};

    (void)state;
    make(&small);
    assert_int_equal(shared_dict_store(&dict, &store, 1), 1);
    assert_int_equal(shared_dict_store(&dict, &store, 1), 0);
    store.condition = SHARED_IF_EQUAL;
    store.expected = string("other");
    assert_int_equal(shared_dict_store(&dict, &store, 1), 0);
    store.expected = number(1);
    assert_int_equal(shared_dict_store(&dict, &store, 1), 0);
    store.expected = string("new");
    store.value = string("newer");
    assert_int_equal(shared_dict_store(&dict, &store, 1), 1);
    assert_string("k", 1, "newer");
}

static void keeps_the_time_of_what_is_swapped(void **state)
{
    SharedStore store = {.key = bytes("k"),
                         .value = string("new"),
                         .condition = SHARED_IF_EQUAL,
                         .expected = string("old")};

    (void)state;
    make(&small);
    assert_int_equal(put("k", string("old"), SECOND, 10), 1);
    assert_int_equal(shared_dict_store(&dict, &store, 20), 1);
    assert_string("k", 10 + SECOND - 1, "new");
    assert_absent("k", 10 + SECOND);
}

static void adds_to_numbers_alone(void **state)
{
    double sum;

    (void)state;
    make(&small);
    assert_int_equal(put("s", string("text"), 0, 1), 1);
    assert_int_equal(add("s", 1, 1, &sum), ERR_INVALID);
    assert_string("s", 1, "text");
    assert_int_equal(add("n", 2, 1, &sum), 0);
    assert_int_equal(add("n", 0.5, 1, &sum), 0);
    assert_true(sum == 2.5);
}

static void gives_up_what_was_used_longest_ago(void **state)
{
    SharedDictCounters counters;
    char key[2] = "a";

    (void)state;
    make(&small);
    for (uint64_t i = 0; i < 4; i++, key[0]++)
        assert_int_equal(put(key, string("v"), 0, i + 1), 1);
    assert_string("a", 10, "v");
    assert_int_equal(put("e", string("v"), 0, 11), 1);
    assert_absent("b", 12);
    assert_string("a", 12, "v");
    shared_dict_read_counters(&dict, &counters);
    assert_int_equal(counters.eviction_count, 1);
}

static void refuses_when_it_is_to(void **state)
{
    SharedShape shape = small;
    SharedDictCounters counters;
    char key[2] = "a";

    (void)state;
    shape.is_evicting = 0;
    make(&shape);
    for (uint64_t i = 0; i < 4; i++, key[0]++)
        assert_int_equal(put(key, string("v"), i == 2 ? SECOND : 0, 1), 1);
    assert_int_equal(put("e", string("v"), 0, 2), ERR_FULL);
    assert_int_equal(put("a", string("w"), 0, 2), 1);
    shared_dict_read_counters(&dict, &counters);
    assert_int_equal(counters.refusal_count, 1);
    assert_int_equal(put("e", string("v"), 0, 1 + SECOND), 1);
    assert_absent("c", 1 + SECOND);
}

static void bounds_sizes(void **state)
{
    (void)state;
    make(&small);
    assert_int_equal(put("a key of 16 byte", string("v"), 0, 1), 1);
    assert_int_equal(put("a key of 17 bytes", string("v"), 0, 1), ERR_TOO_LARGE);
    assert_absent("a key of 17 bytes", 1);
    assert_int_equal(put("k", string("a value of 32 bytes, not of 33 !"), 0, 1), 1);
    assert_int_equal(put("k", string("a value of 33 bytes, not of 32 !!"), 0, 1), ERR_TOO_LARGE);
    assert_string("k", 1, "a value of 32 bytes, not of 33 !");
}

static void a_name_has_one_shape(void **state)
{
    SharedShape other = small;

    (void)state;
    make(&small);
    assert_int_equal(shared_dict_add(&region, "dict", &small), 0);
    other.value_size++;
    assert_int_equal(shared_dict_add(&region, "dict", &other), -EEXIST);
    other.value_size = SHARED_VALUE_LIMIT;
    assert_int_equal(shared_dict_add(&region, "large", &other), ERR_FULL);
    other.entry_count = 0;
    assert_int_equal(shared_dict_add(&region, "none", &other), ERR_INVALID);
    assert_int_equal(shared_dict_open(&region, 1, &dict), ERR_INVALID);
}

static void holds_what_it_was_made_for(void **state)
{
    SharedShape shape = {.entry_count = 1000, .key_size = 16, .value_size = 8};
    char key[16];
    int count = 0;

    (void)state;
    make(&shape);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(put(key, number(i), 0, 1), 1);
    }
    assert_true(shared_dict_keys_size(&dict) <= sizeof buffer);
    for (uint32_t i = 0; i < dict.bucket_count; i++)
        count += shared_dict_list(&dict, i, 1, buffer);
    assert_int_equal(count, 1000);
}

/* Adds to one key and says so, until it is killed. */
static void hammer(int fd)
{
    double sum;

    for (uint64_t now_ns = 1;; now_ns++) {
        if (add("count", 1, now_ns, &sum) == 0 && write(fd, "+", 1) != 1)
            _exit(1);
        if (put("filler", string(now_ns % 2 ? "odd" : "even"), 0, now_ns) < 0)
            _exit(2);
    }
}

static int read_all(int fd)
{
    char bytes_read[4096];
    int count = 0;
    ssize_t size;

    while ((size = read(fd, bytes_read, sizeof bytes_read)) > 0)
        count += (int)size;
    return count;
}

static void counts_stay_exact_when_processes_are_killed(void **state)
{
    enum { PROCESS_COUNT = 200, ADDITIONS_BEFORE_THE_END = 20 };
    int completed = 0, fds[2], status;
    double sum;
    char byte;

    (void)state;
    make(&small);
    for (int i = 0; i < PROCESS_COUNT; i++) {
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
            close(fds[0]);
            hammer(fds[1]);
        }
        close(fds[1]);
        for (int j = 0; j < ADDITIONS_BEFORE_THE_END; j++)
            completed += (int)read(fds[0], &byte, 1);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WTERMSIG(status), SIGKILL);
        completed += read_all(fds[0]);
        close(fds[0]);
        /* The last one may have been done and not told any more. */
        assert_int_equal(add("count", 0, 1, &sum), 0);
        assert_true((int)sum == completed || (int)sum == completed + 1);
        completed = (int)sum;
    }
}

/* Dies with the lock, before what it wrote counts. */
static void a_lock_of_the_dead_is_taken_over(void **state)
{
    SharedDictCounters counters;
    int status;

    (void)state;
    make(&small);
    assert_int_equal(put("k", string("old"), 0, 1), 1);

    pid_t pid = fork();

    if (pid == 0) {
        /* The first bucket's lock is the first thing behind the dictionary's head. */
        SharedObject object;
        shared_region_read(&region, 0, &object);
        pthread_mutex_lock((pthread_mutex_t *)(void *)(region.bytes + object.offset + 24));
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_string("k", 2, "old");
    assert_int_equal(put("k", string("new"), 0, 3), 1);
    assert_string("k", 4, "new");
    shared_dict_read_counters(&dict, &counters);
    assert_int_equal(counters.recovery_count, 1);
}

/* Every byte behind the locks' is changed at random: answers may be wrong, nobody may crash. */
static void wild_writes_crash_nobody(void **state)
{
    SharedObject object;
    SharedValue value;
    double sum;
    uint64_t now_ns = 1;
    char key[2] = "a";

    (void)state;
    make(&small);
    assert_int_equal(shared_region_read(&region, 0, &object), 0);
    srand(1);
    for (int round = 0; round < 20000; round++) {
        size_t lock_end = object.offset + 24 + sizeof(pthread_mutex_t);
        size_t place = lock_end + (size_t)rand() % (object.size - lock_end + object.offset);
        region.bytes[place] = (char)rand();
        key[0] = (char)('a' + rand() % 8);
        put(key, string("value"), (uint64_t)(rand() % 3), now_ns++);
        add(key, 1, now_ns, &sum);
        if (shared_dict_get(&dict, bytes(key), now_ns, buffer, &value) == 0 &&
            value.type == SHARED_STRING)
            assert_true(value.string.size <= small.value_size);
        shared_dict_list(&dict, 0, now_ns, buffer);
        shared_dict_remove(&dict, bytes(key), now_ns);
    }
}

static void a_wild_directory_crashes_nobody(void **state)
{
    SharedObject object;
    char *entry;

    (void)state;
    make(&small);
    assert_int_equal(shared_region_read(&region, 0, &object), 0);
    /* The entry is where its name is. */
    entry = memmem(region.bytes, SHARED_REGION_MIN_SIZE, "dict", sizeof "dict");
    assert_non_null(entry);
    srand(2);
    for (int round = 0; round < 20000; round++) {
        char *place = entry - sizeof(uint32_t) + (size_t)rand() % sizeof(SharedObject);
        char before = *place;
        *place = (char)rand();
        if (shared_dict_open(&region, 0, &dict) == 0) {
            assert_true(dict.bytes >= region.bytes);
            assert_true((uint64_t)dict.bucket_count * dict.bucket_size <
                        (uint64_t)(region.bytes + REGION_SIZE - dict.bytes));
        }
        shared_region_used_size(&region);
        *place = before;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_REGION(keeps_values_of_every_type),
        IN_A_REGION(expires_at_its_time),
        IN_A_REGION(stores_under_a_condition),
        IN_A_REGION(keeps_the_time_of_what_is_swapped),
        IN_A_REGION(adds_to_numbers_alone),
        IN_A_REGION(gives_up_what_was_used_longest_ago),
        IN_A_REGION(refuses_when_it_is_to),
        IN_A_REGION(bounds_sizes),
        IN_A_REGION(a_name_has_one_shape),
        IN_A_REGION(holds_what_it_was_made_for),
        IN_A_REGION(counts_stay_exact_when_processes_are_killed),
        IN_A_REGION(a_lock_of_the_dead_is_taken_over),
        IN_A_REGION(wild_writes_crash_nobody),
        IN_A_REGION(a_wild_directory_crashes_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
