/* LogSink: whatever its disk or pipe does, who logs never waits, and what was dropped is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os/log_sink.h"

enum { LIMIT = 64 * 1024, CLOSE_MS = 5000, LINE_SIZE = 100, NOTICE_SIZE = 512 };

static LogSink *sink;
static int ends[2]; /* of a pipe: to read, to write */
static char folder[] = "/tmp/perigee-log-XXXXXX";
static char path[64], moved[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    if (pipe(ends) < 0 || mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(moved, sizeof moved, "%s/log.1", folder);
    return log_sink_open(ends[1], LIMIT, &sink);
}

static int tear_down(void **state)
{
    (void)state;
    close(ends[0]);
    log_sink_close(sink, CLOSE_MS);
    close(ends[1]);
    unlink(path);
    unlink(moved);
    rmdir(folder);
    return 0;
}

static bool write_text(const char *text)
{
    return log_sink_write(sink, text, strlen(text));
}

static LogSinkCounters counters(void)
{
    LogSinkCounters counters;

    log_sink_read_counters(sink, &counters);
    return counters;
}

static void await_written(uint64_t count)
{
    while (counters().written_count < count)
        sched_yield();
}

static void read_exactly(char *out, size_t size)
{
    size_t used = 0;

    while (used < size) {
        ssize_t count = read(ends[0], out + used, size - used);
        assert_true(count > 0);
        used += (size_t)count;
    }
}

static void assert_file(const char *name, const char *expected)
{
    char text[4096] = {0};
    FILE *file = fopen(name, "r");

    assert_non_null(file);
    assert_int_equal(fread(text, 1, sizeof text - 1, file), strlen(expected));
    fclose(file);
    assert_string_equal(text, expected);
}

static void lines_come_in_order(void **state)
{
    char text[8] = {0};

    (void)state;
    assert_true(write_text("one\n"));
    assert_true(write_text("2\n"));
    read_exactly(text, 6);
    assert_string_equal(text, "one\n2\n");
}

/* Fills pipe and queue, and returns how many lines were taken. */
static unsigned fill(void)
{
    char line[LINE_SIZE + 1];
    unsigned count = 0;

    memset(line, 'x', LINE_SIZE - 1);
    line[LINE_SIZE - 1] = '\n';
    line[LINE_SIZE] = '\0';
    /* The thread may take a whole queue out before the pipe is full. */
    while (counters().dropped_count < 10)
        count += write_text(line) ? 1 : 0;
    return count;
}

/* Reads so many lines, and the sentence about the dropped ones, which is somewhere among them. */
static void drain(unsigned count, char notice[NOTICE_SIZE])
{
    FILE *file = fdopen(dup(ends[0]), "r");
    char line[NOTICE_SIZE];

    notice[0] = '\0';
    while (count > 0 || notice[0] == '\0') {
        assert_non_null(fgets(line, sizeof line, file));
        if (line[0] != 'x') {
            strcpy(notice, line);
        } else {
            assert_int_equal(strlen(line), LINE_SIZE);
            count--;
        }
    }
    fclose(file);
}

static void a_full_pipe_drops_and_counts_and_says_so_when_it_drains(void **state)
{
    char notice[NOTICE_SIZE], expected[64];
    unsigned taken = fill();

    (void)state;
    assert_int_equal(counters().dropped_count, 10);
    drain(taken, notice);
    snprintf(expected, sizeof expected, "  dropped=%d\n", 10);
    assert_non_null(strstr(notice, " WARN  perigee  log lines were dropped"));
    assert_non_null(strstr(notice, expected));
    await_written(taken);
}

static void what_it_says_is_json_in_a_log_of_json(void **state)
{
    char notice[NOTICE_SIZE];

    (void)state;
    log_sink_set_format(sink, true, "worker 3");
    drain(fill(), notice);
    assert_memory_equal(notice, "{\"time\":\"20", 11);
    assert_non_null(strstr(notice, "\"level\":\"warn\",\"service\":\"worker 3\","));
    assert_non_null(strstr(notice, "\"dropped\":10}\n"));
}

static void closing_does_not_wait_for_a_pipe_that_nobody_reads(void **state)
{
    LogSink *stuck;
    int pipe_ends[2];
    char line[LINE_SIZE];

    (void)state;
    memset(line, '\n', sizeof line);
    assert_int_equal(pipe(pipe_ends), 0);
    assert_int_equal(log_sink_open(pipe_ends[1], 1024 * 1024, &stuck), 0);
    for (int i = 0; i < 10000; i++)
        log_sink_write(stuck, line, sizeof line);
    log_sink_close(stuck, 50);
    /* The thread ends, and frees the sink, once the pipe is broken. */
    close(pipe_ends[0]);
}

static void a_device_that_is_full_costs_the_lines_and_nothing_else(void **state)
{
    char text[512] = {0};
    struct stat status;

    (void)state;
    assert_int_equal(log_sink_set_file(sink, "/dev/full"), 0);
    write_text("lost\n");
    while (counters().dropped_count < 1)
        sched_yield();
    assert_int_equal(log_sink_set_file(sink, path), 0);
    while (stat(path, &status) < 0 || status.st_size == 0)
        sched_yield();
    write_text("kept\n");
    await_written(1);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_non_null(strstr(text, "dropped=1\nkept\n"));
}

/* The limit of a file's size stands for a full disk: the write is cut, and then refused. */
static void a_line_that_was_cut_is_ended_before_the_next(void **state)
{
    struct rlimit before, small;
    char text[512] = {0};

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 8;
    assert_int_equal(log_sink_set_file(sink, path), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    write_text("0123\n");
    await_written(1);
    write_text("cut here\n");
    while (counters().dropped_count < 1)
        sched_yield();
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    write_text("next\n");
    await_written(2);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_memory_equal(text, "0123\ncut\n", 9);
    assert_non_null(strstr(text, "\nnext\n"));
}

static void a_file_is_opened_anew_when_it_was_moved(void **state)
{
    (void)state;
    assert_int_equal(log_sink_set_file(sink, path), 0);
    write_text("old\n");
    await_written(1);
    assert_int_equal(rename(path, moved), 0);
    write_text("still old\n");
    await_written(2);
    log_sink_reopen(sink);
    write_text("new\n");
    await_written(3);
    assert_file(moved, "old\nstill old\n");
    assert_file(path, "new\n");
}

static void a_file_that_cannot_be_opened_changes_nothing(void **state)
{
    char text[8] = {0};

    (void)state;
    assert_true(log_sink_set_file(sink, folder) < 0);
    assert_true(log_sink_set_file(sink, "/nowhere/log") < 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true(log_sink_set_file(sink, path) < 0);
    write_text("here\n");
    read_exactly(text, 5);
    assert_string_equal(text, "here\n");
}

static void a_reader_that_went_away_does_not_end_the_process(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_DFL);
    close(ends[0]);
    write_text("into the void\n");
    while (counters().dropped_count < 1)
        sched_yield();
    ends[0] = open("/dev/null", O_RDONLY);
}

static void further_lines_of_an_event_stay_with_it(void **state)
{
    static char event[6001];
    char *text = calloc(1, 13000);

    (void)state;
    memset(event, 'y', 6000);
    memcpy(event, "begins\n    ", 11);
    event[5999] = '\n';
    assert_true(write_text(event));
    assert_true(write_text(event));
    read_exactly(text, 12000);
    assert_memory_equal(text, event, 6000);
    assert_memory_equal(text + 6000, event, 6000);
    await_written(2);
    assert_int_equal(counters().written_count, 2);
    free(text);
}

#define sink_test(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        sink_test(lines_come_in_order),
        sink_test(a_full_pipe_drops_and_counts_and_says_so_when_it_drains),
        sink_test(what_it_says_is_json_in_a_log_of_json),
        sink_test(closing_does_not_wait_for_a_pipe_that_nobody_reads),
        sink_test(a_device_that_is_full_costs_the_lines_and_nothing_else),
        sink_test(a_line_that_was_cut_is_ended_before_the_next),
        sink_test(a_file_is_opened_anew_when_it_was_moved),
        sink_test(a_file_that_cannot_be_opened_changes_nothing),
        sink_test(a_reader_that_went_away_does_not_end_the_process),
        sink_test(further_lines_of_an_event_stay_with_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
