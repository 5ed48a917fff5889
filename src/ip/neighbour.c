/* SPDX-License-Identifier: MIT */
/*
 * neighbour.c - addresses of stations on a link, of both families in one pool; learned by ARP (RFC 826,
 * RFC 1122 section 2.3.2), and in ndp.c, which also tells of IPv6's further states.
 *
 *      FREE -> ASKED -> KNOWN -> FREE            asked once a second, three times;
 *                   \-> SILENT -> FREE           known for twenty minutes, silent for three seconds
 *
 * An address is learned from answers to our questions, from questions that are put to us, and, if it
 * was known before, from any ARP packet (RFC 826's merge).  A flood of forged ARP packets therefore
 * cannot push out what is in use: only questions of ours make new entries, and questions to us while
 * an entry is free.
 */
#include "ip/ip.h"

#define ASK_EVERY     ESTAB_SECOND
#define KNOWN_FOR     (1200 * ESTAB_SECOND)
#define SILENT_FOR    (3 * ESTAB_SECOND)

static bool neighbour_has_mac(const struct neighbour *n)
{
    return n->state == NEIGHBOUR_KNOWN || n->state >= NEIGHBOUR_STALE;
}

struct neighbour *neighbour_lookup(const struct ip *ip, const struct estab_addr *address,
                                   unsigned interface)
{
    for (uint32_t i = 0; i < ip->neighbour_count; i++) {
        struct neighbour *n = ip_neighbour(ip, i);

        if (n->state != NEIGHBOUR_FREE && n->interface == interface &&
            addr_equal(&n->address, address))
            return n;
    }
    return NULL;
}

struct neighbour *neighbour_vacate(const struct ip *ip)
{
    struct neighbour *oldest = NULL;

    for (uint32_t i = 0; i < ip->neighbour_count; i++) {
        struct neighbour *n = ip_neighbour(ip, i);

        if (n->state == NEIGHBOUR_FREE)
            return n;
        if (neighbour_has_mac(n) && (!oldest || n->deadline < oldest->deadline))
            oldest = n;
    }
    return oldest;
}

static void ask(struct ip *ip, struct neighbour *n, estab_time now)
{
    struct ip_reply *r;

    n->state = NEIGHBOUR_ASKED;
    n->tries++;
    n->deadline = now + ASK_EVERY;
    if (!addr_is_ipv4(&n->address)) {
        n->deadline = now + ndp_ask_every(ip, n->interface);
        ndp_ask(ip, n);
        return;
    }
    r = ip_reply_new(ip);
    if (!r)
        return; /* asked again in a second */
    r->operation = ARP_REQUEST;
    r->interface = n->interface;
    r->src = ip->interfaces[n->interface].address;
    r->dst = n->address;
    memset(r->mac, 0xff, sizeof r->mac);
}

/* RFC 5227 section 3: stations that knew another one here, before us, learn of the change. */
void neighbour_announce(struct ip *ip, unsigned interface)
{
    struct ip_reply *r = ip_reply_new(ip);

    if (!r)
        return;
    r->operation = ARP_REQUEST;
    r->interface = (uint8_t)interface;
    r->src = r->dst = ip->interfaces[interface].address;
    memset(r->mac, 0xff, sizeof r->mac);
}

enum neighbour_answer neighbour_find(struct ip *ip, const struct ip_path *path, uint8_t mac[6],
                                     estab_time now)
{
    struct neighbour *n;

    if (path->interface == IP_LOOPBACK || ip->interfaces[path->interface].link == ESTAB_LINK_IP)
        return ANSWER_KNOWN;
    n = neighbour_lookup(ip, &path->next_hop, path->interface);
    if (!n) {
        n = neighbour_vacate(ip);
        if (!n)
            return ANSWER_FULL;
        *n = (struct neighbour){.address = path->next_hop, .interface = path->interface};
        ask(ip, n, now);
    }
    if (neighbour_has_mac(n)) {
        memcpy(mac, n->mac, 6);
        ndp_used(n, now);
        return ANSWER_KNOWN;
    }
    return n->state == NEIGHBOUR_ASKED ? ANSWER_WAIT : ANSWER_NOBODY;
}

void neighbour_doubt(struct ip *ip, const struct ip_path *path, estab_time now)
{
    struct neighbour *n;

    if (path->interface == IP_LOOPBACK || ip->interfaces[path->interface].link == ESTAB_LINK_IP)
        return;
    n = neighbour_lookup(ip, &path->next_hop, path->interface);
    if (!n || !neighbour_has_mac(n) || n->state == NEIGHBOUR_PROBE)
        return;
    n->tries = 0;
    if (addr_is_ipv4(&n->address)) {
        ask(ip, n, now);
        return;
    }
    n->state = NEIGHBOUR_DELAY; /* which is over: the known station is asked first */
    n->deadline = now;
    (void)ndp_due(ip, n, now);
}

bool neighbour_known(const struct ip *ip, const struct ip_path *path, uint8_t mac[6])
{
    const struct neighbour *n;

    if (path->interface == IP_LOOPBACK || ip->interfaces[path->interface].link == ESTAB_LINK_IP)
        return true;
    n = neighbour_lookup(ip, &path->next_hop, path->interface);
    if (!n || !neighbour_has_mac(n))
        return false;
    memcpy(mac, n->mac, 6);
    return true;
}

static void learn(struct neighbour *n, const uint8_t mac[6], estab_time now)
{
    memcpy(n->mac, mac, 6);
    n->state = NEIGHBOUR_KNOWN;
    n->tries = 0;
    n->deadline = now + KNOWN_FOR;
}

static void answer(struct ip *ip, unsigned interface, const struct arp_packet *a)
{
    struct ip_reply *r = ip_reply_new(ip);

    if (!r)
        return;
    r->operation = ARP_REPLY;
    r->interface = (uint8_t)interface;
    r->src = a->target;
    r->dst = a->sender;
    memcpy(r->mac, a->sender_mac, 6);
}

/* RFC 5227 section 2.1.1: somebody has the address that we look for, or looks for it, too. */
static bool conflicts(struct ip *ip, unsigned interface, const struct arp_packet *a)
{
    bool probe = addr_is_unspecified(&a->sender) && a->operation == ARP_REQUEST;
    int local = ip_local_on(ip, probe ? &a->target : &a->sender, interface);

    if (local < 0 || ip->addresses[local].state != ESTAB_ADDRESS_TENTATIVE ||
        memcmp(a->sender_mac, ip->interfaces[interface].mac, 6) == 0)
        return false;
    dad_conflict(ip, (unsigned)local);
    return true;
}

enum reason neighbour_arp(struct ip *ip, unsigned interface, const uint8_t *p, size_t n,
                          bool *learned, estab_time now)
{
    struct arp_packet a;
    struct neighbour *known;
    bool ours, question;

    if (!arp_parse(p, n, &a))
        return REASON_ARP_MALFORMED;
    if (a.sender_mac[0] & 1)
        return REASON_ARP_MALFORMED; /* no station is a group */
    if (conflicts(ip, interface, &a))
        return REASON_ARP_DUPLICATE;
    if (addr_equal(&a.sender, &ip->interfaces[interface].address) && !addr_is_unspecified(&a.sender))
        return REASON_ARP_MALFORMED; /* nobody else has our address */
    ours = addr_equal(&a.target, &ip->interfaces[interface].address) && !addr_is_unspecified(&a.target);
    question = ours && a.operation == ARP_REQUEST;
    known = neighbour_lookup(ip, &a.sender, interface);
    if (!known && question && !addr_is_unspecified(&a.sender)) {
        known = neighbour_vacate(ip);
        if (known && known->state != NEIGHBOUR_FREE)
            known = NULL;
        if (known)
            *known = (struct neighbour){.address = a.sender, .interface = (uint8_t)interface};
    }
    if (question)
        answer(ip, interface, &a);
    if (known) {
        learn(known, a.sender_mac, now);
        *learned = true;
        return REASON_NONE;
    }
    if (question && addr_is_unspecified(&a.sender)) /* a probe: it says nothing of its sender */
        return REASON_NONE;
    return question ? REASON_NEIGHBOUR_TABLE_FULL : REASON_ARP_NOT_OURS;
}

estab_time neighbour_deadline(const struct ip *ip)
{
    estab_time least = ESTAB_NEVER;

    for (uint32_t i = 0; i < ip->neighbour_count; i++) {
        const struct neighbour *n = ip_neighbour(ip, i);

        if (n->state != NEIGHBOUR_FREE && n->deadline < least)
            least = n->deadline;
    }
    return least;
}

bool neighbour_expire(struct ip *ip, estab_time now)
{
    bool changed = false;

    for (uint32_t i = 0; i < ip->neighbour_count; i++) {
        struct neighbour *n = ip_neighbour(ip, i);

        if (n->state == NEIGHBOUR_FREE || n->deadline > now)
            continue;
        if (n->state == NEIGHBOUR_ASKED && n->tries < NEIGHBOUR_TRIES) {
            ask(ip, n, now);
        } else if (n->state != NEIGHBOUR_ASKED && !addr_is_ipv4(&n->address)) {
            changed |= ndp_due(ip, n, now);
        } else if (n->state == NEIGHBOUR_ASKED) {
            n->state = NEIGHBOUR_SILENT;
            n->deadline = now + SILENT_FOR;
            changed = true;
        } else {
            *n = (struct neighbour){.state = NEIGHBOUR_FREE};
        }
    }
    return changed;
}
