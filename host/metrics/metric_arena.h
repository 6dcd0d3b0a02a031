/* MetricArena: what one worker counts, in memory that its supervisor maps too, so that it can be
 * read whatever the worker does. Records are appended and stay where they are: families, each with
 * a text that says what it is, and their series, each with its labels and its cells.
 *
 * One thread writes, any number of processes read. The writer may die at any instruction: a record
 * is published by one store, and the next writer goes on behind the last one. Nothing read from the
 * arena is trusted with an address. */
#ifndef PERIGEE_METRICS_METRIC_ARENA_H
#define PERIGEE_METRICS_METRIC_ARENA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    METRIC_ARENA_MIN_SIZE = 64 * 1024,
    METRIC_TEXT_LIMIT = 16 * 1024, /* of a family, or of the labels of a series */
    METRIC_CELL_LIMIT = 128,       /* of one record */
};

typedef enum MetricKind {
    METRIC_SERIES = 0, /* of the family its record names */
    METRIC_COUNTER = 1,
    METRIC_GAUGE = 2,
    METRIC_HISTOGRAM = 3, /* its cells: how many in each bucket, and in the last; then their sum */
    METRIC_GROUP = 4,     /* what its cells are is between its writer and its reader */
} MetricKind;

/* A double, as its bits. */
typedef _Atomic uint64_t MetricCell;

/* In the arena. The cells follow it, those of a histogram's family are the bounds of its buckets;
 * and then the text. */
typedef struct MetricRecord {
    uint32_t size; /* with cells and text; a multiple of 8 */
    uint32_t kind;
    uint32_t text_capacity;
    uint32_t cell_count;
    /* These may change while the version is odd. */
    _Atomic uint32_t version;
    _Atomic uint32_t is_hidden;
    _Atomic uint32_t family; /* of a series: the number of its family's record, from 0 */
    _Atomic uint32_t text_size;
    _Atomic uint64_t order; /* monotonic nanoseconds: newer ones have more, in any arena */
} MetricRecord;

/* One process's view. */
typedef struct MetricArena {
    char *bytes;
    size_t size;
} MetricArena;

/* A record as its maker wants it; `text_capacity` is at least the size of its text. */
typedef struct MetricWanted {
    MetricKind kind;
    uint32_t family;
    uint32_t cell_count;
    const double *cells; /* what they begin with; NULL for 0 */
    const char *text;
    size_t text_size;
    size_t text_capacity;
} MetricWanted;

/* Prepares `size` zeroed bytes. ERR_INVALID when they are fewer than the least. */
int metric_arena_format(void *bytes, size_t size);

/* ERR_INVALID when they were not formatted. */
int metric_arena_open(void *bytes, size_t size, MetricArena *out);

/* Appends a record. NULL when there is no room, which is counted. */
MetricRecord *metric_arena_add(const MetricArena *arena, const MetricWanted *wanted);

/* A record as it was found: another process may change what is in the arena at any moment. */
typedef struct MetricView {
    MetricRecord *record;
    uint32_t kind;
    uint32_t cell_count;
    uint32_t text_capacity;
    MetricCell *cells;
    const char *text;
} MetricView;

/* The record at `*offset`, 0 for the first, which moves behind it. False behind the last, and where
 * what stands there cannot be. */
bool metric_arena_next(const MetricArena *arena, size_t *offset, MetricView *out);

/* Gives a series other labels, and cells that are 0. `text_size` is no more than its capacity. */
void metric_arena_relabel(const MetricArena *arena, MetricRecord *record,
                          const MetricWanted *wanted);

/* Readers leave out what is hidden. */
void metric_arena_hide(const MetricArena *arena, MetricRecord *record, bool is_hidden);

MetricCell *metric_record_cells(MetricRecord *record);
const char *metric_record_text(const MetricRecord *record);

/* What may change of a record, as it was at one moment. */
typedef struct MetricSnapshot {
    uint32_t version; /* odd: it was changing, and the rest is not good */
    uint32_t is_hidden;
    uint32_t family;
    uint64_t order;
    uint32_t text_size;
    char text[METRIC_TEXT_LIMIT];
} MetricSnapshot;

void metric_view_read(const MetricView *view, MetricSnapshot *out);

/* Bytes in use, and how many records found no room. */
size_t metric_arena_used_size(const MetricArena *arena);
uint64_t metric_arena_refused_count(const MetricArena *arena);

double metric_cell_get(const MetricCell *cell);
void metric_cell_set(MetricCell *cell, double value);
void metric_cell_add(MetricCell *cell, double value); /* by the writer */

#endif
