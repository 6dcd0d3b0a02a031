/* What servers count, as metrics. */
#ifndef PERIGEE_BIND_SERVER_METRICS_H
#define PERIGEE_BIND_SERVER_METRICS_H

#include "bind/host.h"

/* The server number `index` is open now, and goes by `name`: "http", "mesh" or "rpc". */
void server_metrics_open(Host *host, int index, const char *name);

/* Copies what it has counted. Nothing for one that is not open, or where nobody reads. */
void server_metrics_copy(Host *host, int index);

/* The server is about to close. */
void server_metrics_close(Host *host, int index);

#endif
