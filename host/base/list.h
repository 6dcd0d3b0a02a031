/* List: an intrusive doubly linked ring. A node is embedded in what it links;
 * a list head is a node that belongs to nobody. An unlinked node points to itself,
 * so list_unlink may be called any number of times. */
#ifndef PERIGEE_BASE_LIST_H
#define PERIGEE_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct List {
    struct List *next;
    struct List *previous;
} List;

/* The struct of `type` whose member `member` is the node `node`. */
#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

/* Safe against unlinking `node` inside the body, not against unlinking its neighbour. */
#define list_each(node, head)                                                                      \
    for (List *node = (head)->next, *node##_next = node->next; node != (head);                     \
         node = node##_next, node##_next = node->next)

static inline void list_init(List *node)
{
    node->next = node;
    node->previous = node;
}

static inline bool list_is_empty(const List *head)
{
    return head->next == head;
}

static inline void list_push_back(List *head, List *node)
{
    node->previous = head->previous;
    node->next = head;
    head->previous->next = node;
    head->previous = node;
}

static inline void list_unlink(List *node)
{
    node->previous->next = node->next;
    node->next->previous = node->previous;
    list_init(node);
}

#endif
