#include "rpc/gob_shapes.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Where the type is in the list, or would be. */
static size_t place_of(const GobShapes *shapes, int64_t id)
{
    size_t low = 0, high = shapes->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (shapes->list[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static GobShape *find(const GobShapes *shapes, int64_t id)
{
    size_t place = place_of(shapes, id);

    return place < shapes->count && shapes->list[place]->id == id ? shapes->list[place] : NULL;
}

const GobShape *gob_shapes_find(const GobShapes *shapes, int64_t id)
{
    return find(shapes, id);
}

static GobShape *create(const GobDefinition *definition)
{
    GobShape *shape = memory_alloc(sizeof *shape);
    GobReader fields = definition->fields;
    GobField field;

    shape->id = definition->id;
    shape->kind = definition->kind;
    shape->key = definition->key;
    shape->element = definition->element;
    shape->field_count = (uint32_t)definition->field_count;
    if (shape->field_count > 0)
        shape->fields = memory_alloc(shape->field_count * sizeof *shape->fields);
    for (uint32_t i = 0; i < shape->field_count; i++) {
        gob_definition_next_field(&fields, &field);
        shape->fields[i] = field.type;
    }
    return shape;
}

int gob_shapes_add(GobShapes *shapes, const GobDefinition *definition)
{
    size_t place = place_of(shapes, definition->id);

    if (find(shapes, definition->id) != NULL)
        return ERR_INVALID;
    if (shapes->count == shapes->capacity) {
        shapes->capacity = shapes->capacity * 2 + 4;
        shapes->list = memory_resize(shapes->list, shapes->capacity * sizeof(GobShape *));
    }
    memmove(shapes->list + place + 1, shapes->list + place,
            (shapes->count - place) * sizeof(GobShape *));
    shapes->list[place] = create(definition);
    shapes->count++;
    return 0;
}

/* A search through all that a type is made of. */
typedef struct Search {
    GobShapes *shapes;
    GobShape **waiting; /* has room for every shape */
    size_t waiting_count;
    bool has_found;
    bool lacks_some;
} Search;

static void look_at(Search *search, int64_t id)
{
    GobShape *shape;

    if (id == GOB_INTERFACE)
        search->has_found = true;
    if (id > 0 && id <= GOB_INTERFACE)
        return;
    shape = find(search->shapes, id);
    if (shape == NULL) {
        search->lacks_some = true;
    } else if (shape->is_known) {
        search->has_found = search->has_found || shape->holds_interfaces;
    } else if (shape->round != search->shapes->round) {
        shape->round = search->shapes->round;
        search->waiting[search->waiting_count++] = shape;
    }
}

static void look_into(Search *search, const GobShape *shape)
{
    if (shape->kind == GOB_MAP)
        look_at(search, shape->key);
    if (shape->kind == GOB_MAP || shape->kind == GOB_LIST)
        look_at(search, shape->element);
    for (uint32_t i = 0; i < shape->field_count; i++)
        look_at(search, shape->fields[i]);
}

bool gob_shapes_hold_interfaces(GobShapes *shapes, int64_t id)
{
    Search search = {.shapes = shapes};
    GobShape *root = find(shapes, id);

    if (root == NULL)
        return id == GOB_INTERFACE;
    if (root->is_known)
        return root->holds_interfaces;
    search.waiting = memory_alloc(shapes->count * sizeof(GobShape *));
    shapes->round++;
    look_at(&search, id);
    while (search.waiting_count > 0 && !search.has_found)
        look_into(&search, search.waiting[--search.waiting_count]);
    memory_free(search.waiting);
    root->holds_interfaces = search.has_found;
    root->is_known = search.has_found || !search.lacks_some;
    return search.has_found;
}

void gob_shapes_deinit(GobShapes *shapes)
{
    for (size_t i = 0; i < shapes->count; i++) {
        memory_free(shapes->list[i]->fields);
        memory_free(shapes->list[i]);
    }
    memory_free(shapes->list);
    *shapes = (GobShapes){0};
}
