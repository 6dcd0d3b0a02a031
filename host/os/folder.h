/* Folder: a directory whose files may be read, named by a path below another directory. What leads
 * out of it is not found. Paths are looked up anew once a second, so a folder that is replaced is
 * noticed. */
#ifndef PERIGEE_OS_FOLDER_H
#define PERIGEE_OS_FOLDER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct Folder Folder;

typedef struct FolderFile {
    int fd;
    uint64_t size;
    int64_t modified_s;
    uint32_t modified_ns; /* besides */
    uint64_t inode;
} FolderFile;

/* The folder `name` below the directory `base`: both are copied. ERR_NOT_FOUND when it is not
 * there, or leads out of `base`. */
int folder_open(const char *base, const char *name, Folder **out);

/* NULL is fine. */
void folder_close(Folder *folder);

/* Opens a regular file for reading; the caller closes it. UV_EISDIR for a directory, ERR_NOT_FOUND
 * for all that is neither or leads out of the folder. */
int folder_open_file(Folder *folder, const char *name, FolderFile *out);

#endif
