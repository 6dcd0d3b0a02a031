#include "bind/server_metrics.h"

#include <string.h>

enum {
    CONNECTIONS,
    ACCEPTED,
    REQUESTS,
    ABANDONED,
    REJECTED,
    RECEIVED,
    SENT,
    HANDSHAKE_FAILURES,
    MAX_CONNECTIONS,
    MAX_UNSENT,
    HEAD_TIMEOUT,
    BODY_TIMEOUT,
    IDLE_TIMEOUT,
    WRITE_TIMEOUT,
    RPC_CELL_COUNT,
    CUT_FILES = RPC_CELL_COUNT,
    MALFORMED,
    UNSUPPORTED,
    MAX_TARGET,
    MAX_HEAD,
    MAX_FIELDS,
    MAX_BODY,
    MAX_FRAMING,
    MAX_PIPELINED,
    MAX_UNREAD,
    HTTP_CELL_COUNT,
};

#define LIMIT(name) "limits_reached_total{limit=\"" name "\"} How often a limit was reached.\n"

#define COMMON_CELLS                                                                               \
    "connections Open connections.\n"                                                              \
    "connections_accepted_total Connections that were served.\n"                                   \
    "requests_total Requests, or calls, that began.\n"                                             \
    "abandoned_total Requests whose client was gone before the end of the answer.\n"               \
    "rejected_total Requests that were refused before a service saw them.\n"                       \
    "received_bytes_total Bytes that came in.\n"                                                   \
    "sent_bytes_total Bytes that went out.\n"                                                      \
    "tls_handshake_failures_total TLS handshakes that failed.\n" LIMIT("max_connections")          \
        LIMIT("max_unsent") LIMIT("head_timeout") LIMIT("body_timeout") LIMIT("idle_timeout")      \
            LIMIT("write_timeout")

static const MetricGroupShape rpc_shape = {
    .text = "perigee_server_\n\nserver\n" COMMON_CELLS,
    .gauges = {[CONNECTIONS] = 1},
    .count = RPC_CELL_COUNT,
};

static const MetricGroupShape http_shape = {
    .text = "perigee_server_\n\nserver\n" COMMON_CELLS
            "cut_files_total Answers that ended early because their file did.\n"
            "malformed_total Requests that were no HTTP.\n"
            "unsupported_total Requests for what the host does not do.\n" LIMIT("max_target")
                LIMIT("max_head") LIMIT("max_fields") LIMIT("max_body") LIMIT("max_framing")
                    LIMIT("max_pipelined") LIMIT("max_unread"),
    .gauges = {[CONNECTIONS] = 1},
    .count = HTTP_CELL_COUNT,
};

void server_metrics_open(Host *host, int index, const char *name)
{
    MetricLabels labels = {.text = name, .size = strlen(name)};
    bool is_http = http_server_counters(host->servers[index]) != NULL;

    metric_group_open(&host->metrics.servers[index], host_metrics_registry(host),
                      is_http ? &http_shape : &rpc_shape, &labels);
}

static void copy_common(MetricGroup *group, const ServerCounters *counters)
{
    metric_group_update(group, CONNECTIONS, (double)counters->connection_count);
    metric_group_update(group, ACCEPTED, (double)counters->accepted_count);
    metric_group_update(group, REQUESTS, (double)counters->request_count);
    metric_group_update(group, ABANDONED, (double)counters->abandoned_count);
    metric_group_update(group, REJECTED, (double)counters->rejected_count);
    metric_group_update(group, RECEIVED, (double)counters->received_size);
    metric_group_update(group, SENT, (double)counters->sent_size);
    metric_group_update(group, HANDSHAKE_FAILURES, (double)counters->handshake_failure_count);
    metric_group_update(group, MAX_CONNECTIONS, (double)counters->refused_count);
    metric_group_update(group, MAX_UNSENT, (double)counters->unsent_full_count);
    metric_group_update(group, HEAD_TIMEOUT, (double)counters->head_timeout_count);
    metric_group_update(group, BODY_TIMEOUT, (double)counters->body_timeout_count);
    metric_group_update(group, IDLE_TIMEOUT, (double)counters->idle_timeout_count);
    metric_group_update(group, WRITE_TIMEOUT, (double)counters->write_timeout_count);
}

static void copy_http(MetricGroup *group, const HttpCounters *counters)
{
    const Http1Counters *http1 = &counters->http1;

    metric_group_update(group, CUT_FILES, (double)counters->cut_file_count);
    metric_group_update(group, MALFORMED, (double)http1->malformed_count);
    metric_group_update(group, UNSUPPORTED, (double)http1->unsupported_count);
    metric_group_update(group, MAX_TARGET, (double)http1->target_count);
    metric_group_update(group, MAX_HEAD, (double)http1->head_count);
    metric_group_update(group, MAX_FIELDS, (double)http1->field_count);
    metric_group_update(group, MAX_BODY, (double)http1->body_count);
    metric_group_update(group, MAX_FRAMING, (double)http1->framing_count);
    metric_group_update(group, MAX_PIPELINED, (double)http1->pipelined_count);
    metric_group_update(group, MAX_UNREAD, (double)http1->unread_count);
}

void server_metrics_copy(Host *host, int index)
{
    const Server *server = host->servers[index];
    MetricGroup *group = &host->metrics.servers[index];
    const HttpCounters *http;

    if (server == NULL || group->cells == NULL)
        return;
    copy_common(group, server_counters(server));
    if ((http = http_server_counters(server)) != NULL)
        copy_http(group, http);
}

void server_metrics_close(Host *host, int index)
{
    server_metrics_copy(host, index);
    if (host->servers[index] != NULL && host->metrics.servers[index].shape != NULL)
        metric_group_close(&host->metrics.servers[index]);
}
