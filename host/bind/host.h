/* Host: what the seam's functions need to know of the process they run in. One per process,
 * filled by process/. */
#ifndef PERIGEE_BIND_HOST_H
#define PERIGEE_BIND_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/handle_table.h"
#include "bind/channel_ports.h"
#include "bind/host_metrics.h"
#include "bind/shared_memory.h"
#include "isolate/isolate.h"
#include "isolate/pulse.h"
#include "isolate/runner.h"
#include "net/tls_client_context.h"
#include "os/log_sink.h"
#include "os/loop.h"
#include "server/http_server.h"
#include "server/method_table.h"
#include "server/mount_table.h"
#include "server/rpc_server.h"

enum { HOST_DEFLATE_LIMIT = 64 };

/* Each has memory outside the heap of its isolate. */
enum { HOST_TLS_CLIENT_LIMIT = 1024, HOST_GUNZIP_LIMIT = 256 };

/* What the kernel gave of chance and nobody has had yet: asking for each few bytes would cost more
 * than all else of an id. */
typedef struct RandomBytes {
    unsigned char bytes[256];
    size_t left_size;
} RandomBytes;

typedef struct Host {
    Loop *loop;
    Runner *runner;
    Pulse *pulse;
    LogSink *log;
    RandomBytes random;
    Buffer log_records;      /* what was last read of a log */
    Isolate *system;         /* the host's own code: supervisor, worker or command */
    HandleTable isolates;    /* Isolate, the system one included */
    HandleTable exchanges;   /* ExchangeBox, see bind/exchange.h */
    HandleTable calls;       /* CallBox, see bind/call.h */
    HandleTable local_calls; /* LocalCall, see bind/local_call.h */
    HandleTable lookups;     /* LookupBox */
    HandleTable streams;     /* StreamBox */
    HandleTable children;    /* ChildBox */
    HandleTable watches;     /* WatchBox */
    Server *servers[HOST_SERVER_COUNT];
    SharedMemory shared; /* with the other workers */
    HostMetrics metrics;
    ChannelPorts channels;
    unsigned deflate_count; /* streams being compressed, for whatever isolate */
    unsigned deflate_limit; /* HOST_DEFLATE_LIMIT unless somebody says otherwise */
    uint64_t refused_deflate_count;
    unsigned gunzip_count;                /* readers of gzip, for whatever isolate */
    TlsClientContext *default_tls_client; /* that believes the system's authorities, or NULL */
    unsigned tls_client_count;            /* that isolates hold */
    MountTable *mounts;                   /* of HTTP servers; targets are isolate handles */
    MethodTable *methods;                 /* of RPC servers; isolate handles by service */
    RpcLimits rpc_limits;                 /* also of RPC over HTTP */
    GobTypes *gob_types;
    bool is_preemptive; /* what the self-test found */
    int argument_count; /* of the command line, program name included */
    char **arguments;
    int exit_status;
    void (*start_watchdog)(struct Host *host,
                           unsigned slice_ms); /* of process/, which this layer does not see */
} Host;

#endif
