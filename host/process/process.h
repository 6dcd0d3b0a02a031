/* Process: a Perigee process of any kind. Supervisor, worker and command line are the same C: a
 * loop, a runner, one isolate with the host's own Lua, which decides the rest from the
 * arguments. */
#ifndef PERIGEE_PROCESS_PROCESS_H
#define PERIGEE_PROCESS_PROCESS_H

/* Runs `perigee` with these arguments until its Lua calls host.exit. Returns the exit status. */
int process_run(int argument_count, char **arguments);

#endif
