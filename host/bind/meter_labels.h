/* The labels of requests and calls in metrics: sets that are bounded, whatever a peer sends. */
#ifndef PERIGEE_BIND_METER_LABELS_H
#define PERIGEE_BIND_METER_LABELS_H

#include <stddef.h>
#include <stdint.h>

#include "http/http1_connection.h"
#include "metrics/metric_registry.h"
#include "rpc/rpc_call.h"

/* The value of the labels of what is beyond a bound. */
#define METER_OVERFLOW "overflow"

enum { METER_LABELS_SIZE = 640 };

/* What a request or a call was, besides its service and its route. */
typedef struct MeterSubject {
    long family;
    uint32_t key;        /* another for other labels */
    const char *method;  /* of HTTP; NULL for a call */
    const char *outcome; /* of a call */
    const char *protocol;
    char status[4]; /* of a request */
} MeterSubject;

/* `status` 0: the client went away before there was an answer. */
MeterSubject meter_describe_request(const Http1Head *head, int status);

MeterSubject meter_describe_call(const RpcCall *call, const RpcReply *reply);

/* Writes the values of the labels, in the order of the family. Returns their size. */
size_t meter_write_labels(const MeterSubject *subject, const char *service, const char *route,
                          char out[METER_LABELS_SIZE]);

/* How much of `text` is at most `limit` bytes and no half of a character. */
size_t meter_cut_text(const char *text, size_t size, size_t limit);

/* The families of requests and of calls. */
extern const MetricFamily meter_request_family;
extern const MetricFamily meter_call_family;

#endif
