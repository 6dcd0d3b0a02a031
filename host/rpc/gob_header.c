#include "rpc/gob_header.h"

#include <string.h>

#include "base/error.h"
#include "rpc/gob_definition.h"

static bool is_text(GobReader text, const char *expected)
{
    return text.size == strlen(expected) && memcmp(text.bytes, expected, text.size) == 0;
}

static void note_field(GobHeaderType *type, int index, const GobField *field)
{
    type->field_types[index] = field->type;
    if (is_text(field->name, "ServiceMethod") && field->type == GOB_STRING)
        type->method_field = index;
    if (is_text(field->name, "Seq") && field->type == GOB_UINT)
        type->seq_field = index;
}

int gob_header_define(GobHeaderType *out, GobReader message)
{
    GobHeaderType type = {.method_field = -1, .seq_field = -1};
    GobDefinition definition;
    GobField field;

    if (gob_definition_read(&message, &definition) < 0 || definition.kind != GOB_STRUCT ||
        definition.field_count > GOB_HEADER_FIELD_COUNT)
        return ERR_INVALID;
    type.id = definition.id;
    type.field_count = (int)definition.field_count;
    for (int i = 0; i < type.field_count; i++) {
        gob_definition_next_field(&definition.fields, &field);
        note_field(&type, i, &field);
    }
    if (type.method_field < 0 || type.seq_field < 0)
        return ERR_INVALID;
    *out = type;
    return 0;
}

/* Fields a Request has besides: all of gob's simple types look like one of two. */
static bool skip_value(GobReader *reader, int64_t type)
{
    GobReader bytes;
    uint64_t number;

    if (type == GOB_BYTES || type == GOB_STRING)
        return gob_read_bytes(reader, &bytes);
    return type >= GOB_BOOL && type <= GOB_FLOAT && gob_read_uint(reader, &number);
}

bool gob_header_read(const GobHeaderType *type, GobReader message, GobReader *method, uint64_t *seq)
{
    int64_t field = -1, id;

    *method = (GobReader){message.bytes, 0};
    *seq = 0;
    if (!gob_read_int(&message, &id) || id != type->id)
        return false;
    for (;;) {
        bool is_read;

        if (!gob_read_field(&message, &field) || field >= type->field_count)
            return false;
        if (field < 0)
            return true;
        if (field == type->method_field)
            is_read = gob_read_bytes(&message, method);
        else if (field == type->seq_field)
            is_read = gob_read_uint(&message, seq);
        else
            is_read = skip_value(&message, type->field_types[field]);
        if (!is_read)
            return false;
    }
}
