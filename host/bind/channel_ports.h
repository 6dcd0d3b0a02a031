/* ChannelPorts: the ends of named channels that isolates of this process have open, and who of
 * them waits. What is in a channel is in memory that all workers share (shared/shared_channel.h);
 * here it is decided who is woken when that changes.
 *
 * A wake is a hint: whoever gets it tries again, and may find that somebody was faster. It is never
 * lost: whoever was woken and does not try passes it on, and whoever tried and left something for
 * others wakes the next. */
#ifndef PERIGEE_BIND_CHANNEL_PORTS_H
#define PERIGEE_BIND_CHANNEL_PORTS_H

#include "base/handle_table.h"
#include "base/list.h"
#include "isolate/isolate.h"
#include "isolate/resource.h"
#include "os/bell.h"
#include "shared/shared_channel.h"

/* As the codes of EVENT_CHANNEL say them to Lua. */
typedef enum ChannelSide { CHANNEL_RECEIVING = 0, CHANNEL_SENDING = 1 } ChannelSide;

typedef struct ChannelWaiters {
    List sides[2]; /* ports, the one that waits longest first */
} ChannelWaiters;

typedef struct ChannelPorts {
    const SharedRegion *region; /* borrowed; its bytes are NULL when there is none */
    HandleTable table;          /* ChannelPort */
    ChannelWaiters *waiters;    /* by the number of the channel; NULL before the first port */
    Bell *bell;                 /* this process's own; NULL when it has no others to hear of */
    int first_bell;             /* descriptors of all workers' bells, in a row */
    uint32_t bell_count;
    uint32_t own_number; /* among them */
    Buffer received;     /* the last message taken, until it is a Lua string */
} ChannelPorts;

typedef struct ChannelPort {
    Resource resource;
    ChannelPorts *ports;
    Handle handle;
    uint32_t number; /* of the channel */
    List links[2];   /* in the waiters of the channel */
    bool is_woken[2];
} ChannelPort;

void channel_ports_init(ChannelPorts *ports, const SharedRegion *region);

/* Every port was closed before. */
void channel_ports_deinit(ChannelPorts *ports);

/* From now on this process hears of the others: `count` descriptors from `first_bell` on are the
 * bells of all workers, of which `own_number` counted from 0 is its own. */
int channel_ports_hear(ChannelPorts *ports, Loop *loop, int first_bell, uint32_t count,
                       uint32_t own_number);

/* Opens the channel of that name, made when it is new, for `isolate`. Returns 0, or a code of
 * shared_channel_add; ERR_NOT_FOUND when there is no shared memory. */
int channel_ports_open(ChannelPorts *ports, Isolate *isolate, const SharedObject *wanted,
                       ChannelPort **out);

ChannelPort *channel_ports_find(const ChannelPorts *ports, Handle handle);

/* See shared_channel_push and _pop. After ERR_AGAIN an EVENT_CHANNEL will come. */
int channel_port_send(ChannelPort *port, const char *bytes, size_t size);
int channel_port_receive(ChannelPort *port, Buffer *out);

/* See shared_channel_ask_push and _pop. */
int channel_port_ask(const ChannelPort *port, ChannelSide side, size_t size);

/* An EVENT_CHANNEL will come once a try may succeed: now, if it may already. */
void channel_port_await(ChannelPort *port, ChannelSide side, size_t size);

/* Nobody of its isolate waits any more. */
void channel_port_forget(ChannelPort *port, ChannelSide side);

/* See shared_channel_close. The port stays open. */
int channel_port_end(ChannelPort *port);

int channel_port_view(const ChannelPort *port, SharedChannel *out);

/* How many ports of this process wait on that side of a channel. */
size_t channel_ports_count_waiting(const ChannelPorts *ports, uint32_t number, ChannelSide side);

#endif
