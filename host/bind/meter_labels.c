#include "bind/meter_labels.h"

#include <stdio.h>
#include <string.h>

static const double bounds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                0.1,    0.25,  0.5,    1,     2.5,  5,     10};

#define REQUEST_TEXT                                                                               \
    "http_server_request_duration_seconds\n\nservice,method,route,status,protocol\n"               \
    "Time from the head of a request to the end of its answer."

#define CALL_TEXT                                                                                  \
    "rpc_server_call_duration_seconds\n\nservice,method,code,protocol\n"                           \
    "Time from the arrival of a call to its answer."

const MetricFamily meter_request_family = {
    .kind = METRIC_HISTOGRAM,
    .text = REQUEST_TEXT,
    .text_size = sizeof REQUEST_TEXT - 1,
    .cells = bounds,
    .cell_count = sizeof bounds / sizeof *bounds,
};

const MetricFamily meter_call_family = {
    .kind = METRIC_HISTOGRAM,
    .text = CALL_TEXT,
    .text_size = sizeof CALL_TEXT - 1,
    .cells = bounds,
    .cell_count = sizeof bounds / sizeof *bounds,
};

/* nginx's number for it. */
enum { CLIENT_GONE = 499, UPGRADED = 101 };

/* The methods that have a name of their own; any other is the last. */
static const char *const methods[] = {"GET",     "POST",    "HEAD",  "PUT",   "DELETE",
                                      "OPTIONS", "CONNECT", "TRACE", "PATCH", "_OTHER"};

enum { OTHER_METHOD = sizeof methods / sizeof *methods - 1 };

static uint32_t find_method(const Http1Head *head)
{
    const char *name = head->bytes + head->method.offset;
    uint32_t number = 0;

    while (number < OTHER_METHOD && (strlen(methods[number]) != head->method.size ||
                                     memcmp(methods[number], name, head->method.size) != 0))
        number++;
    return number;
}

MeterSubject meter_describe_request(const Http1Head *head, int status)
{
    uint32_t method = find_method(head);
    bool is_version_1 = head->minor_version >= 1;
    MeterSubject subject = {.method = methods[method]};

    if (status == 0)
        status = CLIENT_GONE;
    subject.status[0] = (char)('0' + status / 100);
    subject.status[1] = (char)('0' + status / 10 % 10);
    subject.status[2] = (char)('0' + status % 10);
    subject.protocol = status == UPGRADED ? "websocket" : is_version_1 ? "http/1.1" : "http/1.0";
    subject.key = ((uint32_t)status << 8) | (method << 1) | is_version_1;
    return subject;
}

typedef struct Outcome {
    int code;
    const char *name;
} Outcome;

static const Outcome outcomes[] = {
    {RPC_METHOD_NOT_FOUND,  "method_not_found" },
    {RPC_INVALID_PARAMS,    "invalid_params"   },
    {RPC_INTERNAL_ERROR,    "internal_error"   },
    {RPC_DEADLINE_EXCEEDED, "deadline_exceeded"},
    {RPC_UNAVAILABLE,       "unavailable"      },
    {0,                     "error"            }, /* the service's own */
};

enum { OUTCOME_COUNT = sizeof outcomes / sizeof *outcomes, OK_OUTCOME = OUTCOME_COUNT };

static uint32_t find_outcome(const RpcReply *reply)
{
    uint32_t number = 0;

    if (!reply->is_failure)
        return OK_OUTCOME;
    while (number < OUTCOME_COUNT - 1 && outcomes[number].code != reply->code)
        number++;
    return number;
}

static const char *const protocols[] = {
    [RPC_GOB] = "gob",         [RPC_JSON1] = "jsonrpc/1.0", [RPC_JSON2] = "jsonrpc/2.0",
    [RPC_MSGPACK] = "msgpack", [RPC_JSON] = "http",         [RPC_COPY] = "local",
};

MeterSubject meter_describe_call(const RpcCall *call, const RpcReply *reply)
{
    uint32_t outcome = find_outcome(reply);

    return (MeterSubject){
        .key = (outcome << 4) | call->protocol,
        .outcome = outcome == OK_OUTCOME ? "ok" : outcomes[outcome].name,
        .protocol = protocols[call->protocol],
    };
}

size_t meter_write_labels(const MeterSubject *subject, const char *service, const char *route,
                          char out[METER_LABELS_SIZE])
{
    int size;

    if (subject->method != NULL)
        size = snprintf(out, METER_LABELS_SIZE, "%s%c%s%c%s%c%s%c%s", service, 0, subject->method,
                        0, route, 0, subject->status, 0, subject->protocol);
    else
        size = snprintf(out, METER_LABELS_SIZE, "%s%c%s%c%s%c%s", service, 0, route, 0,
                        subject->outcome, 0, subject->protocol);
    return size < METER_LABELS_SIZE ? (size_t)size : METER_LABELS_SIZE - 1;
}

size_t meter_cut_text(const char *text, size_t size, size_t limit)
{
    if (size <= limit)
        return size;
    while (limit > 0 && ((unsigned char)text[limit] & 0xc0) == 0x80)
        limit--;
    return limit;
}
