/* SPDX-License-Identifier: MIT */
/*
 * address.h - what an address says by itself (RFC 1122 section 3.2.1.3, RFC 4291 section 2).  IPv4 is
 * held in its mapped form, so that no IPv6 address of the wire may have that form: input refuses it.
 */
#ifndef PACKET_ADDRESS_H
#define PACKET_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "estab.h"

static inline bool addr_equal(const struct estab_addr *a, const struct estab_addr *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static inline bool addr_is_ipv4(const struct estab_addr *a)
{
    static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

    return memcmp(a->b, prefix, sizeof prefix) == 0;
}

/* The unspecified address of either family. */
static inline bool addr_is_unspecified(const struct estab_addr *a)
{
    static const struct estab_addr none;

    return addr_equal(a, &none) || (addr_is_ipv4(a) && memcmp(a->b + 12, none.b, 4) == 0);
}

/* Not of one host: IPv4's classes D and E, IPv6's ff00::/8. */
static inline bool addr_is_multicast(const struct estab_addr *a)
{
    return addr_is_ipv4(a) ? a->b[12] >= 224 : a->b[0] == 0xff;
}

/* fe80::/10: it means one host on a link, and another one on the next. */
static inline bool addr_is_link_local(const struct estab_addr *a)
{
    return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

/* 127.0.0.0/8, ::1: it never leaves its host. */
bool addr_is_loopback(const struct estab_addr *a);
/* Whether both are of one family, and their first `length` bits agree. */
bool addr_in_prefix(const struct estab_addr *a, const struct estab_addr *prefix, unsigned length);
/* How many bits two addresses of one family have in common from the left. */
unsigned addr_common_bits(const struct estab_addr *a, const struct estab_addr *b);
/* Whether `a` is IPv4's all ones, or the broadcast address of the prefix. */
bool addr_is_broadcast(const struct estab_addr *a, const struct estab_addr *own, unsigned length);

/* The group to which an address's neighbours put their questions (RFC 4291 section 2.7.1). */
struct estab_addr addr_solicited_node(const struct estab_addr *a);
/* The Ethernet address of an IPv6 group (RFC 2464 section 7). */
void addr_group_mac(const struct estab_addr *group, uint8_t mac[6]);
/* The link-local address of a station (RFC 2464 sections 4 and 5). */
struct estab_addr addr_of_station(const uint8_t mac[6]);

#endif
