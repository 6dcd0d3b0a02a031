/* Opening what lies below a directory and nothing else, whatever the name says and wherever links
 * lead. */
#ifndef PERIGEE_OS_BENEATH_H
#define PERIGEE_OS_BENEATH_H

/* Opens `name`, a relative path, below the directory `directory_fd` with the flags of open(2).
 * Relative links that stay below are followed, others are not. Returns the descriptor;
 * ERR_NOT_FOUND for what is not there, leads out, or cannot be opened at all, such as a socket; or
 * a negative code. */
int beneath_open(int directory_fd, const char *name, int flags);

/* The same for kernels without openat2 (before Linux 5.6): follows no link at all. */
int beneath_walk(int directory_fd, const char *name, int flags);

#endif
