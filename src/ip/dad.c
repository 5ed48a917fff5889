/* SPDX-License-Identifier: MIT */
/*
 * dad.c - duplicate address detection (RFC 4862 section 5.4, RFC 5227): an address of an Ethernet link is ours
 * once nobody has answered a question about it, by neighbour discovery or by ARP.
 *
 *      TENTATIVE -- nobody within a second of the last question --> PREFERRED
 *                \- somebody has it, or asks for it, too ---------> DUPLICATE, for good
 *
 * Connections may be opened from a tentative address; their segments wait, as for a neighbour, so that
 * nothing goes out from it.
 *
 * Not RFC 4862 5.4.5: a duplicate of the link-local address does not turn IPv6 off on the interface, only
 * that address; a MAC that is there twice is found out otherwise.
 *
 * Not RFC 5227 2.1.1: an IPv4 address has the same number of questions and the same second behind them, where
 * there would be three and two seconds more; an interface's first IPv4 address (estab_interface_add) none.
 */
#include "ip/ip.h"

#define ASK_EVERY ESTAB_SECOND /* RetransTimer */

void dad_begin(struct ip *ip, unsigned local, estab_time wait, estab_time now)
{
    struct ip_address *a = &ip->addresses[local];

    if (ip->dad_transmits == 0 || ip->interfaces[a->interface].link != ESTAB_LINK_ETHERNET)
        return;
    a->state = ESTAB_ADDRESS_TENTATIVE;
    a->asked = 0;
    a->deadline = now + wait;
}

void dad_conflict(struct ip *ip, unsigned local)
{
    if (ip->addresses[local].state == ESTAB_ADDRESS_TENTATIVE)
        ip->addresses[local].state = ESTAB_ADDRESS_DUPLICATE;
}

void dad_take(struct ip *ip, const struct ip_address *a)
{
    ip->interfaces[a->interface].address = a->address;
    ip->interfaces[a->interface].prefix_length = a->prefix_length;
    if (ip->interfaces[a->interface].link == ESTAB_LINK_ETHERNET)
        neighbour_announce(ip, a->interface);
}

/* From nobody, to all stations, or to the group of the address (section 5.4.2). */
static void ask(struct ip *ip, struct ip_address *a, estab_time now)
{
    struct ip_reply *r = ip_reply_new(ip);

    a->deadline = now + ASK_EVERY;
    if (!r)
        return; /* again in a second */
    a->asked++;
    if (addr_is_ipv4(&a->address)) { /* RFC 5227 section 1.1: an ARP probe */
        r->operation = ARP_REQUEST;
        r->interface = a->interface;
        r->src = estab_ipv4(0, 0, 0, 0);
        r->dst = a->address;
        memset(r->mac, 0xff, sizeof r->mac);
        return;
    }
    r->protocol = PROTO_ICMP6;
    r->type = ICMP6_NEIGHBOUR_SOLICITATION;
    r->interface = a->interface;
    r->target = a->address;
    r->dst = addr_solicited_node(&a->address);
    addr_group_mac(&r->dst, r->mac);
}

estab_time dad_deadline(const struct ip *ip)
{
    estab_time least = ESTAB_NEVER;

    for (uint32_t i = 0; i < ip->address_count; i++) {
        const struct ip_address *a = &ip->addresses[i];

        if (a->state == ESTAB_ADDRESS_TENTATIVE && a->deadline < least)
            least = a->deadline;
    }
    return least;
}

bool dad_expire(struct ip *ip, estab_time now)
{
    bool changed = false;

    for (uint32_t i = 0; i < ip->address_count; i++) {
        struct ip_address *a = &ip->addresses[i];

        if (a->state != ESTAB_ADDRESS_TENTATIVE || a->deadline > now)
            continue;
        if (a->asked < ip->dad_transmits) {
            ask(ip, a, now);
            continue;
        }
        a->state = ESTAB_ADDRESS_PREFERRED;
        if (addr_is_ipv4(&a->address))
            dad_take(ip, a);
        else
            ndp_announce(ip, i);
        changed = true;
    }
    return changed;
}
