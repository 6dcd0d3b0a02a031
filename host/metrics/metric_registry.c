#include "metrics/metric_registry.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    FIRST_CAPACITY = 64,
    GAUGE_TEXT_SIZE = 32, /* the least, and doubled where that is too short */
    GAUGE_CLASS_COUNT = 10,
    NONE = -1,
};

/* What is known of a record besides. */
typedef struct Entry {
    MetricRecord *record;
    uint32_t family; /* its own number when it is one */
    uint32_t user_count;
    uint32_t series_count; /* of a family */
    long next_free;        /* of gauges that were given back */
} Entry;

struct MetricRegistry {
    MetricArena arena;
    Entry *entries;
    uint32_t entry_count;
    uint32_t entry_capacity;
    uint32_t *slots; /* by hash: number of a record + 1, or 0 */
    uint32_t slot_count;
    long free_gauges[GAUGE_CLASS_COUNT]; /* by the room for their text */
};

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
    return (hash ^ number) * 0x100000001b3;
}

static uint64_t hash_wanted(const MetricWanted *wanted)
{
    uint64_t hash = hash_number(0xcbf29ce484222325, wanted->kind);

    hash = hash_number(hash, wanted->family);
    for (size_t i = 0; i < wanted->text_size; i++)
        hash = hash_number(hash, (unsigned char)wanted->text[i]);
    return hash;
}

static bool is_family(const MetricRecord *record)
{
    return record->kind != METRIC_SERIES;
}

static MetricWanted describe(const Entry *entry)
{
    const MetricRecord *record = entry->record;

    return (MetricWanted){
        .kind = record->kind,
        .family = is_family(record) ? 0 : entry->family,
        .cell_count = record->cell_count,
        .text = metric_record_text(record),
        .text_size = record->text_size <= record->text_capacity ? record->text_size : 0,
    };
}

static bool is_same(const Entry *entry, const MetricWanted *wanted)
{
    MetricWanted own = describe(entry);
    const MetricCell *cells = metric_record_cells(entry->record);

    if (own.kind != wanted->kind || own.family != wanted->family ||
        own.cell_count != wanted->cell_count || own.text_size != wanted->text_size ||
        memcmp(own.text, wanted->text, own.text_size) != 0)
        return false;
    for (uint32_t i = 0; wanted->cells != NULL && i < wanted->cell_count; i++) {
        if (metric_cell_get(&cells[i]) != wanted->cells[i])
            return false;
    }
    return true;
}

/* Its slot, or the empty one where it would be. */
static uint32_t *find_slot(const MetricRegistry *registry, const MetricWanted *wanted)
{
    uint32_t at = (uint32_t)hash_wanted(wanted) & (registry->slot_count - 1);

    while (registry->slots[at] != 0 &&
           !is_same(&registry->entries[registry->slots[at] - 1], wanted))
        at = (at + 1) & (registry->slot_count - 1);
    return &registry->slots[at];
}

static void put_in_slot(MetricRegistry *registry, uint32_t number)
{
    MetricWanted wanted = describe(&registry->entries[number]);
    uint32_t at = (uint32_t)hash_wanted(&wanted) & (registry->slot_count - 1);

    while (registry->slots[at] != 0)
        at = (at + 1) & (registry->slot_count - 1);
    registry->slots[at] = number + 1;
}

static bool is_gauge(const MetricRegistry *registry, const Entry *entry)
{
    return !is_family(entry->record) &&
           registry->entries[entry->family].record->kind == METRIC_GAUGE;
}

static void grow_slots(MetricRegistry *registry)
{
    memory_free(registry->slots);
    registry->slot_count = registry->entry_capacity * 2;
    registry->slots = memory_alloc(registry->slot_count * sizeof *registry->slots);
    for (uint32_t i = 0; i < registry->entry_count; i++) {
        if (!is_gauge(registry, &registry->entries[i]))
            put_in_slot(registry, i);
    }
}

/* Half of the slots stay empty. */
static void add_entry(MetricRegistry *registry, MetricRecord *record, uint32_t family)
{
    uint32_t number = registry->entry_count;

    if (number == registry->entry_capacity) {
        registry->entry_capacity = number == 0 ? FIRST_CAPACITY : number * 2;
        registry->entries =
            memory_resize(registry->entries, registry->entry_capacity * sizeof(Entry));
        grow_slots(registry);
    }
    registry->entries[number] = (Entry){
        .record = record,
        .family = is_family(record) ? number : family,
        .next_free = NONE,
    };
    registry->entry_count++;
    if (!is_family(record))
        registry->entries[family].series_count++;
}

/* What a writer that is gone measured is no more. */
static void reset_gauges(const MetricRegistry *registry, const Entry *entry)
{
    MetricRecord *family = registry->entries[entry->family].record;
    const MetricCell *gauges = metric_record_cells(family);
    MetricCell *cells = metric_record_cells(entry->record);

    if (is_family(entry->record) || family->kind != METRIC_GROUP)
        return;
    for (uint32_t i = 0; i < entry->record->cell_count && i < family->cell_count; i++) {
        if (metric_cell_get(&gauges[i]) != 0)
            metric_cell_set(&cells[i], 0);
    }
}

/* A gauge of a writer that is gone belongs to nobody. */
static void adopt(MetricRegistry *registry, MetricRecord *record)
{
    uint32_t number = registry->entry_count;
    uint32_t family = record->family;

    if (!is_family(record) && (family >= number || !is_family(registry->entries[family].record)))
        family = 0;
    add_entry(registry, record, family);
    reset_gauges(registry, &registry->entries[number]);
    if (is_gauge(registry, &registry->entries[number]))
        metric_registry_drop_gauge(registry, number);
    else
        put_in_slot(registry, number);
}

MetricRegistry *metric_registry_create(const MetricArena *arena)
{
    MetricRegistry *registry = memory_alloc(sizeof *registry);
    MetricView view;
    size_t offset = 0;

    registry->arena = *arena;
    for (int i = 0; i < GAUGE_CLASS_COUNT; i++)
        registry->free_gauges[i] = NONE;
    while (metric_arena_next(arena, &offset, &view))
        adopt(registry, view.record);
    return registry;
}

void metric_registry_destroy(MetricRegistry *registry)
{
    if (registry == NULL)
        return;
    memory_free(registry->entries);
    memory_free(registry->slots);
    memory_free(registry);
}

const MetricArena *metric_registry_arena(const MetricRegistry *registry)
{
    return &registry->arena;
}

uint32_t metric_registry_count(const MetricRegistry *registry)
{
    return registry->entry_count;
}

/* Returns its number, or ERR_FULL. It is in no slot yet. */
static long append(MetricRegistry *registry, const MetricWanted *wanted)
{
    MetricRecord *record = metric_arena_add(&registry->arena, wanted);

    if (record == NULL)
        return ERR_FULL;
    add_entry(registry, record, wanted->family);
    return registry->entry_count - 1;
}

static bool is_at_limit(const MetricRegistry *registry, const MetricWanted *wanted, uint32_t limit)
{
    return limit != 0 && registry->entries[wanted->family].series_count >= limit;
}

static long find_or_append(MetricRegistry *registry, const MetricWanted *wanted, uint32_t limit)
{
    uint32_t *slot;
    long number;

    if (wanted->text_size > METRIC_TEXT_LIMIT || wanted->cell_count > METRIC_CELL_LIMIT)
        return ERR_INVALID;
    if (registry->slots != NULL && (slot = find_slot(registry, wanted), *slot != 0))
        return *slot - 1;
    if (is_at_limit(registry, wanted, limit))
        return ERR_TOO_LARGE;
    if ((number = append(registry, wanted)) >= 0)
        put_in_slot(registry, (uint32_t)number);
    return number;
}

/* Where the first lines of a family's text end: its name, its owner. */
static size_t lines_size(const MetricWanted *family, int line_count)
{
    size_t at = 0;

    for (; at < family->text_size; at++) {
        if (family->text[at] == '\n' && --line_count == 0)
            break;
    }
    return at;
}

static bool has_same_lines(const MetricWanted *one, const MetricWanted *other, int line_count)
{
    size_t size = lines_size(one, line_count);

    return size == lines_size(other, line_count) && memcmp(one->text, other->text, size) == 0;
}

/* Whether another owner uses a family of the same name and another kind. */
static bool has_rival(const MetricRegistry *registry, const MetricWanted *wanted)
{
    for (uint32_t i = 0; i < registry->entry_count; i++) {
        MetricWanted other = describe(&registry->entries[i]);

        if (registry->entries[i].user_count > 0 && other.kind != wanted->kind &&
            has_same_lines(&other, wanted, 1) && !has_same_lines(&other, wanted, 2))
            return true;
    }
    return false;
}

long metric_registry_family(MetricRegistry *registry, const MetricFamily *family)
{
    MetricWanted wanted = {
        .kind = family->kind,
        .cell_count = family->cell_count,
        .cells = family->cells,
        .text = family->text,
        .text_size = family->text_size,
        .text_capacity = family->text_size,
    };

    assert(family->kind != METRIC_SERIES);
    if (has_rival(registry, &wanted))
        return -EEXIST;
    return find_or_append(registry, &wanted, 0);
}

static bool is_known(const MetricRegistry *registry, long number)
{
    return number >= 0 && number < registry->entry_count;
}

static bool has_same_name(const Entry *left, const Entry *right)
{
    MetricWanted one = describe(left), other = describe(right);

    return has_same_lines(&one, &other, 2);
}

static void hide(MetricRegistry *registry, Entry *entry, bool is_hidden)
{
    if ((entry->record->is_hidden != 0) != is_hidden)
        metric_arena_hide(&registry->arena, entry->record, is_hidden);
}

void metric_registry_retain(MetricRegistry *registry, long family)
{
    Entry *own = &registry->entries[family];

    assert(is_known(registry, family) && is_family(own->record));
    own->user_count++;
    hide(registry, own, false);
    for (uint32_t i = 0; i < registry->entry_count; i++) {
        Entry *other = &registry->entries[i];

        if (other != own && is_family(other->record) && other->user_count == 0 &&
            has_same_name(other, own))
            hide(registry, other, true);
    }
}

void metric_registry_release(MetricRegistry *registry, long family)
{
    Entry *own = &registry->entries[family];

    assert(own->user_count > 0);
    if (--own->user_count > 0)
        return;
    for (uint32_t i = 0; i < registry->entry_count; i++) {
        const Entry *other = &registry->entries[i];

        if (other->user_count > 0 && has_same_name(other, own))
            hide(registry, own, true);
    }
}

static uint32_t series_cells(const MetricRecord *family)
{
    switch (family->kind) {
    case METRIC_HISTOGRAM:
        return family->cell_count + 2;
    case METRIC_GROUP:
        return family->cell_count;
    default:
        return 1;
    }
}

static MetricWanted want_series(const MetricRegistry *registry, long family,
                                const MetricLabels *labels)
{
    assert(is_known(registry, family) && is_family(registry->entries[family].record));
    return (MetricWanted){
        .kind = METRIC_SERIES,
        .family = (uint32_t)family,
        .cell_count = series_cells(registry->entries[family].record),
        .text = labels->text,
        .text_size = labels->size,
        .text_capacity = labels->size,
    };
}

long metric_registry_series(MetricRegistry *registry, long family, const MetricLabels *labels)
{
    MetricWanted wanted = want_series(registry, family, labels);

    return find_or_append(registry, &wanted, labels->series_limit);
}

/* The class of texts of that size: each has twice the room of the one before. */
static int class_of(size_t text_size)
{
    int class = 0;

    while (((size_t)GAUGE_TEXT_SIZE << class) < text_size)
        class ++;
    return class;
}

long metric_registry_take_gauge(MetricRegistry *registry, long family, const MetricLabels *labels)
{
    MetricWanted wanted = want_series(registry, family, labels);
    int class = class_of(labels->size);
    long number;

    if (class >= GAUGE_CLASS_COUNT)
        return ERR_INVALID;
    if (is_at_limit(registry, &wanted, labels->series_limit))
        return ERR_TOO_LARGE;
    number = registry->free_gauges[class];
    if (number == NONE) {
        wanted.text_capacity = (size_t)GAUGE_TEXT_SIZE << class;
        return append(registry, &wanted);
    }
    registry->free_gauges[class] = registry->entries[number].next_free;
    registry->entries[number].family = wanted.family;
    registry->entries[wanted.family].series_count++;
    metric_arena_relabel(&registry->arena, registry->entries[number].record, &wanted);
    return number;
}

void metric_registry_drop_gauge(MetricRegistry *registry, long series)
{
    Entry *entry = &registry->entries[series];
    size_t capacity = entry->record->text_capacity;
    int class = class_of(capacity);

    hide(registry, entry, true);
    registry->entries[entry->family].series_count--;
    if (capacity != (size_t)GAUGE_TEXT_SIZE << class)
        return;
    entry->next_free = registry->free_gauges[class];
    registry->free_gauges[class] = series;
}

MetricKind metric_registry_kind(const MetricRegistry *registry, long number)
{
    if (!is_known(registry, number))
        return METRIC_SERIES;
    return registry->entries[registry->entries[number].family].record->kind;
}

bool metric_registry_is_family(const MetricRegistry *registry, long number)
{
    return is_known(registry, number) && is_family(registry->entries[number].record);
}

static bool is_series(const MetricRegistry *registry, long number)
{
    return is_known(registry, number) && !is_family(registry->entries[number].record);
}

MetricCell *metric_registry_cells(const MetricRegistry *registry, long series)
{
    return is_series(registry, series) ? metric_record_cells(registry->entries[series].record)
                                       : NULL;
}

uint32_t metric_registry_cell_count(const MetricRegistry *registry, long series)
{
    return is_series(registry, series) ? registry->entries[series].record->cell_count : 0;
}

void metric_registry_observe(MetricRegistry *registry, long series, double value)
{
    const Entry *entry = &registry->entries[series];
    MetricRecord *family = registry->entries[entry->family].record;
    const MetricCell *bounds = metric_record_cells(family);
    MetricCell *cells = metric_record_cells(entry->record);
    uint32_t count = family->cell_count, bucket = 0;

    assert(is_series(registry, series) && family->kind == METRIC_HISTOGRAM);
    while (bucket < count && value > metric_cell_get(&bounds[bucket]))
        bucket++;
    metric_cell_add(&cells[bucket], 1);
    metric_cell_add(&cells[count + 1], value);
}
