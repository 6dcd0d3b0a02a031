#include "bind/channel_ports.h"

#include "base/error.h"
#include "base/memory.h"

void channel_ports_init(ChannelPorts *ports, const SharedRegion *region)
{
    *ports = (ChannelPorts){.region = region, .first_bell = -1};
    handle_table_init(&ports->table);
}

void channel_ports_deinit(ChannelPorts *ports)
{
    bell_close(ports->bell);
    handle_table_deinit(&ports->table);
    memory_free(ports->waiters);
    buffer_deinit(&ports->received);
}

static List *waiters_of(const ChannelPorts *ports, uint32_t number, ChannelSide side)
{
    return &ports->waiters[number].sides[side];
}

static SharedParty own_party(const ChannelPorts *ports)
{
    return (SharedParty){.number = ports->own_number};
}

static int ask(ChannelPorts *ports, const SharedChannel *channel, ChannelSide side, size_t size)
{
    SharedParty party = own_party(ports);

    return side == CHANNEL_SENDING ? shared_channel_ask_push(channel, size, &party)
                                   : shared_channel_ask_pop(channel, &party);
}

/* One that is broken and cannot be told is left where it is: it is closed soon. */
static void wake(ChannelPort *port, ChannelSide side)
{
    Event event = {.kind = EVENT_CHANNEL, .id = port->handle, .code = (int32_t)side};

    if (isolate_tell(port->resource.isolate, event) < 0)
        return;
    list_unlink(&port->links[side]);
    port->is_woken[side] = true;
}

static void wake_first(ChannelPorts *ports, uint32_t number, ChannelSide side)
{
    List *waiters = waiters_of(ports, number, side);

    if (!list_is_empty(waiters))
        wake(list_entry(waiters->next - side, ChannelPort, links[0]), side);
}

/* Wakes the next who waits for what is still there. */
static void pass_on(ChannelPorts *ports, uint32_t number, ChannelSide side)
{
    SharedChannel channel;

    if (list_is_empty(waiters_of(ports, number, side)) ||
        shared_channel_open(ports->region, number, &channel) < 0)
        return;
    if (ask(ports, &channel, side, 0) != 0)
        wake_first(ports, number, side);
}

static void ring(const ChannelPorts *ports, const SharedWaiters *waiters)
{
    for (uint32_t i = 0; i < ports->bell_count; i++) {
        if (i != ports->own_number && (waiters->words[i / 64] >> i % 64 & 1) != 0)
            bell_ring(ports->first_bell + (int)i);
    }
}

static void on_bell(void *owner)
{
    ChannelPorts *ports = owner;

    for (uint32_t number = 0; ports->waiters != NULL && number < SHARED_OBJECT_LIMIT; number++) {
        pass_on(ports, number, CHANNEL_RECEIVING);
        pass_on(ports, number, CHANNEL_SENDING);
    }
}

int channel_ports_hear(ChannelPorts *ports, Loop *loop, int first_bell, uint32_t count,
                       uint32_t own_number)
{
    if (ports->bell != NULL || count > SHARED_WAITER_LIMIT || own_number >= count)
        return ERR_INVALID;
    ports->first_bell = first_bell;
    ports->bell_count = count;
    ports->own_number = own_number;
    return bell_open(loop, first_bell + (int)own_number, on_bell, ports, &ports->bell);
}

static void close_port(Resource *resource)
{
    ChannelPort *port = list_entry(resource, ChannelPort, resource);

    for (ChannelSide side = CHANNEL_RECEIVING; side <= CHANNEL_SENDING; side++) {
        list_unlink(&port->links[side]);
        if (port->is_woken[side])
            pass_on(port->ports, port->number, side);
    }
    handle_table_remove(&port->ports->table, port->handle);
    memory_free(port);
}

static void prepare_waiters(ChannelPorts *ports)
{
    if (ports->waiters != NULL)
        return;
    ports->waiters = memory_alloc(SHARED_OBJECT_LIMIT * sizeof *ports->waiters);
    for (uint32_t number = 0; number < SHARED_OBJECT_LIMIT; number++) {
        list_init(waiters_of(ports, number, CHANNEL_RECEIVING));
        list_init(waiters_of(ports, number, CHANNEL_SENDING));
    }
}

int channel_ports_open(ChannelPorts *ports, Isolate *isolate, const SharedObject *wanted,
                       ChannelPort **out)
{
    SharedChannel channel;
    ChannelPort *port;
    int number;

    if (ports->region->bytes == NULL)
        return ERR_NOT_FOUND;
    number = shared_channel_add(ports->region, wanted->name, wanted->shape.entry_count,
                                wanted->shape.value_size);
    if (number < 0)
        return number;
    if (shared_channel_open(ports->region, (uint32_t)number, &channel) == 0)
        shared_channel_reopen(&channel);
    prepare_waiters(ports);
    port = memory_alloc(sizeof *port);
    port->ports = ports;
    port->number = (uint32_t)number;
    list_init(&port->links[CHANNEL_RECEIVING]);
    list_init(&port->links[CHANNEL_SENDING]);
    port->handle = handle_table_add(&ports->table, port);
    resource_attach(&port->resource, isolate, close_port);
    *out = port;
    return 0;
}

ChannelPort *channel_ports_find(const ChannelPorts *ports, Handle handle)
{
    return handle_table_find(&ports->table, handle);
}

int channel_port_view(const ChannelPort *port, SharedChannel *out)
{
    return shared_channel_open(port->ports->region, port->number, out);
}

static void wait_for_turn(ChannelPort *port, ChannelSide side)
{
    port->is_woken[side] = false;
    list_unlink(&port->links[side]);
    list_push_back(waiters_of(port->ports, port->number, side), &port->links[side]);
}

/* After an operation on `side` that ended with `result`. */
static int settle(ChannelPort *port, ChannelSide side, int result)
{
    bool was_woken = port->is_woken[side];

    if (result == ERR_AGAIN) {
        wait_for_turn(port, side);
        return result;
    }
    if (result == ERR_TIMEOUT) {
        /* A stopped process holds the lock: it is tried again, and others run meanwhile. */
        wait_for_turn(port, side);
        wake(port, side);
        return ERR_AGAIN;
    }
    port->is_woken[side] = false;
    if (was_woken)
        pass_on(port->ports, port->number, side);
    return result;
}

int channel_port_send(ChannelPort *port, const char *bytes, size_t size)
{
    SharedParty party = own_party(port->ports);
    SharedChannel channel;
    int result = channel_port_view(port, &channel);

    if (result == 0)
        result = shared_channel_push(&channel, bytes, size, &party);
    if (result == 0) {
        ring(port->ports, &party.receivers);
        wake_first(port->ports, port->number, CHANNEL_RECEIVING);
    }
    return settle(port, CHANNEL_SENDING, result);
}

int channel_port_receive(ChannelPort *port, Buffer *out)
{
    SharedParty party = own_party(port->ports);
    SharedChannel channel;
    int result = channel_port_view(port, &channel);

    if (result == 0)
        result = shared_channel_pop(&channel, out, &party);
    if (result == 0) {
        ring(port->ports, &party.senders);
        wake_first(port->ports, port->number, CHANNEL_SENDING);
    }
    return settle(port, CHANNEL_RECEIVING, result);
}

int channel_port_ask(const ChannelPort *port, ChannelSide side, size_t size)
{
    SharedChannel channel;
    int result = channel_port_view(port, &channel);

    return result < 0 ? result : ask(port->ports, &channel, side, size);
}

void channel_port_await(ChannelPort *port, ChannelSide side, size_t size)
{
    wait_for_turn(port, side);
    if (channel_port_ask(port, side, size) != 0)
        wake(port, side);
}

void channel_port_forget(ChannelPort *port, ChannelSide side)
{
    list_unlink(&port->links[side]);
    if (!port->is_woken[side])
        return;
    port->is_woken[side] = false;
    pass_on(port->ports, port->number, side);
}

int channel_port_end(ChannelPort *port)
{
    SharedParty party = own_party(port->ports);
    SharedChannel channel;
    int result = channel_port_view(port, &channel);

    if (result < 0 || (result = shared_channel_close(&channel, &party)) < 0)
        return result;
    ring(port->ports, &party.receivers);
    ring(port->ports, &party.senders);
    pass_on(port->ports, port->number, CHANNEL_RECEIVING);
    pass_on(port->ports, port->number, CHANNEL_SENDING);
    return 0;
}

size_t channel_ports_count_waiting(const ChannelPorts *ports, uint32_t number, ChannelSide side)
{
    size_t count = 0;

    if (ports->waiters == NULL)
        return 0;
    list_each (node, waiters_of(ports, number, side))
        count++;
    return count;
}
