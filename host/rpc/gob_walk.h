/* GobWalk: a value on its way in. Go defines a type that an interface holds where the value has
 * come so far: the message ends there, and the rest follows in messages of its own. The walk finds
 * where that is, takes the definitions out, and leaves the value in one piece, as Go sends it when
 * the types are known already.
 *
 *    name of the type | definition, end of the message
 *    number of the type, size, value, what follows the interface
 *
 * It takes time for each byte once, whatever the pieces. */
#ifndef PERIGEE_RPC_GOB_WALK_H
#define PERIGEE_RPC_GOB_WALK_H

#include "rpc/gob_shapes.h"

typedef struct GobWalk GobWalk;

enum { GOB_WALK_INCOMPLETE, GOB_WALK_COMPLETE };

/* Called with each definition inside a value. Adds it to the shapes; 0, or a negative code. */
typedef int (*GobOnDefinition)(void *owner, GobReader definition);

/* `shapes` is borrowed. */
GobWalk *gob_walk_create(const GobShapes *shapes, GobOnDefinition on_definition, void *owner);

void gob_walk_destroy(GobWalk *walk); /* NULL is fine */

/* Takes the next message of the value. GOB_WALK_INCOMPLETE when another must come;
 * GOB_WALK_COMPLETE, and the next one begins another value; ERR_INVALID for what is no value;
 * ERR_TOO_LARGE when it is nested too deep or its pieces are more than `limit_size` together. */
int gob_walk_take(GobWalk *walk, GobReader message, size_t limit_size);

/* True when the walk has begun and is incomplete. */
bool gob_walk_is_under_way(const GobWalk *walk);

/* The value, until the next is begun. */
GobReader gob_walk_value(const GobWalk *walk);

#endif
