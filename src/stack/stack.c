/* SPDX-License-Identifier: MIT */
/* stack.c - a stack in its room: made, given interfaces and routes, asked for deadlines and events. */
#include "stack/stack.h"

enum { ROOM_ALIGNMENT = 64 };

static const uint64_t magic = UINT64_C(0x6573746162303101);

static uint64_t aligned(uint64_t n)
{
    return (n + ROOM_ALIGNMENT - 1) & ~(uint64_t)(ROOM_ALIGNMENT - 1);
}

/* Where the parts of a room are, from its beginning. */
struct places {
    uint64_t neighbours, udp, tcp;
};

/* struct estab_stack, neighbours, struct udp and struct tcp with their pools, each aligned. */
static uint64_t layout(const struct estab_config *c, struct places *p)
{
    uint64_t at = aligned(sizeof(struct estab_stack));

    p->neighbours = at;
    at += aligned((uint64_t)c->neighbours * sizeof(struct neighbour));
    p->udp = at;
    at += udp_layout(NULL, c);
    p->tcp = at;
    return at + tcp_layout(NULL, c);
}

size_t estab_stack_size(const struct estab_config *config)
{
    struct places places;
    uint64_t bytes;

    if (estab_config_check(config))
        return 0;
    bytes = layout(config, &places);
    return bytes <= SIZE_MAX ? (size_t)bytes : 0;
}

estab_stack *estab_stack_init(struct estab_room room, const struct estab_config *config,
                              estab_time now)
{
    size_t size = estab_stack_size(config);
    struct estab_stack *s = room.base;
    struct places places;

    if (size == 0 || room.size < size || !s || (uintptr_t)s % ROOM_ALIGNMENT != 0)
        return NULL;
    layout(config, &places);
    memset(s, 0, sizeof *s);
    s->magic = magic;
    s->tcp_at = places.tcp;
    s->udp_at = places.udp;
    s->ip.neighbours_at = places.neighbours - offsetof(struct estab_stack, ip);
    s->ip.neighbour_count = config->neighbours;
    udp_init(stack_udp(s), config);
    tcp_init(stack_tcp(s), config, now);
    return s;
}

/* ---- copied from elsewhere ------------------------------------------------------------------------ */

estab_stack *estab_stack_adopt(struct estab_room room)
{
    struct estab_stack *s = room.base;
    struct places places;
    const struct estab_config *c;

    if (!s || (uintptr_t)s % ROOM_ALIGNMENT != 0 || room.size < sizeof *s || s->magic != magic)
        return NULL;
    if (s->tcp_at % ROOM_ALIGNMENT != 0 || s->tcp_at >= room.size ||
        room.size - s->tcp_at < sizeof(struct tcp))
        return NULL;
    c = &stack_tcp(s)->config;
    if (estab_config_check(c) || layout(c, &places) > room.size)
        return NULL;
    if (s->tcp_at != places.tcp || s->udp_at != places.udp || s->ip.neighbour_count != c->neighbours ||
        s->ip.neighbours_at != places.neighbours - offsetof(struct estab_stack, ip))
        return NULL;
    if (s->ip.interface_count > ESTAB_INTERFACES_MAX || s->ip.route_count > ESTAB_ROUTES_MAX)
        return NULL;
    return tcp_holds(stack_tcp(s)) && udp_holds(stack_udp(s), c) ? s : NULL;
}

/* ---- time ------------------------------------------------------------------------------------------- */

estab_time stack_now(struct estab_stack *s, estab_time now)
{
    struct tcp *t = stack_tcp(s);

    ASSERT(s->magic == magic);
    if (now < t->last) {
        t->steps_back++;
        return t->last;
    }
    t->last = now;
    return now;
}

/* ---- interfaces and routes ---------------------------------------------------------------------- */

static bool interface_holds(const struct estab_interface *i)
{
    return i->size == sizeof *i && i->link <= ESTAB_LINK_IP && i->prefix_length <= 32 &&
           addr_is_ipv4(&i->address) && !addr_is_unspecified(&i->address) && i->mtu >= 576 &&
           i->mtu <= 65535 && (i->super_segment == 0 || i->checksum_offload);
}

int estab_interface_add(estab_stack *s, const struct estab_interface *i)
{
    struct tcp *t = stack_tcp(s);
    uint32_t n = s->ip.interface_count;
    struct ip_route route;

    if (n == ESTAB_INTERFACES_MAX || !interface_holds(i) || ip_local(&s->ip, &i->address) >= 0)
        return -1;
    route = (struct ip_route){.prefix = i->address,
                              .gateway = estab_ipv4(0, 0, 0, 0),
                              .prefix_length = i->prefix_length,
                              .interface = (uint8_t)n};
    if (!ip_route_add(&s->ip, &route))
        return -1;
    s->ip.interfaces[n] = *i;
    s->ip.interface_count++;
    t->locals[n] = (struct tcp_local){.address = i->address,
                                      .super_segment = i->super_segment,
                                      .mtu = (uint16_t)i->mtu,
                                      .used = 1};
    return (int)n;
}

enum estab_error estab_interface_announce(estab_stack *s, int interface)
{
    if (interface < 0 || (uint32_t)interface >= s->ip.interface_count)
        return ESTAB_INVALID;
    if (s->ip.interfaces[interface].link == ESTAB_LINK_ETHERNET)
        neighbour_announce(&s->ip, (unsigned)interface);
    return ESTAB_OK;
}

enum estab_error estab_route_add(estab_stack *s, struct estab_addr prefix, uint8_t prefix_length,
                                 struct estab_addr gateway, uint8_t interface)
{
    struct ip_route route = {.prefix = prefix,
                             .gateway = gateway,
                             .prefix_length = prefix_length,
                             .interface = interface};

    if (interface >= s->ip.interface_count || prefix_length > 32 || !addr_is_ipv4(&prefix))
        return ESTAB_INVALID;
    if (!addr_is_unspecified(&gateway) && !addr_is_ipv4(&gateway))
        return ESTAB_INVALID;
    return ip_route_add(&s->ip, &route) ? ESTAB_OK : ESTAB_NO_RESOURCES;
}

/* ---- deadlines ------------------------------------------------------------------------------------ */

estab_time estab_deadline(const estab_stack *s)
{
    estab_time tcp = tcp_deadline(stack_tcp(s)), ip = neighbour_deadline(&s->ip);

    return tcp < ip ? tcp : ip;
}

void stack_unblock(struct estab_stack *s)
{
    conn_unblock_all(stack_tcp(s));
    udp_unblock_all(stack_udp(s));
}

void estab_expire(estab_stack *s, estab_time now)
{
    struct tcp *t = stack_tcp(s);

    now = stack_now(s, now);
    if (neighbour_expire(&s->ip, now))
        stack_unblock(s);
    tcp_expire(t, now);
}

bool estab_event_next(estab_stack *s, struct estab_event *event)
{
    return conn_event_next(stack_tcp(s), event) || udp_event_next(stack_udp(s), event);
}

bool estab_event_pending(const estab_stack *s)
{
    const struct tcp *t = stack_tcp(s);

    return t->event_head != HANDLE_NONE || t->listener_events > 0 ||
           stack_udp(s)->event_head != UDP_NONE;
}

bool estab_trace_next(estab_stack *s, struct estab_trace *trace)
{
    struct tcp *t = stack_tcp(s);

    if (t->trace_tail == t->trace_head)
        return false;
    *trace = *tcp_trace(t, t->trace_tail & (t->config.trace_records - 1));
    t->trace_tail++;
    return true;
}
