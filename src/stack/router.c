/* SPDX-License-Identifier: MIT */
/*
 * router.c - routers' advertisements between packets and the tables of ip/: whether one may be believed
 * (RFC 4861 section 6.1.2), and the addresses that are formed of its prefixes (RFC 4862 section 5.5.3);
 * and their questions who listens to which group (RFC 3810 section 6.2).
 */
#include "packet/icmp6.h"
#include "stack/frame.h"

enum { COLLISIONS = 3 }; /* RFC 7217 section 6: IDGEN_RETRIES */

/* ---- addresses ------------------------------------------------------------------------------------- */

static unsigned formed(const struct ip *ip)
{
    unsigned n = 0;

    for (uint32_t i = 0; i < ip->address_count; i++)
        n += ip->addresses[i].by_router;
    return n;
}

/* False: there is no place for it. */
static bool form(struct estab_stack *s, unsigned interface, const struct estab_addr *prefix,
                 unsigned collisions, estab_time preferred_until, estab_time valid_until)
{
    struct estab_addr address =
        slaac_form(&s->ip, interface, prefix, collisions, stack_tcp(s)->config.isn_key);
    int n;

    if (ip_local_on(&s->ip, &address, interface) >= 0)
        return true; /* it is a duplicate, and was the last try */
    n = formed(&s->ip) < IP_ROUTER_ADDRESSES_MAX ? stack_address_new(s, interface, &address, 64) : -1;
    if (n < 0)
        return false;
    s->ip.addresses[n].by_router = true;
    s->ip.addresses[n].collisions = (uint8_t)collisions;
    s->ip.addresses[n].preferred_until = preferred_until;
    s->ip.addresses[n].valid_until = valid_until;
    return true;
}

void stack_readdress(struct estab_stack *s)
{
    for (uint32_t i = 0; i < s->ip.address_count; i++) {
        struct ip_address *a = &s->ip.addresses[i];

        if (!a->by_router || a->state != ESTAB_ADDRESS_DUPLICATE || a->replaced)
            continue;
        a->replaced = true;
        if (a->collisions < COLLISIONS)
            (void)form(s, a->interface, &a->address, a->collisions + 1u, a->preferred_until,
                       a->valid_until);
    }
}

/* ---- advertisements -------------------------------------------------------------------------------- */

static estab_time lifetime(uint32_t seconds, estab_time now)
{
    return seconds == NDP_FOR_EVER ? ESTAB_NEVER : now + seconds * ESTAB_SECOND;
}

static bool take_prefix(struct estab_stack *s, unsigned interface, const struct ndp_prefix *x,
                        estab_time now)
{
    bool taken = true, unwanted;

    if (addr_is_link_local(&x->prefix) || addr_is_multicast(&x->prefix) || addr_is_ipv4(&x->prefix) ||
        addr_is_unspecified(&x->prefix))
        return true; /* ignored: sections 6.3.4 and 5.5.3 (b) */
    if (x->on_link)
        taken = router_prefix(&s->ip, interface, x, now);
    if (x->autonomous && slaac_heard(&s->ip, interface, x, &unwanted, now) < 0 && !unwanted)
        taken &= form(s, interface, &x->prefix, 0, lifetime(x->preferred_s, now),
                      lifetime(x->valid_s, now));
    return taken;
}

/* What packets of an interface's addresses may have, now that the link has said. */
static void take_mtu(struct estab_stack *s, unsigned interface)
{
    struct tcp *t = stack_tcp(s);

    for (uint32_t i = 0; i < s->ip.address_count; i++)
        if (s->ip.addresses[i].interface == interface && !addr_is_ipv4(&s->ip.addresses[i].address))
            t->locals[i].mtu = (uint16_t)ip_mtu(&s->ip, interface, true);
}

static enum reason packet_advertisement(struct estab_stack *s, const struct packet *p, bool cut,
                                        estab_time now)
{
    struct ip_whence whence = packet_whence(p);
    struct ndp_router m;
    bool news = false;
    enum reason reason;

    if (p->hop_limit != NDP_HOP_LIMIT || cut || !addr_is_link_local(&p->src) ||
        packet_contiguous(p) < p->length ||
        !ndp_router_parse(p->first + p->at, packet_contiguous(p), &m))
        return REASON_NDP_MALFORMED;
    if (!s->ip.links[p->interface].autoconfigures)
        return REASON_NDP_ROUTER;
    if (ip_local_on(&s->ip, &p->src, p->interface) >= 0)
        return REASON_NDP_NOT_OURS;
    reason = router_heard(&s->ip, &whence, &m, &news, now);
    for (unsigned i = 0; i < m.prefixes; i++)
        if (!take_prefix(s, p->interface, &m.prefix[i], now))
            reason = REASON_NDP_FULL;
    take_mtu(s, p->interface);
    if (news || m.prefixes > 0)
        stack_unblock(s);
    return reason;
}

/* From a neighbour, and for our ears alone: it has to come in a packet that routers look at. */
static enum reason packet_query(struct estab_stack *s, const struct packet *p, bool cut, estab_time now)
{
    struct mld_query m;

    if (p->hop_limit != 1 || cut || !addr_is_link_local(&p->src) || p->headers == IPV6_HEADER ||
        packet_contiguous(p) < p->length || !mld_query_parse(p->first + p->at, packet_contiguous(p), &m))
        return REASON_MLD_MALFORMED;
    mld_query(&s->ip, p->interface, &m, now);
    return REASON_NONE;
}

enum reason packet_router(struct estab_stack *s, const struct packet *p, unsigned type, bool cut,
                          estab_time now)
{
    if (p->interface == IP_LOOPBACK || s->ip.interfaces[p->interface].link != ESTAB_LINK_ETHERNET)
        return REASON_ICMP_IGNORED; /* there are no stations */
    if (type == ICMP6_MLD_QUERY)
        return packet_query(s, p, cut, now);
    return type == ICMP6_REDIRECT ? REASON_NDP_REDIRECT : packet_advertisement(s, p, cut, now);
}

/* ---- calls ----------------------------------------------------------------------------------------- */

enum estab_error estab_autoconfigure(estab_stack *s, int interface, estab_time now)
{
    struct estab_addr none = {{0}};
    enum estab_error error;

    now = stack_now(s, now);
    if (interface < 0 || (uint32_t)interface >= s->ip.interface_count ||
        s->ip.interfaces[interface].link != ESTAB_LINK_ETHERNET)
        return ESTAB_INVALID;
    error = estab_address_add(s, interface, none, 0, now);
    if (error == ESTAB_OK)
        router_begin(&s->ip, (unsigned)interface, stack_first_question((unsigned)interface, s), now);
    return error;
}

bool estab_router_next(const estab_stack *s, uint32_t *cursor, struct estab_router *out)
{
    while (*cursor < IP_ROUTERS_MAX) {
        const struct ip_router *r = &s->ip.routers[(*cursor)++];

        if (r->until == 0)
            continue;
        *out = (struct estab_router){
            .size = sizeof *out, .address = r->address, .interface = r->interface, .until = r->until};
        return true;
    }
    return false;
}
