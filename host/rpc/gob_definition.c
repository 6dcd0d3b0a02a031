#include "rpc/gob_definition.h"

#include "base/error.h"

enum { MOST_FIELDS = 1000 };

/* The fields of wireType: which kind each says, and how many numbers of types or lengths follow
 * what all have in common. */
static const struct {
    GobKind kind;
    int number_count;
} contents[] = {
    {GOB_LIST,   2}, /* ArrayT {Common; Elem; Len} */
    {GOB_LIST,   1}, /* SliceT {Common; Elem} */
    {GOB_STRUCT, 0}, /* StructT {Common; Field} */
    {GOB_MAP,    2}, /* MapT {Common; Key; Elem} */
    {GOB_OPAQUE, 0}, /* GobEncoderT, BinaryMarshalerT, TextMarshalerT {Common} */
    {GOB_OPAQUE, 0},
    {GOB_OPAQUE, 0},
};

enum { CONTENT_COUNT = sizeof contents / sizeof contents[0] };

/* CommonType and FieldType alike: struct {Name string; Id int}. */
static bool read_name_and_id(GobReader *reader, GobReader *name, int64_t *id)
{
    int64_t field = -1;

    *name = (GobReader){reader->bytes, 0};
    *id = 0;
    for (;;) {
        if (!gob_read_field(reader, &field))
            return false;
        if (field < 0)
            return true;
        if (!(field == 0 && gob_read_bytes(reader, name)) &&
            !(field == 1 && gob_read_int(reader, id)))
            return false;
    }
}

bool gob_definition_next_field(GobReader *fields, GobField *out)
{
    return read_name_and_id(fields, &out->name, &out->type);
}

static int read_fields(GobReader *reader, GobDefinition *out)
{
    GobField field;

    if (!gob_read_uint(reader, &out->field_count))
        return ERR_INVALID;
    if (out->field_count > MOST_FIELDS)
        return ERR_TOO_LARGE;
    out->fields = *reader;
    for (uint64_t i = 0; i < out->field_count; i++) {
        if (!gob_definition_next_field(reader, &field))
            return ERR_INVALID;
    }
    return 0;
}

/* One field of what stands in wireType. */
static int read_part(GobReader *reader, GobDefinition *out, int64_t field, int64_t numbers[2],
                     int number_count)
{
    GobReader name;
    int64_t id;

    if (field == 0)
        return read_name_and_id(reader, &name, &id) ? 0 : ERR_INVALID;
    if (field == 1 && out->kind == GOB_STRUCT)
        return read_fields(reader, out);
    return field <= number_count && gob_read_int(reader, &numbers[field - 1]) ? 0 : ERR_INVALID;
}

static int read_content(GobReader *reader, GobDefinition *out, int number_count)
{
    int64_t field = -1, numbers[2] = {0, 0};
    int result;

    for (;;) {
        if (!gob_read_field(reader, &field))
            return ERR_INVALID;
        if (field < 0)
            break;
        if ((result = read_part(reader, out, field, numbers, number_count)) < 0)
            return result;
    }
    out->key = numbers[0];
    out->element = numbers[out->kind == GOB_MAP ? 1 : 0];
    return 0;
}

int gob_definition_read(GobReader *reader, GobDefinition *out)
{
    GobReader ahead = *reader;
    GobDefinition definition = {0};
    int64_t id, field = -1;
    int result;

    if (!gob_read_int(&ahead, &id) || id > -GOB_FIRST_DEFINED || id == INT64_MIN)
        return ERR_INVALID;
    if (!gob_read_field(&ahead, &field) || field < 0 || field >= CONTENT_COUNT)
        return ERR_INVALID;
    definition.id = -id;
    definition.kind = contents[field].kind;
    if ((result = read_content(&ahead, &definition, contents[field].number_count)) < 0)
        return result;
    if (!gob_read_field(&ahead, &field) || field >= 0)
        return ERR_INVALID;
    *out = definition;
    *reader = ahead;
    return 0;
}
