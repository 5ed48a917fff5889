/* SPDX-License-Identifier: MIT */
/*
 * ndp.c - neighbour discovery (RFC 4861): what ARP is to IPv4, and whether a neighbour still is there.
 *
 *      ASKED --- solicited advertisement --> KNOWN -- 15 to 45 s --> STALE -- something is sent --> DELAY
 *        |  \--- any other, or a question --> STALE                  ^                               | 5 s
 *        | 3 questions                         a new station told of |          KNOWN <-- answer -- PROBE
 *      SILENT, for three seconds                                                       3 questions: forgotten
 *
 * As with ARP only questions of ours push an entry out; who asks us is learned while a place is free.
 */
#include "ip/ip.h"

#define DELAY_FOR   (5 * ESTAB_SECOND)   /* DELAY_FIRST_PROBE_TIME */
#define STALE_FOR   (1200 * ESTAB_SECOND)

/* Of our addresses on a link one that may speak, of the target's scope if there is one; NULL: none. */
static const struct estab_addr *speaker(const struct ip *ip, const struct estab_addr *target,
                                        unsigned interface)
{
    const struct ip_address *best = NULL;

    for (uint32_t i = 0; i < ip->address_count; i++) {
        const struct ip_address *a = &ip->addresses[i];

        if (a->interface != interface || !ip_speaks(a) || addr_is_ipv4(&a->address))
            continue;
        if (!best || (addr_is_link_local(&best->address) != addr_is_link_local(target) &&
                      addr_is_link_local(&a->address) == addr_is_link_local(target)))
            best = a;
    }
    return best ? &best->address : NULL;
}

void ndp_ask(struct ip *ip, const struct neighbour *n)
{
    const struct estab_addr *from = speaker(ip, &n->address, n->interface);
    struct ip_reply *r = from ? ip_reply_new(ip) : NULL;

    if (!r)
        return; /* asked again in a second */
    r->protocol = PROTO_ICMP6;
    r->type = ICMP6_NEIGHBOUR_SOLICITATION;
    r->interface = n->interface;
    r->src = *from;
    r->target = n->address;
    r->dst = n->state == NEIGHBOUR_PROBE ? n->address : addr_solicited_node(&n->address);
    if (n->state == NEIGHBOUR_PROBE)
        memcpy(r->mac, n->mac, 6);
    else
        addr_group_mac(&r->dst, r->mac);
}

void ndp_used(struct neighbour *n, estab_time now)
{
    if (n->state != NEIGHBOUR_STALE)
        return;
    n->state = NEIGHBOUR_DELAY;
    n->deadline = now + DELAY_FOR;
}

static void stale(struct neighbour *n, estab_time now)
{
    n->state = NEIGHBOUR_STALE;
    n->tries = 0;
    n->deadline = now + STALE_FOR;
}

static void reachable(const struct ip *ip, struct neighbour *n, estab_time now)
{
    uint32_t of_link = ip->links[n->interface].reachable_ms;

    n->state = NEIGHBOUR_KNOWN;
    n->tries = 0;
    n->deadline = now + (of_link ? of_link : ip->reachable_ms) * ESTAB_MS;
}

bool ndp_due(struct ip *ip, struct neighbour *n, estab_time now)
{
    if (n->state == NEIGHBOUR_KNOWN) {
        stale(n, now);
        return false;
    }
    if (n->state == NEIGHBOUR_DELAY) {
        n->state = NEIGHBOUR_PROBE;
        n->tries = 0;
    }
    if (n->state == NEIGHBOUR_PROBE && n->tries < NEIGHBOUR_TRIES) {
        n->tries++;
        n->deadline = now + ndp_ask_every(ip, n->interface);
        ndp_ask(ip, n);
        return false;
    }
    *n = (struct neighbour){.state = NEIGHBOUR_FREE};
    return true;
}

/* ---- questions ------------------------------------------------------------------------------------- */

/* RFC 4861 section 7.2.4: to who asked, or to all if that is nobody. */
static void answer(struct ip *ip, const struct ip_whence *w, const struct ndp_neighbour *m)
{
    static const struct estab_addr every_node = {{0xff, 0x02, [15] = 1}};
    struct ip_reply *r = ip_reply_new(ip);

    if (!r)
        return;
    r->protocol = PROTO_ICMP6;
    r->type = ICMP6_NEIGHBOUR_ADVERTISEMENT;
    r->interface = w->interface;
    r->src = r->target = m->target;
    r->solicited = !addr_is_unspecified(&w->them);
    r->dst = r->solicited ? w->them : every_node;
    if (r->solicited)
        memcpy(r->mac, m->has_mac ? m->mac : w->mac, 6);
    else
        addr_group_mac(&every_node, r->mac);
}

/* Section 7.2.6: who knew another station here, before us, learns of the change. */
void ndp_announce(struct ip *ip, unsigned local)
{
    const struct ip_address *a = &ip->addresses[local];
    struct ip_reply *r = ip_reply_new(ip);

    if (!r)
        return; /* they find out by themselves, some ten seconds later */
    r->protocol = PROTO_ICMP6;
    r->type = ICMP6_NEIGHBOUR_ADVERTISEMENT;
    r->interface = a->interface;
    r->src = r->target = a->address;
    r->dst = (struct estab_addr){{0xff, 0x02, [15] = 1}};
    addr_group_mac(&r->dst, r->mac);
}

/* Section 7.2.3: what the question says of its sender. */
bool ndp_learn(const struct ip *ip, const struct ip_whence *w, const uint8_t mac[6], estab_time now)
{
    struct neighbour *n = neighbour_lookup(ip, &w->them, w->interface);
    bool waited = n && n->state == NEIGHBOUR_ASKED;

    if (!n) {
        n = neighbour_vacate(ip);
        if (!n || n->state != NEIGHBOUR_FREE)
            return false;
        *n = (struct neighbour){.address = w->them, .interface = w->interface};
    } else if (!waited && n->state != NEIGHBOUR_SILENT && memcmp(n->mac, mac, 6) == 0) {
        return false;
    }
    memcpy(n->mac, mac, 6);
    stale(n, now);
    return true;
}

static enum reason solicitation(struct ip *ip, const struct ip_whence *w,
                                const struct ndp_neighbour *m, bool *learned, estab_time now)
{
    int local = ip_local_on(ip, &m->target, w->interface);
    bool nobody = addr_is_unspecified(&w->them);

    if (local < 0 || ip_silent(&ip->addresses[local]) ||
        ip->addresses[local].interface != w->interface)
        return REASON_NDP_NOT_OURS;
    if (ip->addresses[local].state == ESTAB_ADDRESS_TENTATIVE) {
        if (!nobody)
            return REASON_IP6_TENTATIVE;
        dad_conflict(ip, (unsigned)local); /* both want it: neither gets it */
        *learned = true;
        return REASON_NDP_DUPLICATE;
    }
    answer(ip, w, m);
    if (nobody || !m->has_mac)
        return REASON_NONE;
    *learned = ndp_learn(ip, w, m->mac, now);
    return REASON_NONE;
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* Section 7.2.5, of an entry whose station is not known. */
static enum reason first_answer(struct ip *ip, struct neighbour *n, const struct ndp_neighbour *m,
                                estab_time now)
{
    if (!m->has_mac)
        return REASON_NDP_UNASKED;
    memcpy(n->mac, m->mac, 6);
    if (m->solicited)
        reachable(ip, n, now);
    else
        stale(n, now);
    return REASON_NONE;
}

static enum reason later_answer(struct ip *ip, struct neighbour *n, const struct ndp_neighbour *m,
                                estab_time now)
{
    bool other = m->has_mac && memcmp(n->mac, m->mac, 6) != 0;

    if (other && !m->override) {
        if (n->state == NEIGHBOUR_KNOWN)
            stale(n, now);
        return REASON_NDP_KEPT;
    }
    if (other)
        memcpy(n->mac, m->mac, 6);
    if (m->solicited)
        reachable(ip, n, now);
    else if (other)
        stale(n, now);
    return REASON_NONE;
}

static enum reason advertisement(struct ip *ip, const struct ip_whence *w,
                                 const struct ndp_neighbour *m, bool *learned, estab_time now)
{
    struct neighbour *n = neighbour_lookup(ip, &m->target, w->interface);
    int local = ip_local_on(ip, &m->target, w->interface);
    enum reason reason;

    if (local >= 0) {
        dad_conflict(ip, (unsigned)local);
        *learned = true;
        return REASON_NDP_DUPLICATE;
    }
    if (!n)
        return REASON_NDP_UNASKED;
    if (n->state == NEIGHBOUR_ASKED || n->state == NEIGHBOUR_SILENT)
        reason = first_answer(ip, n, m, now);
    else
        reason = later_answer(ip, n, m, now);
    if (reason == REASON_NONE && !m->router) /* section 7.2.5 */
        router_gone(ip, &m->target, w->interface);
    *learned = reason == REASON_NONE;
    return reason;
}

enum reason ndp_arrives(struct ip *ip, const struct ip_whence *w, const struct ndp_neighbour *m,
                        bool *learned, estab_time now)
{
    if (m->has_mac && (m->mac[0] & 1))
        return REASON_NDP_MALFORMED; /* no station is a group */
    if (memcmp(w->mac, ip->interfaces[w->interface].mac, 6) == 0)
        return REASON_NDP_NOT_OURS; /* our own, which a switch or a hub gave back */
    return m->advertisement ? advertisement(ip, w, m, learned, now)
                            : solicitation(ip, w, m, learned, now);
}
