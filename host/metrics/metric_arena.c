#include "metrics/metric_arena.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"

enum { ALIGNMENT = 8, FORMAT_VERSION = 1 };

static const char magic[8] = "pgmetric";

typedef struct Header {
    char magic[sizeof magic];
    uint64_t version;
    /* What lies below it is complete; raising it publishes one more record. */
    _Atomic uint64_t used_size;
    _Atomic uint64_t refused_count;
    _Atomic uint64_t last_order;
} Header;

static Header *header_of(const MetricArena *arena)
{
    return (Header *)(void *)arena->bytes;
}

static size_t record_size(size_t cell_count, size_t text_capacity)
{
    size_t size = sizeof(MetricRecord) + cell_count * sizeof(MetricCell) + text_capacity;

    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

int metric_arena_format(void *bytes, size_t size)
{
    Header *header = bytes;

    if (size < METRIC_ARENA_MIN_SIZE)
        return ERR_INVALID;
    header->version = FORMAT_VERSION;
    atomic_store_explicit(&header->used_size, sizeof *header, memory_order_relaxed);
    memcpy(header->magic, magic, sizeof magic);
    return 0;
}

int metric_arena_open(void *bytes, size_t size, MetricArena *out)
{
    const Header *header = bytes;

    if (size < METRIC_ARENA_MIN_SIZE || memcmp(header->magic, magic, sizeof magic) != 0 ||
        header->version != FORMAT_VERSION)
        return ERR_INVALID;
    *out = (MetricArena){.bytes = bytes, .size = size};
    return 0;
}

size_t metric_arena_used_size(const MetricArena *arena)
{
    uint64_t used = atomic_load_explicit(&header_of(arena)->used_size, memory_order_acquire);

    return used < arena->size ? (size_t)used : arena->size;
}

uint64_t metric_arena_refused_count(const MetricArena *arena)
{
    return atomic_load_explicit(&header_of(arena)->refused_count, memory_order_relaxed);
}

MetricCell *metric_record_cells(MetricRecord *record)
{
    return (MetricCell *)(void *)(record + 1);
}

const char *metric_record_text(const MetricRecord *record)
{
    return (const char *)(record + 1) + record->cell_count * sizeof(MetricCell);
}

static uint64_t take_order(const MetricArena *arena)
{
    uint64_t last = atomic_load_explicit(&header_of(arena)->last_order, memory_order_relaxed);
    uint64_t now_ns = clock_monotonic_ns();
    uint64_t order = now_ns > last ? now_ns : last + 1;

    atomic_store_explicit(&header_of(arena)->last_order, order, memory_order_relaxed);
    return order;
}

static void set_text(MetricRecord *record, const MetricWanted *wanted)
{
    memcpy((char *)(record + 1) + record->cell_count * sizeof(MetricCell), wanted->text,
           wanted->text_size);
    atomic_store_explicit(&record->text_size, (uint32_t)wanted->text_size, memory_order_relaxed);
    atomic_store_explicit(&record->family, wanted->family, memory_order_relaxed);
}

static void set_cells(MetricRecord *record, const double *values)
{
    MetricCell *cells = metric_record_cells(record);

    for (uint32_t i = 0; i < record->cell_count; i++)
        metric_cell_set(&cells[i], values != NULL ? values[i] : 0);
}

MetricRecord *metric_arena_add(const MetricArena *arena, const MetricWanted *wanted)
{
    size_t used = metric_arena_used_size(arena);
    size_t size = record_size(wanted->cell_count, wanted->text_capacity);
    MetricRecord *record = (MetricRecord *)(void *)(arena->bytes + used);

    assert(wanted->text_size <= wanted->text_capacity);
    assert(wanted->text_capacity <= METRIC_TEXT_LIMIT && wanted->cell_count <= METRIC_CELL_LIMIT);
    if (size > arena->size - used) {
        atomic_fetch_add_explicit(&header_of(arena)->refused_count, 1, memory_order_relaxed);
        return NULL;
    }
    /* Somebody may have begun one here and died. */
    memset(record, 0, size);
    record->size = (uint32_t)size;
    record->kind = wanted->kind;
    record->cell_count = wanted->cell_count;
    record->text_capacity = (uint32_t)wanted->text_capacity;
    atomic_store_explicit(&record->order, take_order(arena), memory_order_relaxed);
    set_text(record, wanted);
    set_cells(record, wanted->cells);
    atomic_store_explicit(&header_of(arena)->used_size, used + size, memory_order_release);
    return record;
}

static void look(MetricRecord *record, MetricView *out)
{
    *out = (MetricView){
        .record = record,
        .kind = record->kind,
        .cell_count = record->cell_count,
        .text_capacity = record->text_capacity,
    };
    out->cells = metric_record_cells(record);
    out->text = (const char *)(out->cells + out->cell_count);
}

static bool is_possible(const MetricView *view, size_t size, size_t room)
{
    return view->cell_count <= METRIC_CELL_LIMIT && view->text_capacity <= METRIC_TEXT_LIMIT &&
           size == record_size(view->cell_count, view->text_capacity) && size <= room;
}

bool metric_arena_next(const MetricArena *arena, size_t *offset, MetricView *out)
{
    size_t used = metric_arena_used_size(arena);
    size_t at = *offset == 0 ? sizeof(Header) : *offset;
    MetricRecord *record = (MetricRecord *)(void *)(arena->bytes + at);
    size_t size;

    if (at % ALIGNMENT != 0 || at > used || used - at < sizeof *record)
        return false;
    size = record->size;
    look(record, out);
    if (!is_possible(out, size, used - at))
        return false;
    *offset = at + size;
    return true;
}

void metric_view_read(const MetricView *view, MetricSnapshot *out)
{
    const MetricRecord *record = view->record;
    uint32_t version = atomic_load_explicit(&record->version, memory_order_acquire);
    uint32_t text_size = atomic_load_explicit(&record->text_size, memory_order_relaxed);

    out->text_size = text_size < view->text_capacity ? text_size : view->text_capacity;
    memcpy(out->text, view->text, out->text_size);
    out->is_hidden = atomic_load_explicit(&record->is_hidden, memory_order_relaxed);
    out->family = atomic_load_explicit(&record->family, memory_order_relaxed);
    out->order = atomic_load_explicit(&record->order, memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    out->version = version;
    if (atomic_load_explicit(&record->version, memory_order_relaxed) != version)
        out->version |= 1;
}

static void begin_change(MetricRecord *record)
{
    atomic_store_explicit(&record->version, record->version | 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
}

static void end_change(MetricRecord *record)
{
    atomic_store_explicit(&record->version, record->version + 1, memory_order_release);
}

void metric_arena_relabel(const MetricArena *arena, MetricRecord *record,
                          const MetricWanted *wanted)
{
    assert(wanted->text_size <= record->text_capacity);
    begin_change(record);
    set_text(record, wanted);
    set_cells(record, wanted->cells);
    atomic_store_explicit(&record->order, take_order(arena), memory_order_relaxed);
    atomic_store_explicit(&record->is_hidden, 0, memory_order_relaxed);
    end_change(record);
}

void metric_arena_hide(const MetricArena *arena, MetricRecord *record, bool is_hidden)
{
    begin_change(record);
    atomic_store_explicit(&record->is_hidden, is_hidden, memory_order_relaxed);
    if (!is_hidden)
        atomic_store_explicit(&record->order, take_order(arena), memory_order_relaxed);
    end_change(record);
}

double metric_cell_get(const MetricCell *cell)
{
    uint64_t bits = atomic_load_explicit(cell, memory_order_relaxed);
    double value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

void metric_cell_set(MetricCell *cell, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    atomic_store_explicit(cell, bits, memory_order_relaxed);
}

void metric_cell_add(MetricCell *cell, double value)
{
    metric_cell_set(cell, metric_cell_get(cell) + value);
}
