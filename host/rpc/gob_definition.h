/* GobDefinition: what a message says that defines a type (encoding/gob: wireType). Borrowed from
 * the message; GobShapes keeps what lasts. */
#ifndef PERIGEE_RPC_GOB_DEFINITION_H
#define PERIGEE_RPC_GOB_DEFINITION_H

#include "rpc/gob_wire.h"

/* The numbers of gob's own types. */
enum {
    GOB_BOOL = 1,
    GOB_INT,
    GOB_UINT,
    GOB_FLOAT,
    GOB_BYTES,
    GOB_STRING,
    GOB_COMPLEX,
    GOB_INTERFACE,
    GOB_FIRST_DEFINED = 64, /* types of the peer's own begin here */
};

typedef enum GobKind {
    GOB_LIST, /* a slice or an array: on the wire they are alike */
    GOB_STRUCT,
    GOB_MAP,
    GOB_OPAQUE, /* bytes that the type itself makes */
} GobKind;

typedef struct GobDefinition {
    int64_t id;
    GobKind kind;
    int64_t key;     /* of a map */
    int64_t element; /* of a list and a map */
    uint64_t field_count;
    GobReader fields; /* of a struct, for gob_definition_next_field */
} GobDefinition;

typedef struct GobField {
    GobReader name;
    int64_t type;
} GobField;

/* Reads a definition at the front, beginning with its negative id. Returns 0 with what follows left
 * in `reader`; ERR_INVALID when it is none; ERR_TOO_LARGE for a struct of more than 1,000
 * fields. */
int gob_definition_read(GobReader *reader, GobDefinition *out);

/* Takes the next of `field_count` fields from a copy of `fields`. */
bool gob_definition_next_field(GobReader *fields, GobField *out);

#endif
