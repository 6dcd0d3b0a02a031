/* GobShapes: the types a peer has defined, as far as one must know them to find where a value ends.
 * Shapes stay where they are until gob_shapes_deinit. A zeroed GobShapes is a valid empty one; who
 * adds bounds their number. */
#ifndef PERIGEE_RPC_GOB_SHAPES_H
#define PERIGEE_RPC_GOB_SHAPES_H

#include "rpc/gob_definition.h"

typedef struct GobShape {
    int64_t id;
    GobKind kind;
    int64_t key;     /* of a map */
    int64_t element; /* of a list and a map */
    int64_t *fields; /* of a struct */
    uint32_t field_count;
    uint32_t round; /* of the search that came by last */
    bool is_known;  /* whether it holds interfaces */
    bool holds_interfaces;
} GobShape;

typedef struct GobShapes {
    GobShape **list; /* in the order of their ids */
    size_t count;
    size_t capacity;
    uint32_t round;
} GobShapes;

/* 0, or ERR_INVALID when the type is defined already. */
int gob_shapes_add(GobShapes *shapes, const GobDefinition *definition);

const GobShape *gob_shapes_find(const GobShapes *shapes, int64_t id); /* NULL for none */

/* Whether a value of the type may have an interface in it, and so definitions. False when a type it
 * is made of is not defined: then it is no value at all. */
bool gob_shapes_hold_interfaces(GobShapes *shapes, int64_t id);

void gob_shapes_deinit(GobShapes *shapes);

#endif
