/* SPDX-License-Identifier: MIT */
/*
 * router.c - what the routers of a link say (RFC 4861 section 6.3): which there are, which prefixes are on
 * the link, and the link's numbers.  Addresses of these prefixes are slaac.c's.
 *
 *      router_begin -- 0 to 1 s --> question, again 4 s later, again 4 s later -- any answer --> none more
 *
 * Whoever is on the link can be its router, so what is said is believed within bounds: 8 routers and 16
 * prefixes, of which new ones find no place when all are taken (an old one goes when its time is over, or
 * its router says so); an MTU between 1280 bytes and the interface's; times that make us neither deaf
 * nor loud.
 *
 * Not RFC 4861 section 6.3.4: a hop limit below our own is not believed, for with 1 we would be cut off.
 * Not RFC 4861 section 8.3: redirects change nothing.  Packets reach their destination over the router
 * that sent one, too, and of a forged one they would not.
 */
#include "ip/ip.h"

enum { QUESTIONS = 3 };                      /* MAX_RTR_SOLICITATIONS */
#define QUESTION_EVERY (4 * ESTAB_SECOND)    /* RTR_SOLICITATION_INTERVAL */

enum {
    REACHABLE_MOST_MS = 3600000, /* section 6.2.1 */
    RETRANS_LEAST_MS = 100,
    RETRANS_MOST_MS = 60000,
};

static const struct estab_addr every_router = {{0xff, 0x02, [15] = 2}};

/* ---- questions ------------------------------------------------------------------------------------- */

void router_begin(struct ip *ip, unsigned interface, estab_time wait, estab_time now)
{
    struct ip_link *l = &ip->links[interface];

    l->autoconfigures = ip->any_autoconfigures = true;
    l->solicited = 0;
    l->solicit_at = now + wait;
}

/* The link-local address of an interface; NULL: it has none, or never will. */
static const struct ip_address *link_local(const struct ip *ip, unsigned interface)
{
    for (uint32_t i = 0; i < ip->address_count; i++) {
        const struct ip_address *a = &ip->addresses[i];

        if (a->interface == interface && addr_is_link_local(&a->address) && !ip_silent(a))
            return a;
    }
    return NULL;
}

/* Section 6.3.7; from an address that is ours, so that it can name our station. */
static void ask(struct ip *ip, unsigned interface, estab_time now)
{
    struct ip_link *l = &ip->links[interface];
    const struct ip_address *from = link_local(ip, interface);
    struct ip_reply *r;

    l->solicit_at = ESTAB_NEVER;
    if (!from || l->solicited == QUESTIONS)
        return;
    if (from->state == ESTAB_ADDRESS_TENTATIVE) {
        l->solicit_at = from->deadline > now ? from->deadline + 1 : now + ESTAB_MS;
        return;
    }
    l->solicit_at = now + QUESTION_EVERY;
    r = ip_reply_new(ip);
    if (!r)
        return;
    l->solicited++;
    r->protocol = PROTO_ICMP6;
    r->type = ICMP6_ROUTER_SOLICITATION;
    r->interface = (uint8_t)interface;
    r->src = from->address;
    r->dst = every_router;
    addr_group_mac(&every_router, r->mac);
}

/* ---- answers --------------------------------------------------------------------------------------- */

static void take_numbers(struct ip *ip, unsigned interface, const struct ndp_router *m)
{
    struct ip_link *l = &ip->links[interface];

    if (m->hop_limit > l->hop_limit)
        l->hop_limit = m->hop_limit;
    if (m->reachable_ms > 0 && m->reachable_ms <= REACHABLE_MOST_MS) /* half to one and a half: section 6.3.2 */
        l->reachable_ms = m->reachable_ms / 2 + ip->reachable_ms % (m->reachable_ms + 1);
    if (m->retrans_ms >= RETRANS_LEAST_MS && m->retrans_ms <= RETRANS_MOST_MS)
        l->retrans_ms = m->retrans_ms;
    if (m->mtu >= IPV6_MTU_MIN && m->mtu <= ip->interfaces[interface].mtu)
        l->mtu = (uint16_t)m->mtu;
}

static struct ip_router *find(struct ip *ip, const struct estab_addr *address, unsigned interface)
{
    for (unsigned i = 0; i < IP_ROUTERS_MAX; i++) {
        struct ip_router *r = &ip->routers[i];

        if (r->until > 0 && r->interface == interface && addr_equal(&r->address, address))
            return r;
    }
    return NULL;
}

static struct ip_router *vacant(struct ip *ip)
{
    for (unsigned i = 0; i < IP_ROUTERS_MAX; i++)
        if (ip->routers[i].until == 0)
            return &ip->routers[i];
    return NULL;
}

enum reason router_heard(struct ip *ip, const struct ip_whence *w, const struct ndp_router *m, bool *news,
                         estab_time now)
{
    struct ip_router *r = find(ip, &w->them, w->interface);

    ip->links[w->interface].solicit_at = ESTAB_NEVER;
    take_numbers(ip, w->interface, m);
    if (m->has_mac && !(m->mac[0] & 1))
        *news |= ndp_learn(ip, w, m->mac, now);
    if (m->lifetime_s == 0) { /* it is none, or goes away */
        if (r)
            *r = (struct ip_router){.until = 0};
        *news |= r != NULL;
        return REASON_NONE;
    }
    if (!r) {
        r = vacant(ip);
        if (!r)
            return REASON_NDP_FULL;
        *news = true;
    }
    *r = (struct ip_router){
        .address = w->them, .interface = w->interface, .until = now + m->lifetime_s * ESTAB_SECOND};
    return REASON_NONE;
}

bool router_prefix(struct ip *ip, unsigned interface, const struct ndp_prefix *x, estab_time now)
{
    struct ip_prefix *place = NULL;

    for (unsigned i = 0; i < IP_PREFIXES_MAX; i++) {
        struct ip_prefix *p = &ip->prefixes[i];
        bool free = p->until == 0;

        if (!free && p->interface == interface && p->length == x->length &&
            addr_equal(&p->prefix, &x->prefix)) {
            place = p;
            break;
        }
        if (free && !place)
            place = p;
    }
    if (!place)
        return x->valid_s == 0;
    *place = (struct ip_prefix){
        .prefix = x->prefix,
        .length = x->length,
        .interface = (uint8_t)interface,
        .until = x->valid_s == 0              ? 0
                 : x->valid_s == NDP_FOR_EVER ? ESTAB_NEVER
                                              : now + x->valid_s * ESTAB_SECOND,
    };
    return true;
}

void router_gone(struct ip *ip, const struct estab_addr *address, unsigned interface)
{
    struct ip_router *r = find(ip, address, interface);

    if (r)
        *r = (struct ip_router){.until = 0};
}

/* ---- the next hop ---------------------------------------------------------------------------------- */

const struct ip_prefix *router_on_link(const struct ip *ip, const struct estab_addr *dst)
{
    const struct ip_prefix *best = NULL;

    for (unsigned i = 0; i < IP_PREFIXES_MAX; i++) {
        const struct ip_prefix *x = &ip->prefixes[i];

        if (x->until > 0 && addr_in_prefix(dst, &x->prefix, x->length) &&
            (!best || x->length > best->length))
            best = x;
    }
    return best;
}

/* Section 6.3.6: who is known before who has not been asked, and who does not answer last. */
static unsigned rank(const struct ip *ip, const struct ip_router *r)
{
    const struct neighbour *n = neighbour_lookup(ip, &r->address, r->interface);

    if (!n || n->state == NEIGHBOUR_ASKED)
        return 1;
    return n->state == NEIGHBOUR_SILENT ? 0 : 2;
}

const struct ip_router *router_choose(const struct ip *ip)
{
    const struct ip_router *best = NULL;
    unsigned best_rank = 0;

    for (unsigned i = 0; i < IP_ROUTERS_MAX; i++) {
        const struct ip_router *r = &ip->routers[i];
        unsigned this_rank = r->until > 0 ? rank(ip, r) : 0;

        if (r->until > 0 && (!best || this_rank > best_rank)) {
            best = r;
            best_rank = this_rank;
        }
    }
    return best;
}

/* ---- time ------------------------------------------------------------------------------------------ */

estab_time router_deadline(const struct ip *ip)
{
    estab_time least = ESTAB_NEVER;

    if (!ip->any_autoconfigures)
        return ESTAB_NEVER;
    for (unsigned i = 0; i < ip->interface_count; i++)
        if (ip->links[i].autoconfigures && ip->links[i].solicit_at < least)
            least = ip->links[i].solicit_at;
    for (unsigned i = 0; i < IP_ROUTERS_MAX; i++)
        if (ip->routers[i].until > 0 && ip->routers[i].until < least)
            least = ip->routers[i].until;
    for (unsigned i = 0; i < IP_PREFIXES_MAX; i++)
        if (ip->prefixes[i].until > 0 && ip->prefixes[i].until < least)
            least = ip->prefixes[i].until;
    return least;
}

bool router_expire(struct ip *ip, estab_time now)
{
    bool changed = false;

    if (!ip->any_autoconfigures)
        return false;
    for (unsigned i = 0; i < ip->interface_count; i++)
        if (ip->links[i].autoconfigures && ip->links[i].solicit_at <= now)
            ask(ip, i, now);
    for (unsigned i = 0; i < IP_ROUTERS_MAX; i++)
        if (ip->routers[i].until > 0 && ip->routers[i].until <= now) {
            ip->routers[i] = (struct ip_router){.until = 0};
            changed = true;
        }
    for (unsigned i = 0; i < IP_PREFIXES_MAX; i++)
        if (ip->prefixes[i].until > 0 && ip->prefixes[i].until <= now) {
            ip->prefixes[i] = (struct ip_prefix){.until = 0};
            changed = true;
        }
    return changed;
}
