/* SPDX-License-Identifier: MIT */
/* stack.c - a stack in its room: made, given interfaces and routes, asked for deadlines and events. */
#include "base/siphash.h"
#include "base/writer.h"
#include "stack/frame.h"

enum { ROOM_ALIGNMENT = 64 };

static const uint64_t magic = UINT64_C(0x6573746162303101);

static uint64_t aligned(uint64_t n)
{
    return (n + ROOM_ALIGNMENT - 1) & ~(uint64_t)(ROOM_ALIGNMENT - 1);
}

/* Where the parts of a room are, from its beginning. */
struct places {
    uint64_t neighbours, udp, tcp, reassemblies;
};

/* struct estab_stack, neighbours, then udp, tcp and reassemblies with their pools, each aligned. */
static uint64_t layout(const struct estab_config *c, struct places *p)
{
    uint64_t at = aligned(sizeof(struct estab_stack));

    p->neighbours = at;
    at += aligned((uint64_t)c->neighbours * sizeof(struct neighbour));
    p->udp = at;
    at += udp_layout(NULL, c);
    p->tcp = at;
    at += aligned(tcp_layout(NULL, c));
    p->reassemblies = at;
    return at + reassembly_layout(NULL, c);
}

/* RFC 4861 section 10: REACHABLE_TIME, made different for each host; RFC 4862 section 5.4.2: how long
 * the first question about an address waits, lest all ask at once. */
enum { REACHABLE_LEAST_MS = 15000, REACHABLE_SPREAD_MS = 30000, FIRST_QUESTION_MS = 1000 };

/* A number that is the same for this stack at each time, and another one for another. */
static uint32_t scatter(const struct estab_config *config, uint32_t what)
{
    uint8_t text[8] = {'s', 'c', 'a', 't'};

    writer_store32(text + 4, what);
    return (uint32_t)siphash24(config->hash_key, text, sizeof text);
}

uint64_t estab_unpredictable(estab_stack *s)
{
    uint8_t text[12] = {'d', 'r', 'a', 'w'};

    writer_store32(text + 4, (uint32_t)(s->drawn >> 32));
    writer_store32(text + 8, (uint32_t)s->drawn++);
    return siphash24(stack_tcp(s)->config.isn_key, text, sizeof text);
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
    s->reassemblies_at = places.reassemblies;
    s->ip.neighbours_at = places.neighbours - offsetof(struct estab_stack, ip);
    s->ip.neighbour_count = config->neighbours;
    reassembly_init(stack_reassemblies(s), config);
    udp_init(stack_udp(s), config);
    s->ip.dad_transmits = config->dad_transmits;
    s->ip.reachable_ms = REACHABLE_LEAST_MS + scatter(config, 0) % REACHABLE_SPREAD_MS;
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
    if (s->tcp_at != places.tcp || s->udp_at != places.udp ||
        s->reassemblies_at != places.reassemblies || s->ip.neighbour_count != c->neighbours ||
        s->ip.neighbours_at != places.neighbours - offsetof(struct estab_stack, ip))
        return NULL;
    if (!reassembly_holds(stack_reassemblies(s), c) || s->ip.interface_count > ESTAB_INTERFACES_MAX || s->ip.route_count > ESTAB_ROUTES_MAX ||
        s->ip.address_count > ESTAB_ADDRESSES_MAX)
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

/* ---- secrets ---------------------------------------------------------------------------------------- */

estab_time estab_keys_due(const estab_stack *s)
{
    return keys_due(stack_tcp(s));
}

enum estab_error estab_keys_change(estab_stack *s, const uint8_t isn_key[16], const uint8_t hash_key[16],
                                   estab_time now)
{
    return keys_change(stack_tcp(s), isn_key, hash_key, stack_now(s, now));
}

/* ---- interfaces and routes ---------------------------------------------------------------------- */

/* Whether an address of ours can be that, and its prefix so long. */
static bool address_holds(const struct estab_addr *a, unsigned prefix_length)
{
    return prefix_length <= (addr_is_ipv4(a) ? 32u : 128u) && !addr_is_unspecified(a) &&
           !addr_is_multicast(a) && (addr_is_ipv4(a) || !addr_is_loopback(a));
}

/* An interface that will have an IPv4 address later. */
static bool waits_for_address(const struct estab_interface *i)
{
    return i->link == ESTAB_LINK_ETHERNET && addr_is_ipv4(&i->address) &&
           addr_is_unspecified(&i->address) && i->prefix_length == 0;
}

static bool interface_holds(const struct estab_interface *i)
{
    return i->size == sizeof *i && i->link <= ESTAB_LINK_IP &&
           (waits_for_address(i) || address_holds(&i->address, i->prefix_length)) &&
           i->mtu >= (addr_is_ipv4(&i->address) ? 576 : IPV6_MTU_MIN) && i->mtu <= 65535 &&
           (i->super_segment == 0 || i->checksum_offload);
}

estab_time stack_first_question(unsigned interface, const struct estab_stack *s)
{
    return scatter(&stack_tcp(s)->config, 1 + interface) % FIRST_QUESTION_MS * ESTAB_MS;
}

int stack_address_new(struct estab_stack *s, unsigned interface, const struct estab_addr *address,
                      unsigned prefix_length)
{
    struct tcp *t = stack_tcp(s);
    const struct estab_interface *i = &s->ip.interfaces[interface];
    int n = ip_address_new(&s->ip, interface, address, prefix_length);
    bool four = addr_is_ipv4(address);

    if (n < 0)
        return n;
    t->locals[n] = (struct tcp_local){
        .address = *address,
        .super_segment = i->super_segment,
        .mtu = (uint16_t)ip_mtu(&s->ip, interface, !four),
        .used = 1,
        .ip_header = four ? IPV4_HEADER_MIN : IPV6_HEADER,
    };
    if (!four) {
        estab_time wait = stack_first_question(interface, s);

        mld_begin(&s->ip, (unsigned)n, wait, t->last);
        dad_begin(&s->ip, (unsigned)n, wait, t->last);
    }
    return n;
}

/* An address, and the route to its prefix. */
static enum estab_error address_new(struct estab_stack *s, unsigned interface,
                                    const struct estab_addr *address, unsigned prefix_length)
{
    struct ip_route route = {.prefix = *address,
                             .prefix_length = (uint8_t)prefix_length,
                             .interface = (uint8_t)interface};
    int n = ip_address_again(&s->ip, interface, address, prefix_length);

    if (ip_local_on(&s->ip, address, interface) >= 0 && n < 0)
        return ESTAB_EXISTS;
    if (n < 0 && s->ip.address_count == ESTAB_ADDRESSES_MAX)
        return ESTAB_NO_RESOURCES;
    if (!ip_route_add(&s->ip, &route))
        return ESTAB_NO_RESOURCES;
    if (n < 0)
        (void)stack_address_new(s, interface, address, prefix_length);
    return ESTAB_OK;
}

/* RFC 4862 section 5.3: IPv6 begins with the link-local address. */
static enum estab_error link_local_new(struct estab_stack *s, unsigned interface)
{
    const struct estab_interface *i = &s->ip.interfaces[interface];
    struct estab_addr address = addr_of_station(i->mac);

    if (i->link != ESTAB_LINK_ETHERNET || ip_local_on(&s->ip, &address, interface) >= 0)
        return ESTAB_OK;
    return address_new(s, interface, &address, 64);
}

int estab_interface_add(estab_stack *s, const struct estab_interface *given)
{
    static const struct estab_addr none;
    struct estab_interface own = *given, *i = &own;
    uint32_t n = s->ip.interface_count, left = ESTAB_ADDRESSES_MAX - s->ip.address_count;

    if (addr_equal(&own.address, &none) && own.link == ESTAB_LINK_ETHERNET) {
        own.address = addr_of_station(own.mac);
        own.prefix_length = 64;
    }
    if (n == ESTAB_INTERFACES_MAX || left < 2 || s->ip.route_count + 2 > ESTAB_ROUTES_MAX ||
        !interface_holds(i) || ip_local_on(&s->ip, &i->address, n) >= 0)
        return -1;
    s->ip.interfaces[n] = *i;
    s->ip.interface_count++;
    if (waits_for_address(i))
        return (int)n;
    if (address_new(s, n, &i->address, i->prefix_length) != ESTAB_OK ||
        (!addr_is_ipv4(&i->address) && link_local_new(s, n) != ESTAB_OK))
        return -1; /* there was room */
    return (int)n;
}

/* The IPv4 address of an interface that waits for it: looked for with ARP first, where there is any. */
static enum estab_error address4_add(struct estab_stack *s, unsigned interface,
                                     const struct estab_addr *address, unsigned prefix_length,
                                     estab_time now)
{
    enum estab_error error;
    int n;

    if (!waits_for_address(&s->ip.interfaces[interface]))
        return addr_is_ipv4(&s->ip.interfaces[interface].address) ? ESTAB_EXISTS : ESTAB_INVALID;
    if (!address_holds(address, prefix_length) || prefix_length == 0)
        return ESTAB_INVALID;
    error = address_new(s, interface, address, prefix_length);
    if (error != ESTAB_OK)
        return error;
    n = ip_local_on(&s->ip, address, interface);
    dad_begin(&s->ip, (unsigned)n, 0, now);
    if (s->ip.addresses[n].state == ESTAB_ADDRESS_PREFERRED)
        dad_take(&s->ip, &s->ip.addresses[n]);
    return ESTAB_OK;
}

enum estab_error estab_address_remove(estab_stack *s, int interface, struct estab_addr address,
                                      estab_time now)
{
    struct estab_interface *i;
    struct ip_address *a;
    int n;

    (void)stack_now(s, now);
    if (interface < 0 || (uint32_t)interface >= s->ip.interface_count || !addr_is_ipv4(&address))
        return ESTAB_INVALID;
    i = &s->ip.interfaces[interface];
    n = ip_local_on(&s->ip, &address, (unsigned)interface);
    if (n < 0)
        return ESTAB_INVALID;
    a = &s->ip.addresses[n];
    if (a->interface != (unsigned)interface || i->link != ESTAB_LINK_ETHERNET)
        return ESTAB_INVALID;
    a->state = ESTAB_ADDRESS_REMOVED;
    ip_route_forget(&s->ip, &address, a->prefix_length, (unsigned)interface);
    if (addr_equal(&i->address, &address)) {
        i->address = estab_ipv4(0, 0, 0, 0);
        i->prefix_length = 0;
    }
    stack_unblock(s); /* what waited for it will not go */
    return ESTAB_OK;
}

enum estab_error estab_address_add(estab_stack *s, int interface, struct estab_addr address,
                                   uint8_t prefix_length, estab_time now)
{
    enum estab_error error;

    now = stack_now(s, now);
    if (interface < 0 || (uint32_t)interface >= s->ip.interface_count)
        return ESTAB_INVALID;
    if (addr_is_ipv4(&address))
        return address4_add(s, (unsigned)interface, &address, prefix_length, now);
    if (s->ip.interfaces[interface].mtu < IPV6_MTU_MIN)
        return ESTAB_INVALID;
    if (!addr_is_unspecified(&address) && !address_holds(&address, prefix_length))
        return ESTAB_INVALID;
    error = link_local_new(s, (unsigned)interface);
    if (error != ESTAB_OK || addr_is_unspecified(&address))
        return error;
    return address_new(s, (unsigned)interface, &address, prefix_length);
}

bool estab_address_next(const estab_stack *s, uint32_t *cursor, struct estab_address *out)
{
    const struct ip_address *a = &s->ip.addresses[*cursor];

    if (*cursor >= s->ip.address_count)
        return false;
    *out = (struct estab_address){.size = sizeof *out,
                                  .address = a->address,
                                  .prefix_length = a->prefix_length,
                                  .interface = a->interface,
                                  .state = (enum estab_address_state)a->state,
                                  .preferred_until = a->by_router ? a->preferred_until : ESTAB_NEVER,
                                  .valid_until = a->by_router ? a->valid_until : ESTAB_NEVER};
    (*cursor)++;
    return true;
}

/* One that is looked for on the link first announces itself when it is ours. */
static bool may_announce(const struct estab_stack *s, uint32_t local)
{
    const struct ip_address *a = &s->ip.addresses[local];

    return !addr_is_ipv4(&a->address) && a->state == ESTAB_ADDRESS_PREFERRED &&
           s->ip.interfaces[a->interface].link == ESTAB_LINK_ETHERNET;
}

enum estab_error estab_interface_announce(estab_stack *s, int interface)
{
    if (interface < 0 || (uint32_t)interface >= s->ip.interface_count)
        return ESTAB_INVALID;
    if (s->ip.interfaces[interface].link == ESTAB_LINK_ETHERNET &&
        addr_is_ipv4(&s->ip.interfaces[interface].address) &&
        !waits_for_address(&s->ip.interfaces[interface]))
        neighbour_announce(&s->ip, (unsigned)interface);
    for (uint32_t i = 0; i < s->ip.address_count; i++)
        if (s->ip.addresses[i].interface == (unsigned)interface && may_announce(s, i))
            ndp_announce(&s->ip, i);
    return ESTAB_OK;
}

enum estab_error estab_route_add(estab_stack *s, struct estab_addr prefix, uint8_t prefix_length,
                                 struct estab_addr gateway, uint8_t interface)
{
    struct ip_route route = {.prefix = prefix,
                             .gateway = gateway,
                             .prefix_length = prefix_length,
                             .interface = interface};

    if (interface >= s->ip.interface_count ||
        prefix_length > (addr_is_ipv4(&prefix) ? 32 : 128))
        return ESTAB_INVALID;
    if (!addr_is_unspecified(&gateway) && addr_is_ipv4(&gateway) != addr_is_ipv4(&prefix))
        return ESTAB_INVALID;
    return ip_route_add(&s->ip, &route) ? ESTAB_OK : ESTAB_NO_RESOURCES;
}

/* ---- deadlines ------------------------------------------------------------------------------------ */

estab_time estab_deadline(const estab_stack *s)
{
    estab_time tcp = tcp_deadline(stack_tcp(s)), ip = neighbour_deadline(&s->ip);
    estab_time dad = dad_deadline(&s->ip), parts = reassembly_deadline(stack_reassemblies(s));
    estab_time mld = mld_deadline(&s->ip);

    ip = dad < ip ? dad : ip;
    ip = mld < ip ? mld : ip;
    ip = parts < ip ? parts : ip;
    if (s->ip.any_autoconfigures) {
        estab_time router = router_deadline(&s->ip), slaac = slaac_deadline(&s->ip);

        ip = router < ip ? router : ip;
        ip = slaac < ip ? slaac : ip;
    }
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
    bool changed;

    now = stack_now(s, now);
    changed = neighbour_expire(&s->ip, now);
    mld_expire(&s->ip, now); /* a switch is to know whom it passes the next questions to */
    changed |= dad_expire(&s->ip, now);
    changed |= router_expire(&s->ip, now);
    changed |= slaac_expire(&s->ip, now);
    if (changed)
        stack_unblock(s);
    stack_fragments_expire(s, now);
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
