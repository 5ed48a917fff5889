/* SPDX-License-Identifier: MIT */
#include "support/frame_check.h"

#include "packet/address.h"

#include <string.h>

enum { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16, URG = 32 };

static uint32_t load16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t load32(const uint8_t *p)
{
    return load16(p) << 16 | load16(p + 2);
}

static uint32_t sum(uint32_t s, const uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        s += i % 2 ? p[i] : (uint32_t)p[i] << 8;
        s = (s & 0xffff) + (s >> 16);
    }
    return s;
}

/* The TCP or ICMP header and what follows. */
struct rest {
    uint8_t *p;
    uint32_t n;
};

static const char *flatten(const struct estab_frame *f, uint8_t *flat)
{
    uint32_t n = f->head_length;
    if (n > ESTAB_HEAD_MAX || f->parts > ESTAB_PARTS_MAX)
        return "too long a head, or too many parts";
    memcpy(flat, f->head, n);
    for (unsigned i = 0; i < f->parts; i++) {
        if (f->part[i].length == 0 || n + f->part[i].length > FRAME_CHECK_ROOM)
            return "an empty part, or too long a frame";
        memcpy(flat + n, f->part[i].base, f->part[i].length);
        n += f->part[i].length;
    }
    return n == f->length ? NULL : "the parts are not as long as the frame";
}

static struct estab_addr address(const uint8_t *p)
{
    return estab_ipv4(p[0], p[1], p[2], p[3]);
}

static struct estab_addr address6(const uint8_t *p)
{
    struct estab_addr a;
    memcpy(a.b, p, 16);
    return a;
}

/* What the addresses of an IP header, of either family, add to a checksum, and the protocol and length. */
static uint32_t pseudo_of(const uint8_t *ip, uint32_t protocol, uint32_t n)
{
    return ip[0] >> 4 == 6 ? sum(protocol + n, ip + 8, 32) : sum(protocol + n, ip + 12, 8);
}

static const char *check_arp(const uint8_t *p, uint32_t n, struct frame_seen *seen)
{
    if (n != 28 || load32(p) != 0x00010800 || load16(p + 4) != 0x0604)
        return "a malformed ARP packet";
    if (load16(p + 6) != 1 && load16(p + 6) != 2)
        return "an unknown ARP operation";
    seen->src.addr = address(p + 14);
    seen->dst.addr = address(p + 24);
    return NULL;
}

static const char *check_options(const uint8_t *p, uint32_t n, struct frame_seen *seen)
{
    while (n > 0 && *p != 0) {
        uint32_t length = *p == 1 ? 1 : n < 2 ? 0 : p[1];
        if (length == 0 || length > n || (*p != 1 && length < 2))
            return "a TCP option of illegal length";
        seen->has_mss |= *p == 2 && length == 4;
        seen->has_wscale |= *p == 3 && length == 3 && p[2] <= 14;
        if (*p == 8 && length == 10) {
            seen->has_timestamps = true;
            seen->tsval = load32(p + 2);
        }
        if ((*p == 2 || *p == 3 || *p == 4) && !(seen->flags & SYN))
            return "an option that belongs on a SYN";
        if (*p == 5 && (length < 10 || length > 34 || length % 8 != 2 || !(seen->flags & ACK)))
            return "a SACK option that cannot be";
        for (uint32_t i = 2; *p == 5 && i < length; i += 8)
            if ((int32_t)(load32(p + i) - load32(p + i + 4)) >= 0)
                return "a SACK block without a number";
        p += length;
        n -= length;
    }
    return NULL;
}

static const char *check_flags(const struct frame_seen *seen)
{
    unsigned f = seen->flags;
    if (!!(f & SYN) + !!(f & RST) + !!(f & FIN) > 1)
        return "two of SYN, RST and FIN";
    if (!(f & (ACK | SYN | RST)))
        return "neither ACK, SYN nor RST";
    if ((f & (SYN | RST)) && seen->length > 0)
        return "text on a SYN or RST";
    /* RFC 3168 section 6.1.1: who is asked grants with ECE alone, and nobody here asks. */
    if ((f & 0xc0) && ((f & RST) || ((f & SYN) && (f & (0xc0 | ACK)) != (0x40 | ACK))))
        return "bits of ECN where they cannot be";
    return NULL;
}

static const char *check_tcp(const struct estab_frame *f, struct rest r, const uint8_t *ip,
                             struct frame_seen *seen)
{
    uint32_t pseudo = pseudo_of(ip, 6, r.n), header = r.n < 20 ? 0 : (r.p[12] >> 4) * 4u;
    const char *fault;
    if (header < 20 || header > r.n)
        return "a TCP header of illegal length";
    if (f->checksum == ESTAB_CHECKSUM_FINISH) {
        if (seen->flat + f->checksum_start != r.p || f->checksum_offset != 16)
            return "the checksum is to be stored in a wrong place";
        if (load16(r.p + 16) % 0xffff != pseudo % 0xffff)
            return "the pseudo header's sum is wrong";
        uint32_t done = ~sum(0, r.p, r.n) & 0xffff;
        r.p[16] = (uint8_t)(done >> 8);
        r.p[17] = (uint8_t)done;
    }
    if (sum(pseudo, r.p, r.n) != 0xffff)
        return "the TCP checksum is wrong";
    seen->src.port = (uint16_t)load16(r.p);
    seen->dst.port = (uint16_t)load16(r.p + 2);
    seen->seq = load32(r.p + 4);
    seen->ack = load32(r.p + 8);
    seen->flags = r.p[13];
    seen->window = (uint16_t)load16(r.p + 14);
    seen->urgent = (uint16_t)load16(r.p + 18);
    seen->text = r.p + header;
    seen->length = r.n - header;
    if (seen->src.port == 0 || seen->dst.port == 0)
        return "a port of 0";
    if (f->segment_size && f->segment_size >= seen->length)
        return "a super-segment of one segment";
    fault = check_options(r.p + 20, header - 20, seen);
    return fault ? fault : check_flags(seen);
}

static const char *check_udp(const struct estab_frame *f, struct rest r, const uint8_t *ip,
                             struct frame_seen *seen)
{
    uint32_t pseudo = pseudo_of(ip, 17, r.n);
    if (r.n < 8 || load16(r.p + 4) != r.n)
        return "a UDP length that is not the packet's";
    if (f->checksum == ESTAB_CHECKSUM_FINISH &&
        (seen->flat + f->checksum_start != r.p || f->checksum_offset != 6 ||
         load16(r.p + 6) % 0xffff != pseudo % 0xffff))
        return "a UDP checksum that cannot be finished";
    if (f->checksum != ESTAB_CHECKSUM_FINISH && load16(r.p + 6) == 0)
        return "a datagram without a checksum";
    if (f->checksum != ESTAB_CHECKSUM_FINISH && sum(pseudo, r.p, r.n) != 0xffff)
        return "the UDP checksum is wrong";
    seen->src.port = (uint16_t)load16(r.p);
    seen->dst.port = (uint16_t)load16(r.p + 2);
    return seen->src.port == 0 || seen->dst.port == 0 ? "a port of 0" : NULL;
}

/* A part of a datagram, which only UDP sends. */
static const char *check_part(const struct rest r, uint32_t protocol, uint32_t offset, bool more,
                              struct frame_seen *seen)
{
    if (protocol != 17)
        return "a fragment of another protocol than UDP";
    if (r.n == 0 || (more && r.n % 8 != 0) || offset + r.n > 65535 || (offset == 0 && !more))
        return "a fragment of a length that cannot be";
    if (offset == 0 && (r.n < 8 || load16(r.p + 4) <= r.n || load16(r.p + 6) == 0))
        return "a first fragment that says of no more than itself, or has no checksum";
    seen->protocol = 17;
    return NULL;
}

static const char *check_ipv4(const struct estab_frame *f, uint8_t *p, uint32_t n,
                              struct frame_seen *seen)
{
    if (n < 20 || p[0] != 0x45 || load16(p + 2) != n)
        return "a malformed IPv4 header";
    if (sum(0, p, 20) != 0xffff)
        return "the IPv4 checksum is wrong";
    if (p[8] == 0)
        return "no hops to live";
    seen->protocol = p[9];
    seen->src.addr = address(p + 12);
    seen->dst.addr = address(p + 16);
    if (load16(p + 6) & 0xbfff)
        return load16(p + 6) & 0xc000 ? "a fragment that may not be one"
                                      : check_part((struct rest){p + 20, n - 20}, p[9],
                                                   (load16(p + 6) & 0x1fff) * 8, p[6] & 0x20, seen);
    if (p[9] == 6)
        return check_tcp(f, (struct rest){p + 20, n - 20}, p, seen);
    if (p[9] == 17)
        return check_udp(f, (struct rest){p + 20, n - 20}, p, seen);
    if (p[9] != 1 || n < 28)
        return "none of TCP, UDP and ICMP";
    return sum(0, p + 20, n - 20) == 0xffff ? NULL : "the ICMP checksum is wrong";
}

static bool is_group(const uint8_t *address)
{
    return address[0] == 0xff;
}

/* Neighbour discovery: RFC 4861 section 4. */
static const char *check_ndp(const uint8_t *ip, struct rest r)
{
    struct estab_addr from = address6(ip + 8);
    bool nobody = addr_is_unspecified(&from);
    uint32_t option = r.p[0] == 133 ? 8 : 24;
    if (r.p[0] == 134 || r.p[0] == 137)
        return "a host does not route";
    if (ip[7] != 255 || (r.n != option && r.n != option + 8))
        return "a message of neighbour discovery of a wrong length or hop limit";
    if (nobody != (r.n == option) || (nobody && r.p[0] != 135))
        return "a station is named from no address, or not named from one";
    return r.n > option && (r.p[option] != (r.p[0] == 136 ? 2 : 1) || r.p[option + 1] != 1)
               ? "an option of a wrong kind"
               : NULL;
}

static const char *check_icmp6(const uint8_t *ip, struct rest r)
{
    uint8_t type = r.n < 8 ? 0 : r.p[0];
    if (r.n < 8 || sum(pseudo_of(ip, 58, r.n), r.p, r.n) != 0xffff)
        return "an ICMPv6 message is short, or its checksum wrong";
    if (type < 128 && (type < 1 || type > 4 || r.n + 40 > 1280 || is_group(ip + 24)))
        return "an ICMPv6 error that nobody may send";
    if (type >= 133 && type <= 137)
        return check_ndp(ip, r);
    return type < 128 || type == 129 ? NULL : "an ICMPv6 message of a kind that we do not send";
}

/* The one packet that we send with a hop-by-hop header: a report of MLD. */
static const char *check_report(const uint8_t *ip, struct rest r)
{
    if (r.n < 8 + 24 || memcmp(r.p, "\72\0\5\2\0\0\1\0", 8) != 0 || ip[7] != 1 || !is_group(ip + 24))
        return "a hop-by-hop header of another kind than MLD's";
    r = (struct rest){r.p + 8, r.n - 8};
    if ((r.p[0] != 143 || r.n != 28) && (r.p[0] != 131 || r.n != 24))
        return "no report of MLD";
    return sum(pseudo_of(ip, 58, r.n), r.p, r.n) == 0xffff ? NULL : "the checksum of a report is wrong";
}

static const char *check_ipv6(const struct estab_frame *f, uint8_t *p, uint32_t n,
                              struct frame_seen *seen)
{
    struct rest r = {p + 40, n - 40};
    if (n < 40 || load16(p + 4) != n - 40 || p[7] == 0 || is_group(p + 8))
        return "a malformed IPv6 header";
    seen->protocol = p[6];
    seen->src.addr = address6(p + 8);
    seen->dst.addr = address6(p + 24);
    switch (p[6]) {
    case 0:
        return check_report(p, r);
    case 6:
        return check_tcp(f, r, p, seen);
    case 17:
        return check_udp(f, r, p, seen);
    case 44:
        return r.n < 8 || r.p[1] != 0 || (r.p[3] & 6)
                   ? "a malformed fragment header"
                   : check_part((struct rest){r.p + 8, r.n - 8}, r.p[0], load16(r.p + 2) & 0xfff8, r.p[3] & 1,
                                seen);
    case 58:
        return check_icmp6(p, r);
    default:
        return "none of TCP, UDP and ICMPv6";
    }
}

const char *frame_check(const struct estab_frame *f, struct frame_seen *seen)
{
    const char *fault = flatten(f, seen->flat);
    uint32_t link = f->link == ESTAB_LINK_ETHERNET ? 14 : 0;
    memset((uint8_t *)seen + sizeof seen->flat, 0, sizeof *seen - sizeof seen->flat);
    if (fault)
        return fault;
    if (f->length < link + 20)
        return "a short frame";
    if (link && load16(seen->flat + 12) == 0x0806)
        return check_arp(seen->flat + link, f->length - link, seen);
    if (link && load16(seen->flat + 12) != (seen->flat[link] >> 4 == 6 ? 0x86dd : 0x0800))
        return "an unknown EtherType";
    if (seen->flat[link] >> 4 == 6)
        return check_ipv6(f, seen->flat + link, f->length - link, seen);
    return check_ipv4(f, seen->flat + link, f->length - link, seen);
}
