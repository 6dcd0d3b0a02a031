/* load: many clients at once, and a count of everything that went wrong.
 *
 *   load ADDRESS TARGET SECONDS KEPT FRESH RATE [BODY]
 *
 * KEPT clients hold on to their connection, FRESH ones open another for each request. Each makes
 * RATE requests a second at times fixed in advance (0: one after the other), and latency counts
 * from those times, so that a stall costs every request that was due in it. A request fails without
 * a complete 200, or when BODY is given and the answer is another. Ends after SECONDS or at SIGTERM
 * with one line of names and values. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

enum {
    MAX_CLIENTS = 256,
    BUCKET_COUNT = 100000,
    BUCKET_NS = 10000,
    WRONG_ANSWER = CLIENT_FAILURE_COUNT, /* a complete answer, but not the one expected */
};

typedef struct Tally {
    uint64_t request_count;
    uint64_t failure_counts[CLIENT_FAILURE_COUNT + 1];
    uint64_t reopened_count; /* connections that were to be kept and were not */
    uint64_t slowest_ns;
    uint64_t buckets[BUCKET_COUNT]; /* of latencies, the last one for all above */
} Tally;

static const char *const failure_names[] = {"",        "refused",   "closed",
                                            "timeout", "malformed", "wrong"};

static const char *address, *target, *expected;
static uint64_t end_ns, interval_ns;
static atomic_bool is_stopped;
static Tally total;
static pthread_mutex_t total_lock = PTHREAD_MUTEX_INITIALIZER;

static void on_signal(int signal)
{
    (void)signal;
    is_stopped = true;
}

static void count_latency(Tally *tally, uint64_t latency_ns)
{
    uint64_t bucket = latency_ns / BUCKET_NS;

    tally->buckets[bucket < BUCKET_COUNT ? bucket : BUCKET_COUNT - 1]++;
    if (latency_ns > tally->slowest_ns)
        tally->slowest_ns = latency_ns;
}

static void add_to_total(const Tally *tally)
{
    pthread_mutex_lock(&total_lock);
    total.request_count += tally->request_count;
    total.reopened_count += tally->reopened_count;
    for (int i = 0; i <= WRONG_ANSWER; i++)
        total.failure_counts[i] += tally->failure_counts[i];
    for (int i = 0; i < BUCKET_COUNT; i++)
        total.buckets[i] += tally->buckets[i];
    if (tally->slowest_ns > total.slowest_ns)
        total.slowest_ns = tally->slowest_ns;
    pthread_mutex_unlock(&total_lock);
}

static void ask(Client *client, Tally *tally, bool is_kept, uint64_t due_ns)
{
    ClientFailure failure = client_get(client, target, is_kept);

    tally->request_count++;
    if (failure == CLIENT_OK && !client_has_answer(client, expected))
        tally->failure_counts[WRONG_ANSWER]++;
    else
        tally->failure_counts[failure]++;
    count_latency(tally, client_now_ns() - due_ns);
}

/* The argument tells whether the connection is kept. */
static void *run_client(void *is_kept)
{
    Client *client = malloc(sizeof *client);
    Tally *tally = calloc(1, sizeof *tally);
    uint64_t due_ns = client_now_ns() + (interval_ns ? (uint64_t)rand() % interval_ns : 0);

    client_init(client, address);
    while (!is_stopped && due_ns < end_ns) {
        if (interval_ns > 0)
            client_sleep_until(due_ns);
        else
            due_ns = client_now_ns();
        ask(client, tally, is_kept != NULL, due_ns);
        due_ns += interval_ns;
    }
    client_close(client);
    if (is_kept != NULL && client->opened_count > 1)
        tally->reopened_count = client->opened_count - 1;
    add_to_total(tally);
    free(tally);
    free(client);
    return NULL;
}

static double percentile_ms(double share)
{
    uint64_t left = (uint64_t)((double)total.request_count * share);
    int bucket = 0;

    while (bucket < BUCKET_COUNT - 1 && left >= total.buckets[bucket])
        left -= total.buckets[bucket++];
    return (bucket + 1) * (BUCKET_NS / 1e6);
}

static void print_total(void)
{
    uint64_t failed_count = total.request_count - total.failure_counts[CLIENT_OK];

    printf("requests %lu failed %lu reopened %lu median_ms %.2f p99_ms %.2f max_ms %.2f",
           (unsigned long)total.request_count, (unsigned long)failed_count,
           (unsigned long)total.reopened_count, percentile_ms(0.5), percentile_ms(0.99),
           (double)total.slowest_ns / 1e6);
    for (int i = CLIENT_REFUSED; i <= WRONG_ANSWER; i++) {
        if (total.failure_counts[i] > 0)
            printf(" %s %lu", failure_names[i], (unsigned long)total.failure_counts[i]);
    }
    printf("\n");
}

int main(int argument_count, char **arguments)
{
    pthread_t threads[MAX_CLIENTS];

    if (argument_count < 7) {
        fprintf(stderr, "usage: load ADDRESS TARGET SECONDS KEPT FRESH RATE [BODY]\n");
        return 2;
    }
    address = arguments[1];
    target = arguments[2];
    end_ns = client_now_ns() + (uint64_t)(atof(arguments[3]) * 1e9);
    expected = argument_count > 7 ? arguments[7] : NULL;
    interval_ns = atof(arguments[6]) > 0 ? (uint64_t)(1e9 / atof(arguments[6])) : 0;

    int kept_count = atoi(arguments[4]);
    int count = kept_count + atoi(arguments[5]);

    if (count > MAX_CLIENTS)
        count = MAX_CLIENTS;
    signal(SIGTERM, on_signal);
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, run_client, i < kept_count ? &total : NULL);
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    print_total();
    return 0;
}
