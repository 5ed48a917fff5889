/* SPDX-License-Identifier: MIT */
/*
 * address.c - our own addresses: which there are, and which one a packet comes from.
 *
 * An interface has one IPv4 address at most, and any number of IPv6 ones up to ESTAB_ADDRESSES_MAX of
 * all together.  Places are never given to another address, for connections name them.
 */
#include "ip/ip.h"

int ip_address_new(struct ip *ip, unsigned interface, const struct estab_addr *address,
                   unsigned prefix_length)
{
    uint32_t i = ip->address_count;

    if (i == ESTAB_ADDRESSES_MAX)
        return -1;
    ip->addresses[i] = (struct ip_address){.address = *address,
                                           .prefix_length = (uint8_t)prefix_length,
                                           .interface = (uint8_t)interface,
                                           .state = ESTAB_ADDRESS_PREFERRED};
    return (int)ip->address_count++;
}

int ip_address_again(struct ip *ip, unsigned interface, const struct estab_addr *address,
                     unsigned prefix_length)
{
    for (uint32_t i = 0; i < ip->address_count; i++) {
        struct ip_address *a = &ip->addresses[i];

        if (a->state != ESTAB_ADDRESS_REMOVED || a->interface != interface ||
            !addr_equal(&a->address, address))
            continue;
        a->state = ESTAB_ADDRESS_PREFERRED;
        a->prefix_length = (uint8_t)prefix_length;
        return (int)i;
    }
    return -1;
}

int ip_local_on(const struct ip *ip, const struct estab_addr *address, unsigned interface)
{
    bool link = addr_is_link_local(address) && interface != IP_LOOPBACK;

    for (uint32_t i = 0; i < ip->address_count; i++) {
        const struct ip_address *a = &ip->addresses[i];

        if (a->state != ESTAB_ADDRESS_REMOVED && addr_equal(&a->address, address) &&
            (!link || a->interface == interface))
            return (int)i;
    }
    return -1;
}

int ip_local(const struct ip *ip, const struct estab_addr *address)
{
    return ip_local_on(ip, address, IP_LOOPBACK);
}

/* ---- which one to use ----------------------------------------------------------------------------- */

/* Whether `a` is a better source towards `dst` than `b`, by those rules of RFC 6724 section 5 that can
 * decide here: 1 the same address, 2 scope, 3 none that is deprecated, 8 the longest common prefix; before
 * 8, one that is ours already. */
static bool better(const struct ip_address *a, const struct ip_address *b, const struct estab_addr *dst)
{
    bool link = addr_is_link_local(dst);

    if (addr_equal(&a->address, dst) || addr_equal(&b->address, dst))
        return addr_equal(&a->address, dst);
    if (addr_is_link_local(&a->address) != addr_is_link_local(&b->address))
        return addr_is_link_local(&a->address) == link;
    if ((a->state == ESTAB_ADDRESS_DEPRECATED) != (b->state == ESTAB_ADDRESS_DEPRECATED))
        return b->state == ESTAB_ADDRESS_DEPRECATED;
    if ((a->state == ESTAB_ADDRESS_TENTATIVE) != (b->state == ESTAB_ADDRESS_TENTATIVE))
        return b->state == ESTAB_ADDRESS_TENTATIVE;
    return addr_common_bits(&a->address, dst) > addr_common_bits(&b->address, dst);
}

int ip_source(const struct ip *ip, const struct ip_path *path, const struct estab_addr *dst)
{
    int best = -1;

    for (uint32_t i = 0; i < ip->address_count; i++) {
        const struct ip_address *a = &ip->addresses[i];

        if (addr_is_ipv4(&a->address) != addr_is_ipv4(dst) || ip_silent(a))
            continue;
        if (path->interface != IP_LOOPBACK && a->interface != path->interface)
            continue;
        if (best < 0 || better(a, &ip->addresses[best], dst))
            best = (int)i;
    }
    return best;
}

bool ip_in_group(const struct ip *ip, const struct estab_addr *group, unsigned interface)
{
    static const struct estab_addr every_node = {{0xff, 0x02, [15] = 1}};
    bool any = false;

    for (uint32_t i = 0; i < ip->address_count; i++) {
        const struct ip_address *a = &ip->addresses[i];
        struct estab_addr asked = addr_solicited_node(&a->address);

        if (addr_is_ipv4(&a->address) || a->interface != interface)
            continue;
        any = true;
        if (addr_equal(group, &asked))
            return true;
    }
    return any && addr_equal(group, &every_node);
}
