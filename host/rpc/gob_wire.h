/* The integers and messages of gob (Go's encoding/gob), as bytes. */
#ifndef PERIGEE_RPC_GOB_WIRE_H
#define PERIGEE_RPC_GOB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"

/* Bytes that are read from the front. */
typedef struct GobReader {
    const char *bytes;
    size_t size;
} GobReader;

/* False, with nothing read, when the bytes end too early or are no such number. */
bool gob_read_uint(GobReader *reader, uint64_t *out);
bool gob_read_int(GobReader *reader, int64_t *out);

/* A string or bytes: `out` is borrowed from the reader's bytes. */
bool gob_read_bytes(GobReader *reader, GobReader *out);

/* What stands in front of each field of a struct: adds to `field`, which begins with -1, and makes
 * it -1 at the end of the struct. */
bool gob_read_field(GobReader *reader, int64_t *field);

/* The message at the front of a stream. Returns the size of its length and body together, with the
 * body in `out`; 0 when more bytes are needed; ERR_INVALID for what is no length, ERR_TOO_LARGE for
 * a body beyond `limit_size`. */
long gob_next_message(const char *bytes, size_t size, size_t limit_size, GobReader *out);

/* The id a message begins with: of the type of its value, or minus that of the type it defines. */
bool gob_message_id(GobReader message, int64_t *out);

void gob_write_uint(Buffer *buffer, uint64_t value);
void gob_write_int(Buffer *buffer, int64_t value);
void gob_write_bytes(Buffer *buffer, const char *bytes, size_t size);

#endif
