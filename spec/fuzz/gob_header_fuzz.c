/* The header of a call: what is read of it lies inside its message, and is the same each time.
 * Input: messages of gob, each behind its length: a definition, then headers. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "rpc/gob_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_header(const GobHeaderType *type, GobReader message)
{
    GobReader method, again;
    uint64_t sequence, same;

    if (!gob_header_read(type, message, &method, &sequence))
        return;
    assert(method.bytes >= message.bytes);
    assert(method.bytes + method.size <= message.bytes + message.size);
    assert(gob_header_read(type, message, &again, &same));
    assert(again.bytes == method.bytes && again.size == method.size && same == sequence);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    GobReader rest = {(const char *)data, size};
    GobReader message;
    GobHeaderType type;

    if (!gob_read_bytes(&rest, &message) || gob_header_define(&type, message) < 0)
        return 0;
    assert(type.id >= 64);
    assert(type.field_count <= GOB_HEADER_FIELD_COUNT);
    assert(type.method_field >= 0 && type.method_field < type.field_count);
    assert(type.seq_field >= 0 && type.seq_field < type.field_count);
    while (gob_read_bytes(&rest, &message))
        check_header(&type, message);
    return 0;
}
