/* GobTypes: the types of this process's replies. As in Go a type has one number in the whole
 * process, and its definition is sent once on each connection, before the first value that needs
 * it. A number is never used for anything else, so there is a bound on how many there may be. */
#ifndef PERIGEE_RPC_GOB_TYPES_H
#define PERIGEE_RPC_GOB_TYPES_H

#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

typedef struct GobTypes GobTypes;

/* The first number is that of the header of every answer; those that follow belong to GobTypes. */
enum { GOB_RESPONSE_TYPE = 65, GOB_FIRST_TYPE = 66, GOB_TYPE_COUNT = 4096 };

GobTypes *gob_types_create(void);
void gob_types_destroy(GobTypes *types); /* NULL is fine */

/* From where numbers are handed out, at least GOB_FIRST_TYPE: before the first one is. */
void gob_types_set_first(GobTypes *types, uint32_t first);

/* The number of the type that goes by the text `key`: the same for the same text. ERR_FULL when
 * there are too many, ERR_TOO_LARGE for a key beyond 64 KiB. */
long gob_types_intern(GobTypes *types, const char *key, size_t key_size);

/* Says what message (without its length) defines the type `number`, which may be another process's.
 * What is known already stays. 0, ERR_FULL, ERR_TOO_LARGE beyond 64 KiB, or ERR_INVALID for a
 * number below GOB_FIRST_TYPE. */
int gob_types_define(GobTypes *types, uint32_t number, const char *message, size_t size);

/* The message that defines the type; NULL when it is not known. */
const Buffer *gob_types_find(const GobTypes *types, uint32_t number);

#endif
