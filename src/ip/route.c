/* SPDX-License-Identifier: MIT */
/* route.c - which way a packet goes (RFC 1122 section 3.3.1), and whose it is (section 3.2.1.3). */
#include "ip/ip.h"

/* A link-local address is on its link, whichever other links have it, too. */
static struct ip_path path_on_link(const struct ip *ip, const struct estab_addr *dst, unsigned from)
{
    unsigned interface = ip->addresses[from].interface;

    return (struct ip_path){
        .next_hop = *dst,
        .interface = ip_local_on(ip, dst, interface) >= 0 ? IP_LOOPBACK : (uint8_t)interface,
        .found = true,
    };
}

static struct ip_path path_of(const struct estab_addr *dst, const struct ip_route *r)
{
    if (!r)
        return (struct ip_path){.found = false};
    return (struct ip_path){
        .next_hop = addr_is_unspecified(&r->gateway) ? *dst : r->gateway,
        .interface = r->interface,
        .found = true,
    };
}

/* RFC 4861 section 5.2: an on-link prefix that is longer than the best route, or a default router where
 * there is none. */
static struct ip_path path_learned(const struct ip *ip, const struct estab_addr *dst,
                                   const struct ip_route *best)
{
    const struct ip_prefix *x = router_on_link(ip, dst);
    const struct ip_router *router;

    if (x && (!best || x->length > best->prefix_length))
        return (struct ip_path){.next_hop = *dst, .interface = x->interface, .found = true};
    router = best ? NULL : router_choose(ip);
    if (router)
        return (struct ip_path){
            .next_hop = router->address, .interface = router->interface, .found = true};
    return path_of(dst, best);
}

struct ip_path ip_path_to(const struct ip *ip, const struct estab_addr *dst, int from)
{
    const struct ip_route *best = NULL;

    if (addr_is_link_local(dst) && from >= 0)
        return path_on_link(ip, dst, (unsigned)from);
    if (ip_local(ip, dst) >= 0)
        return (struct ip_path){.next_hop = *dst, .interface = IP_LOOPBACK, .found = true};
    for (uint32_t i = 0; i < ip->route_count; i++) {
        const struct ip_route *r = &ip->routes[i];

        if (addr_in_prefix(dst, &r->prefix, r->prefix_length) &&
            (!best || r->prefix_length > best->prefix_length))
            best = r;
    }
    if (ip->any_autoconfigures && !addr_is_ipv4(dst) && (!best || best->prefix_length < 128))
        return path_learned(ip, dst, best);
    return path_of(dst, best);
}

bool ip_is_broadcast(const struct ip *ip, const struct estab_addr *a, unsigned interface)
{
    const struct estab_interface *i;

    if (interface == IP_LOOPBACK)
        return false;
    i = &ip->interfaces[interface];
    return addr_is_ipv4(&i->address) && addr_is_broadcast(a, &i->address, i->prefix_length);
}

int ip_broadcast_by(const struct ip *ip, const struct estab_addr *a, unsigned wanted)
{
    for (unsigned i = 0; i < ip->interface_count; i++)
        if ((wanted == 0 || wanted == i + 1) && ip_is_broadcast(ip, a, i))
            return (int)i;
    return -1;
}

bool ip_route_add(struct ip *ip, const struct ip_route *route)
{
    if (ip->route_count == ESTAB_ROUTES_MAX)
        return false;
    ip->routes[ip->route_count] = *route;
    ip->routes[ip->route_count++].used = 1;
    return true;
}

void ip_route_forget(struct ip *ip, const struct estab_addr *address, unsigned prefix_length,
                     unsigned interface)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < ip->route_count; i++) {
        const struct ip_route *r = &ip->routes[i];
        bool own = addr_is_unspecified(&r->gateway) && r->prefix_length == prefix_length &&
                   addr_in_prefix(&r->prefix, address, prefix_length);
        bool through = !addr_is_unspecified(&r->gateway) &&
                       addr_in_prefix(&r->gateway, address, prefix_length);

        if (r->interface != interface || !(own || through))
            ip->routes[kept++] = *r;
    }
    ip->route_count = kept;
}

static bool source_possible(const struct ip *ip, const struct estab_addr *src, unsigned interface)
{
    const struct estab_interface *i;

    if (interface == IP_LOOPBACK)
        return true;
    i = &ip->interfaces[interface];
    return !addr_is_unspecified(src) && !addr_is_multicast(src) && !addr_is_loopback(src) &&
           ip_local_on(ip, src, interface) < 0 && !addr_is_broadcast(src, &i->address, i->prefix_length);
}

enum reason ip_accepts(const struct ip *ip, const struct ipv4_header *h, unsigned interface)
{
    bool broadcast = ip_is_broadcast(ip, &h->dst, interface);

    if (h->source_route)
        return REASON_IP_SOURCE_ROUTE;
    /* Who has no address yet asks all of its link for one (RFC 1122 section 3.2.1.3, case a). */
    if (!source_possible(ip, &h->src, interface) && !(broadcast && addr_is_unspecified(&h->src)))
        return REASON_IP_SOURCE;
    if (broadcast && h->protocol == PROTO_UDP)
        return REASON_NONE;
    if (ip_local(ip, &h->dst) < 0) {
        const struct estab_interface *i = &ip->interfaces[interface == IP_LOOPBACK ? 0 : interface];

        if (h->protocol == PROTO_TCP &&
            (addr_is_multicast(&h->dst) ||
             addr_is_broadcast(&h->dst, &i->address, i->prefix_length)))
            return REASON_IP_BROADCAST;
        return REASON_IP_NOT_OURS;
    }
    /* An address of ours that is not yet, or no longer, ours alone (RFC 5227 section 2.1). */
    return ip->addresses[ip_local(ip, &h->dst)].state == ESTAB_ADDRESS_PREFERRED ? REASON_NONE
                                                                                : REASON_IP_NOT_OURS;
}

/* RFC 4862 section 5.4: of a tentative address only neighbour discovery speaks, and of one that is
 * another's nobody. */
static enum reason state_accepts(const struct ip_address *a, unsigned protocol)
{
    if (ip_silent(a))
        return REASON_IP_NOT_OURS;
    return ip_speaks(a) || protocol == PROTO_ICMP6 ? REASON_NONE
                                                                         : REASON_IP6_TENTATIVE;
}

/* Who looks for a duplicate speaks from no address; who tells of one, from it, though it is ours, too. */
static bool source_of_duplicates(const struct ip *ip, const struct ipv6_header *h, unsigned protocol,
                                 unsigned interface)
{
    return protocol == PROTO_ICMP6 && interface != IP_LOOPBACK &&
           (addr_is_unspecified(&h->src) || ip_local_on(ip, &h->src, interface) >= 0);
}

enum reason ip6_accepts(const struct ip *ip, const struct ipv6_header *h, unsigned protocol,
                        unsigned interface)
{
    int local = ip_local_on(ip, &h->dst, interface);

    if (!source_possible(ip, &h->src, interface) &&
        !source_of_duplicates(ip, h, protocol, interface))
        return REASON_IP_SOURCE;
    if (local >= 0)
        return state_accepts(&ip->addresses[local], protocol);
    if (!addr_is_multicast(&h->dst))
        return REASON_IP_NOT_OURS;
    if (protocol == PROTO_TCP)
        return REASON_IP_BROADCAST;
    return protocol == PROTO_ICMP6 && ip_in_group(ip, &h->dst, interface) ? REASON_NONE
                                                                         : REASON_IP_NOT_OURS;
}
