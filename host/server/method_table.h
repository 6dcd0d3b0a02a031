/* MethodTable: which isolate answers for an RPC service, by the service's name. Replaced as a whole
 * at each switch of generations. */
#ifndef PERIGEE_SERVER_METHOD_TABLE_H
#define PERIGEE_SERVER_METHOD_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct MethodTable MethodTable;

MethodTable *method_table_create(void);
void method_table_destroy(MethodTable *table); /* NULL is fine */

/* Copies the name. `handle` is the isolate's, not 0. Returns 0, ERR_INVALID for an empty name, or
 * ERR_FULL when it is taken. */
int method_table_add(MethodTable *table, const char *name, size_t size, uint64_t handle);

/* The handle of the isolate, or 0. */
uint64_t method_table_find(const MethodTable *table, const char *name, size_t size);

#endif
