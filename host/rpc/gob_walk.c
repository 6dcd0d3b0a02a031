#include "rpc/gob_walk.h"

#include "base/error.h"
#include "base/memory.h"

enum { MOST_FRAMES = 200, LONGEST_NAME = 1024 };

/* What a step returns when the rest of the value is in another message. */
enum { MESSAGE_IS_OVER = 1 };

/* A value that is not over: of a composite type, or an interface whose type is still to come. */
typedef struct Frame {
    const GobShape *shape; /* NULL for an interface */
    uint64_t remaining;    /* of a list or map: values to come, keys counted too */
    int64_t field;         /* of a struct: the last one */
} Frame;

struct GobWalk {
    const GobShapes *shapes;
    GobOnDefinition on_definition;
    void *owner;
    Buffer value;       /* what was taken, without definitions */
    const char *copied; /* up to here, of the message at hand */
    size_t limit_size;
    size_t frame_count;
    bool is_under_way;
    Frame frames[MOST_FRAMES];
};

GobWalk *gob_walk_create(const GobShapes *shapes, GobOnDefinition on_definition, void *owner)
{
    GobWalk *walk = memory_alloc(sizeof *walk);

    walk->shapes = shapes;
    walk->on_definition = on_definition;
    walk->owner = owner;
    return walk;
}

void gob_walk_destroy(GobWalk *walk)
{
    if (walk != NULL)
        buffer_deinit(&walk->value);
    memory_free(walk);
}

bool gob_walk_is_under_way(const GobWalk *walk)
{
    return walk->is_under_way;
}

GobReader gob_walk_value(const GobWalk *walk)
{
    return (GobReader){walk->value.bytes, walk->value.size};
}

static int copy_until(GobWalk *walk, const char *end)
{
    size_t size = (size_t)(end - walk->copied);

    if (size > walk->limit_size - walk->value.size)
        return ERR_TOO_LARGE;
    buffer_append(&walk->value, walk->copied, size);
    walk->copied = end;
    return 0;
}

static int push(GobWalk *walk, Frame frame)
{
    if (walk->frame_count == MOST_FRAMES)
        return ERR_TOO_LARGE;
    walk->frames[walk->frame_count++] = frame;
    return 0;
}

static int push_composite(GobWalk *walk, GobReader *reader, int64_t type)
{
    Frame frame = {.shape = gob_shapes_find(walk->shapes, type), .field = -1};
    GobReader bytes;

    if (frame.shape == NULL)
        return ERR_INVALID;
    if (frame.shape->kind == GOB_OPAQUE)
        return gob_read_bytes(reader, &bytes) ? 0 : ERR_INVALID;
    if (frame.shape->kind == GOB_STRUCT)
        return push(walk, frame);
    /* Each element takes a byte, so nothing is gained by a count beyond all messages. */
    if (!gob_read_uint(reader, &frame.remaining) || frame.remaining > UINT32_MAX)
        return ERR_INVALID;
    if (frame.shape->kind == GOB_MAP)
        frame.remaining *= 2;
    return push(walk, frame);
}

static int push_interface(GobWalk *walk, GobReader *reader)
{
    GobReader name;

    if (!gob_read_bytes(reader, &name) || name.size > LONGEST_NAME)
        return ERR_INVALID;
    return name.size == 0 ? 0 : push(walk, (Frame){.shape = NULL});
}

static int skip_numbers(GobReader *reader, int count)
{
    uint64_t number;

    for (int i = 0; i < count; i++) {
        if (!gob_read_uint(reader, &number))
            return ERR_INVALID;
    }
    return 0;
}

/* Passes a value, or the beginning of one that has others in it. */
static int enter(GobWalk *walk, GobReader *reader, int64_t type)
{
    GobReader bytes;

    switch (type) {
    case GOB_BOOL:
    case GOB_INT:
    case GOB_UINT:
    case GOB_FLOAT:
        return skip_numbers(reader, 1);
    case GOB_COMPLEX:
        return skip_numbers(reader, 2);
    case GOB_BYTES:
    case GOB_STRING:
        return gob_read_bytes(reader, &bytes) ? 0 : ERR_INVALID;
    case GOB_INTERFACE:
        return push_interface(walk, reader);
    default:
        return push_composite(walk, reader, type);
    }
}

/* The same of one that stands by itself: what is no struct has a zero in front. */
static int enter_alone(GobWalk *walk, GobReader *reader, int64_t type)
{
    const GobShape *shape = gob_shapes_find(walk->shapes, type);
    uint64_t zero;

    if ((shape == NULL || shape->kind != GOB_STRUCT) &&
        (!gob_read_uint(reader, &zero) || zero != 0))
        return ERR_INVALID;
    return enter(walk, reader, type);
}

/* Takes a definition out of the value, and the size of what follows it in the same message. */
static int take_definition(GobWalk *walk, GobReader *reader)
{
    GobReader ahead = *reader;
    GobDefinition definition;
    uint64_t size;
    int result;

    if ((result = copy_until(walk, reader->bytes)) < 0)
        return result;
    if ((result = gob_definition_read(&ahead, &definition)) < 0)
        return result;
    result =
        walk->on_definition(walk->owner, (GobReader){reader->bytes, reader->size - ahead.size});
    if (result < 0)
        return result;
    if (ahead.size > 0 && !gob_read_uint(&ahead, &size))
        return ERR_INVALID;
    walk->copied = ahead.bytes;
    *reader = ahead;
    return 0;
}

/* Behind the name of an interface's type stand its definition and those it needs, then its
 * number. */
static int enter_interface(GobWalk *walk, GobReader *reader)
{
    GobReader ahead = *reader;
    int64_t type;
    uint64_t size;

    if (reader->size == 0)
        return MESSAGE_IS_OVER;
    if (!gob_read_int(&ahead, &type))
        return ERR_INVALID;
    if (type < 0)
        return take_definition(walk, reader);
    if (!gob_read_uint(&ahead, &size))
        return ERR_INVALID;
    *reader = ahead;
    walk->frame_count--;
    return enter_alone(walk, reader, type);
}

static int enter_field(GobWalk *walk, GobReader *reader, Frame *frame)
{
    if (!gob_read_field(reader, &frame->field))
        return ERR_INVALID;
    if (frame->field < 0) {
        walk->frame_count--;
        return 0;
    }
    if (frame->field >= frame->shape->field_count)
        return ERR_INVALID;
    return enter(walk, reader, frame->shape->fields[frame->field]);
}

static int enter_element(GobWalk *walk, GobReader *reader, Frame *frame)
{
    bool is_key = frame->shape->kind == GOB_MAP && frame->remaining % 2 == 0;

    if (frame->remaining == 0) {
        walk->frame_count--;
        return 0;
    }
    frame->remaining--;
    return enter(walk, reader, is_key ? frame->shape->key : frame->shape->element);
}

static int step(GobWalk *walk, GobReader *reader)
{
    Frame *frame = &walk->frames[walk->frame_count - 1];

    if (frame->shape == NULL)
        return enter_interface(walk, reader);
    if (frame->shape->kind == GOB_STRUCT)
        return enter_field(walk, reader, frame);
    return enter_element(walk, reader, frame);
}

static int begin(GobWalk *walk, GobReader *reader)
{
    int64_t type;

    buffer_clear(&walk->value);
    walk->frame_count = 0;
    walk->is_under_way = true;
    return gob_read_int(reader, &type) ? enter_alone(walk, reader, type) : ERR_INVALID;
}

int gob_walk_take(GobWalk *walk, GobReader message, size_t limit_size)
{
    const char *end = message.bytes + message.size;
    int result = 0;

    walk->limit_size = limit_size;
    walk->copied = message.bytes;
    if (!walk->is_under_way)
        result = begin(walk, &message);
    while (result == 0 && walk->frame_count > 0)
        result = step(walk, &message);
    /* What follows a value in its message means nothing, and goes with it. */
    if (result >= 0 && copy_until(walk, end) < 0)
        result = ERR_TOO_LARGE;
    walk->is_under_way = result == MESSAGE_IS_OVER;
    if (result < 0)
        return result;
    return walk->is_under_way ? GOB_WALK_INCOMPLETE : GOB_WALK_COMPLETE;
}
