/* Values with definitions inside them: a walk leaves a value that has none, so that a second walk
 * over it takes it as it is; and it never keeps more than may be.
 * Input: messages of gob, each behind its length. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"
#include "rpc/gob_walk.h"

enum { LIMIT_SIZE = 2000, MOST_DEFINITIONS = 100 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int take_definition(void *owner, GobReader message)
{
    GobShapes *shapes = owner;
    GobDefinition definition;
    int result = gob_definition_read(&message, &definition);

    if (result < 0)
        return result;
    return shapes->count == MOST_DEFINITIONS ? ERR_TOO_LARGE : gob_shapes_add(shapes, &definition);
}

static int refuse_definition(void *owner, GobReader message)
{
    (void)owner;
    (void)message;
    assert(false);
    return ERR_INVALID;
}

static void check_again(const GobShapes *shapes, GobReader value)
{
    GobWalk *walk = gob_walk_create(shapes, refuse_definition, NULL);
    GobReader again;

    assert(value.size <= LIMIT_SIZE);
    assert(gob_walk_take(walk, value, LIMIT_SIZE) == GOB_WALK_COMPLETE);
    again = gob_walk_value(walk);
    assert(again.size == value.size && memcmp(again.bytes, value.bytes, value.size) == 0);
    gob_walk_destroy(walk);
}

/* False when the stream is over. */
static bool take_message(GobShapes *shapes, GobWalk *walk, GobReader message)
{
    int64_t id;
    int result;

    if (!gob_message_id(message, &id))
        return false;
    if (id < 0 && !gob_walk_is_under_way(walk))
        return take_definition(shapes, message) == 0;
    gob_shapes_hold_interfaces(shapes, id);
    result = gob_walk_take(walk, message, LIMIT_SIZE);
    assert(gob_walk_is_under_way(walk) == (result == GOB_WALK_INCOMPLETE));
    if (result == GOB_WALK_COMPLETE)
        check_again(shapes, gob_walk_value(walk));
    return result >= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    GobReader rest = {(const char *)data, size};
    GobReader message;
    GobShapes shapes = {0};
    GobWalk *walk = gob_walk_create(&shapes, take_definition, &shapes);

    while (gob_read_bytes(&rest, &message) && take_message(&shapes, walk, message))
        continue;
    gob_walk_destroy(walk);
    gob_shapes_deinit(&shapes);
    return 0;
}
