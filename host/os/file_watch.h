/* FileWatch: tells that something in one directory (or one file) changed, not what. Events of one
 * turn of the loop are told once. Not recursive. The kernel drops events when its queue overflows
 * and does not see changes made by other machines on a network file system: an owner that must not
 * miss anything also looks by itself now and then. */
#ifndef PERIGEE_OS_FILE_WATCH_H
#define PERIGEE_OS_FILE_WATCH_H

#include "os/loop.h"

typedef struct FileWatch FileWatch;

/* `status` 0 for a change; negative when the watch itself failed and will tell nothing more. When
 * the path was removed or moved away, the watch goes on with what stands there at the end of that
 * turn, or fails with ERR_NOT_FOUND. */
typedef void (*FileWatchChange)(void *owner, int status);

int file_watch_open(Loop *loop, const char *path, FileWatchChange on_change, void *owner,
                    FileWatch **out);

/* NULL is fine. */
void file_watch_close(FileWatch *watch);

#endif
