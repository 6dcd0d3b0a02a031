/* The door of the seam: what process/ gives to the isolates it creates. */
#ifndef PERIGEE_BIND_BIND_H
#define PERIGEE_BIND_BIND_H

#include "bind/host.h"

/* Creates the isolate of the host's own code, with the whole seam. On failure `*error` is to be
 * freed. */
int bind_open_system(Host *host, const char *name, const char *entry, char **error);

/* Destroys every isolate that is left, the system's last. */
void bind_close_isolates(Host *host);

/* To be called when the scheduler of `isolate` failed: tells the system isolate, or ends the
 * process if it was that one. */
void bind_report_broken(Host *host, Isolate *isolate);

#endif
