/* SPDX-License-Identifier: MIT */
/*
 * ipv6.h - the IPv6 header (RFC 8200 section 3) and the headers behind it (section 4), read into values
 * and written from them.
 *
 *      +--------+-----------+---------+-----+--------------------+
 *      |  IPv6  | hop-by-hop| routing | ... | TCP, ICMPv6, ...   |
 *      +--------+-----------+---------+-----+--------------------+
 *      p        p + 40      \________________/
 *                            at most IPV6_EXTENSIONS_MAX of them
 *
 * We send no extension header but that of fragments.  Of those that come the chain is walked once, forward only: each is at
 * least 8 bytes and has to end before the packet does, so that no chain can make a loop.
 */
#ifndef PACKET_IPV6_H
#define PACKET_IPV6_H

#include <stddef.h>

#include "base/trace.h"
#include "packet/address.h"

#define IPV6_HEADER  40
#define IPV6_MTU_MIN 1280

enum {
    PROTO_HOP_BY_HOP = 0,
    PROTO_ROUTING = 43,
    PROTO_FRAGMENT = 44,
    PROTO_ICMP6 = 58,
    PROTO_NONE = 59, /* no next header */
    PROTO_DESTINATION = 60,
};

/* RFC 8504 section 5.3 lets a host set a limit. */
enum { IPV6_EXTENSIONS_MAX = 8 };

struct ipv6_header {
    struct estab_addr src, dst;
    uint32_t flow;           /* 20 bits */
    uint16_t payload_length; /* of what follows the header */
    uint8_t diffserv, next, hop_limit;
};

/* Reads the header at `p`, of which `n` bytes came: NONE, IP6_HEADER, IP6_LENGTH, IP6_MAPPED. */
enum reason ipv6_parse(const uint8_t *p, size_t n, struct ipv6_header *h);
void ipv6_write(uint8_t p[IPV6_HEADER], const struct ipv6_header *h);

struct ipv6_fragment {
    uint32_t id;
    uint16_t offset; /* bytes */
    bool more;
};

#define IPV6_FRAGMENT_HEADER 8

/* Writes a fragment header (section 4.5) in front of what `next` names. */
void ipv6_fragment_write(uint8_t p[IPV6_FRAGMENT_HEADER], uint8_t next, const struct ipv6_fragment *f);

/* What lies between the IPv6 header and what it carries. */
struct ipv6_chain {
    uint32_t length;  /* of all of these headers, in bytes */
    uint8_t protocol; /* of what follows them */
    bool fragment;    /* the last of them is a fragment header, and what follows only a part */
    bool cut;         /* there is a fragment header, of a whole packet perhaps */
    struct ipv6_fragment part;
    /* Where it is not NONE: whether its sender is to be told, what (enum icmp6_parameter), and the
     * octet at fault, from the IPv6 header on. */
    bool tell;
    uint8_t code;
    uint32_t pointer;
};

/* Walks the headers at `p`, which begin with one of the kind `first` and of which `n` bytes lie there;
 * `group`: the packet went to several hosts.  NONE, or IP6_... of reason.def. */
enum reason ipv6_walk(const uint8_t *p, size_t n, uint8_t first, bool group, struct ipv6_chain *c);

/* The sum of the pseudo header of either family (RFC 9293 section 3.1, RFC 8200 section 8.1), for
 * checksum_add. */
uint64_t ip_pseudo(const struct estab_addr *src, const struct estab_addr *dst, uint8_t protocol,
                   uint32_t length);

#endif
