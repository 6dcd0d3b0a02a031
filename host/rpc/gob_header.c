#include "rpc/gob_header.h"

#include <string.h>

#include "base/error.h"

/* Ids of gob's own types, and the place of StructT among the fields of a definition. */
enum { TYPE_UINT = 3, TYPE_BYTES = 5, TYPE_STRING = 6, STRUCT_FIELD = 2 };

static bool is_text(GobReader text, const char *expected)
{
    return text.size == strlen(expected) && memcmp(text.bytes, expected, text.size) == 0;
}

/* The number of the field that comes next, -1 at the end of the struct. */
static bool read_field(GobReader *reader, int64_t *field)
{
    uint64_t delta;

    if (!gob_read_uint(reader, &delta) || delta > GOB_HEADER_FIELD_COUNT)
        return false;
    *field = delta == 0 ? -1 : *field + (int64_t)delta;
    return true;
}

/* CommonType {Name string; Id int}. */
static bool skip_common(GobReader *reader)
{
    int64_t field = -1, id;
    GobReader name;

    for (;;) {
        if (!read_field(reader, &field))
            return false;
        if (field < 0)
            return true;
        if (!(field == 0 && gob_read_bytes(reader, &name)) &&
            !(field == 1 && gob_read_int(reader, &id)))
            return false;
    }
}

/* FieldType {Name string; Id int}. */
static bool read_field_type(GobReader *reader, GobHeaderType *type, int index)
{
    int64_t field = -1;
    GobReader name = {0};

    for (;;) {
        if (!read_field(reader, &field))
            return false;
        if (field < 0)
            break;
        if (!(field == 0 && gob_read_bytes(reader, &name)) &&
            !(field == 1 && gob_read_int(reader, &type->field_types[index])))
            return false;
    }
    if (is_text(name, "ServiceMethod") && type->field_types[index] == TYPE_STRING)
        type->method_field = index;
    if (is_text(name, "Seq") && type->field_types[index] == TYPE_UINT)
        type->seq_field = index;
    return true;
}

static bool read_fields(GobReader *reader, GobHeaderType *type)
{
    uint64_t count;

    if (!gob_read_uint(reader, &count) || count > GOB_HEADER_FIELD_COUNT)
        return false;
    type->field_count = (int)count;
    for (int i = 0; i < type->field_count; i++) {
        if (!read_field_type(reader, type, i))
            return false;
    }
    return true;
}

/* StructType {CommonType; Field []FieldType}. */
static bool read_struct(GobReader *reader, GobHeaderType *type)
{
    int64_t field = -1;

    for (;;) {
        if (!read_field(reader, &field))
            return false;
        if (field < 0)
            return true;
        if (!(field == 0 && skip_common(reader)) && !(field == 1 && read_fields(reader, type)))
            return false;
    }
}

int gob_header_define(GobHeaderType *out, GobReader message)
{
    GobHeaderType type = {.method_field = -1, .seq_field = -1};
    int64_t field = -1, id;

    if (!gob_read_int(&message, &id) || id >= 0 || !read_field(&message, &field) ||
        field != STRUCT_FIELD || !read_struct(&message, &type))
        return ERR_INVALID;
    if (type.method_field < 0 || type.seq_field < 0)
        return ERR_INVALID;
    type.id = -id;
    *out = type;
    return 0;
}

/* Fields a Request has besides: all of gob's simple types look like one of two. */
static bool skip_value(GobReader *reader, int64_t type)
{
    GobReader bytes;
    uint64_t number;

    if (type == TYPE_BYTES || type == TYPE_STRING)
        return gob_read_bytes(reader, &bytes);
    return type >= 1 && type < TYPE_BYTES && gob_read_uint(reader, &number);
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

        if (!read_field(&message, &field) || field >= type->field_count)
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
