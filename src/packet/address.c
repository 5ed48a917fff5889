/* SPDX-License-Identifier: MIT */
/* address.c - prefixes, groups, and the addresses that follow from others. */
#include "packet/address.h"

bool addr_is_loopback(const struct estab_addr *a)
{
    static const struct estab_addr one = {{[15] = 1}};

    return addr_equal(a, &one) || (addr_is_ipv4(a) && a->b[12] == 127);
}

unsigned addr_common_bits(const struct estab_addr *a, const struct estab_addr *b)
{
    unsigned first = addr_is_ipv4(a) ? 12 : 0, i = first, bits;

    if (addr_is_ipv4(a) != addr_is_ipv4(b))
        return 0;
    while (i < 16 && a->b[i] == b->b[i])
        i++;
    bits = (i - first) * 8;
    for (unsigned differ = i < 16 ? a->b[i] ^ b->b[i] : 0x100; !(differ & 0x180); differ <<= 1)
        bits++;
    return bits;
}

bool addr_in_prefix(const struct estab_addr *a, const struct estab_addr *prefix, unsigned length)
{
    bool four = addr_is_ipv4(a);

    return four == addr_is_ipv4(prefix) && length <= (four ? 32u : 128u) &&
           addr_common_bits(a, prefix) >= length;
}

bool addr_is_broadcast(const struct estab_addr *a, const struct estab_addr *own, unsigned length)
{
    static const uint8_t ones[4] = {0xff, 0xff, 0xff, 0xff};
    uint32_t host = length >= 32 ? 0 : UINT32_MAX >> length;
    uint32_t v = (uint32_t)a->b[12] << 24 | (uint32_t)a->b[13] << 16 | (uint32_t)a->b[14] << 8 |
                 a->b[15];

    if (!addr_is_ipv4(a))
        return false;
    if (memcmp(a->b + 12, ones, 4) == 0)
        return true;
    /* A prefix of 31 or 32 bits has no broadcast address (RFC 3021). */
    return length < 31 && addr_in_prefix(a, own, length) && (v & host) == host;
}

struct estab_addr addr_solicited_node(const struct estab_addr *a)
{
    struct estab_addr group = {{0xff, 0x02, [11] = 1, [12] = 0xff}};

    memcpy(group.b + 13, a->b + 13, 3);
    return group;
}

void addr_group_mac(const struct estab_addr *group, uint8_t mac[6])
{
    mac[0] = mac[1] = 0x33;
    memcpy(mac + 2, group->b + 12, 4);
}

struct estab_addr addr_of_station(const uint8_t mac[6])
{
    struct estab_addr a = {{0xfe, 0x80, [11] = 0xff, [12] = 0xfe}};

    memcpy(a.b + 8, mac, 3);
    memcpy(a.b + 13, mac + 3, 3);
    a.b[8] ^= 2; /* the universal/local bit, the other way round */
    return a;
}
