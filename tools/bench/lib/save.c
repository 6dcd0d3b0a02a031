/* save: saves a script again and again, and measures how long each version takes to answer.
 *
 *   save ADDRESS TARGET FILE HOW COUNT FIRST
 *
 * FILE becomes a service that answers FIRST, FIRST + 1, ... below `/`, COUNT times: HOW is `rename`
 * (a new file takes the old one's place, as most editors do) or `in-place` (the old file is written
 * over). After each save one kept-alive connection asks for TARGET as fast as it is answered.
 * Prints one line of names and values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

enum { PATH_SIZE = 4096, LONGEST_PAUSE_US = 20000, GIVE_UP_S = 10 };

static const char script[] = "return { mount = \"/\", http = function() return \"%lu\" end }\n";

static void write_script(const char *path, unsigned long version)
{
    FILE *file = fopen(path, "w");

    if (file == NULL || fprintf(file, script, version) < 0 || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

static void save_version(const char *path, bool is_renamed, unsigned long version)
{
    char temporary[PATH_SIZE];

    if (!is_renamed) {
        write_script(path, version);
        return;
    }
    snprintf(temporary, sizeof temporary, "%s.new", path);
    write_script(temporary, version);
    if (rename(temporary, path) != 0) {
        perror(path);
        exit(1);
    }
}

/* Asks until `version` answers. Returns how many requests failed. */
static unsigned await(Client *client, const char *target, unsigned long version)
{
    uint64_t deadline_ns = client_now_ns() + GIVE_UP_S * 1000000000UL;
    unsigned failed_count = 0;
    char expected[32];

    snprintf(expected, sizeof expected, "%lu", version);
    while (client_now_ns() < deadline_ns) {
        if (client_get(client, target, true) != CLIENT_OK || client->status != 200)
            failed_count++;
        else if (client_has_answer(client, expected))
            return failed_count;
    }
    fprintf(stderr, "version %lu did not answer within %d s\n", version, GIVE_UP_S);
    exit(1);
}

static int compare(const void *a, const void *b)
{
    double difference = *(const double *)a - *(const double *)b;

    return (difference > 0) - (difference < 0);
}

int main(int argument_count, char **arguments)
{
    static Client client;

    if (argument_count != 7) {
        fprintf(stderr, "usage: save ADDRESS TARGET FILE rename|in-place COUNT FIRST\n");
        return 2;
    }

    bool is_renamed = strcmp(arguments[4], "rename") == 0;
    size_t count = strtoul(arguments[5], NULL, 10);
    unsigned long first = strtoul(arguments[6], NULL, 10);
    double *times_ms = calloc(count + 1, sizeof *times_ms);
    unsigned failed_count = 0;

    client_init(&client, arguments[1]);
    for (size_t i = 0; i < count; i++) {
        /* So that saves do not fall into step with the host's own clocks. */
        client_sleep_until(client_now_ns() + (uint64_t)(rand() % LONGEST_PAUSE_US) * 1000);

        uint64_t started_ns = client_now_ns();

        save_version(arguments[3], is_renamed, first + i);
        failed_count += await(&client, arguments[2], first + i);
        times_ms[i] = (double)(client_now_ns() - started_ns) / 1e6;
    }
    qsort(times_ms, count, sizeof *times_ms, compare);
    printf("saves %zu failed %u median_ms %.1f p99_ms %.1f max_ms %.1f\n", count, failed_count,
           times_ms[count / 2], times_ms[count * 99 / 100], times_ms[count - 1]);
    free(times_ms);
    return 0;
}
