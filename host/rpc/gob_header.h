/* GobHeader: the Request of Go's net/rpc, the one value C reads itself: what is called, and the
 * number the answer is to bear. Its fields are found by their names, as Go does it. */
#ifndef PERIGEE_RPC_GOB_HEADER_H
#define PERIGEE_RPC_GOB_HEADER_H

#include "rpc/gob_wire.h"

enum { GOB_HEADER_FIELD_COUNT = 8 };

/* What the definition of a Request says. */
typedef struct GobHeaderType {
    int64_t id; /* 0 while none was read */
    int field_count;
    int method_field; /* -1 for none */
    int seq_field;
    int64_t field_types[GOB_HEADER_FIELD_COUNT];
} GobHeaderType;

/* Reads a definition (a message that begins with a negative id). Returns 0, or ERR_INVALID when it
 * does not define a struct that can be a Request. */
int gob_header_define(GobHeaderType *out, GobReader message);

/* Reads a Request, whose type is `type`. `method` is borrowed from the message. */
bool gob_header_read(const GobHeaderType *type, GobReader message, GobReader *method,
                     uint64_t *seq);

#endif
