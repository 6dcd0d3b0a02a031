/* MountTable: which service answers for a path. A mount is a path prefix of whole segments:
 * "/orders" takes "/orders" and "/orders/7", not "/ordersx"; "/" takes everything. The longest
 * mount wins. Replaced as a whole at each switch of generations. */
#ifndef PERIGEE_SERVER_MOUNT_TABLE_H
#define PERIGEE_SERVER_MOUNT_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct MountTable MountTable;

typedef struct MountTarget {
    uint64_t handle;    /* of the isolate; not 0 */
    uint64_t body_size; /* the largest request body there; 0 for the server's limit */
} MountTarget;

MountTable *mount_table_create(void);
void mount_table_destroy(MountTable *table); /* NULL is fine */

/* `prefix` begins with "/" and has no "/" at its end unless it is "/"; it is copied. Returns
 * 0, ERR_INVALID for another prefix, or ERR_FULL when it is taken. */
int mount_table_add(MountTable *table, const char *prefix, size_t prefix_size, MountTarget target);

/* The target of the longest mount that takes `path`, or NULL. `prefix_size` is how much of the path
 * it covers; what is left is empty or begins with "/", so it is 0 for the mount "/". */
const MountTarget *mount_table_find(const MountTable *table, const char *path, size_t path_size,
                                    size_t *prefix_size);

#endif
