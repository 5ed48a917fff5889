/* SPDX-License-Identifier: MIT */
/*
 * input6.c - IPv6 (RFC 8200): the chain of headers is walked to what the packet carries; ICMPv6
 * (RFC 4443), and what we tell the senders of packets that nobody here understands.
 */
#include "packet/icmp6.h"
#include "stack/frame.h"

/* ---- what we tell ------------------------------------------------------------------------------------ */

/* RFC 4443 section 2.4 (e): nothing about what went to a group, with two exceptions, nor to a sender
 * who is not one host. */
static bool may_tell(const struct packet *p, unsigned type, unsigned code)
{
    bool group = p->group || addr_is_multicast(&p->dst);

    if (addr_is_unspecified(&p->src) || addr_is_multicast(&p->src))
        return false;
    return !group || (type == ICMP6_PARAMETER && code == ICMP6_PARAMETER_OPTION);
}

/* Whether the payload is itself an ICMPv6 error, or can be none the less for all that we can see. */
static bool is_error(const struct packet *p)
{
    return p->protocol == PROTO_ICMP6 &&
           (packet_contiguous(p) == 0 || p->first[p->at] < ICMP6_ERRORS);
}

/* An error, with as much of the packet as goes into 1280 bytes (section 2.4 (c)). */
void packet6_tell(struct estab_stack *s, const struct packet *p, unsigned type, unsigned code,
                  uint32_t rest, estab_time now)
{
    uint32_t most = IPV6_MTU_MIN - IPV6_HEADER - ICMP6_HEADER, n = p->headers + p->length;
    struct ip_whence whence = packet_whence(p);
    struct ip_path path = {.interface = p->interface};
    int from = ip_source(&s->ip, &path, &p->src);

    if (!may_tell(p, type, code) || is_error(p) || from < 0 ||
        !ip_speaks(&s->ip.addresses[from]))
        return;
    if (addr_is_multicast(&p->dst))
        whence.us = s->ip.addresses[from].address;
    packet_reply(s, icmp_error(&s->ip, &whence, type, code, rest, now), p, p->at - p->headers,
                 n < most ? n : most);
}

void packet6_no_port(struct estab_stack *s, const struct packet *p, estab_time now)
{
    packet6_tell(s, p, ICMP6_UNREACHABLE, ICMP6_CODE_PORT, 0, now);
}

/* ---- ICMPv6 -------------------------------------------------------------------------------------------- */

/* RFC 9293 section 3.9.2.2: what ends an attempt to connect; the rest is a hint. */
static bool is_hard(unsigned type, unsigned code)
{
    return type == ICMP6_UNREACHABLE && (code == ICMP6_CODE_ADMIN || code == ICMP6_CODE_PORT);
}

/* As much of a quoted packet as is looked at: what this does not hold is of no connection. */
enum { QUOTE_MAX = 256 };

static enum reason packet_icmp6_error(struct estab_stack *s, const struct packet *p, unsigned type,
                                      unsigned code, estab_time now)
{
    uint8_t quote[QUOTE_MAX];
    const uint8_t *quoted = quote, *m = p->first + p->at;
    uint32_t n = p->length - ICMP6_HEADER;
    struct tcp_too_big big;
    struct ipv6_chain chain;
    struct ipv6_header h;
    enum reason reason;

    /* One that we have sent to ourselves has its quote in other parts. */
    n = frame_gather(p->frame, p->at + ICMP6_HEADER, n < sizeof quote ? n : sizeof quote, quote);
    reason = ipv6_parse(quote, n, &h);
    if (reason != REASON_NONE && reason != REASON_IP6_LENGTH) /* it is cut short, as a rule */
        return REASON_ICMP_MALFORMED;
    n -= IPV6_HEADER;
    quoted += IPV6_HEADER;
    if (ipv6_walk(quoted, n, h.next, false, &chain) != REASON_NONE || n - chain.length < 8)
        return REASON_ICMP_MALFORMED;
    if (chain.protocol == PROTO_UDP && chain.part.offset == 0)
        return packet_icmp_udp(s, &h.src, &h.dst, quoted + chain.length, type, code);
    if (chain.protocol != PROTO_TCP || chain.part.offset > 0)
        return REASON_ICMP_NO_CONNECTION;
    big = (struct tcp_too_big){(uint32_t)m[4] << 24 | (uint32_t)m[5] << 16 | (uint32_t)m[6] << 8 | m[7],
                               IPV6_HEADER + (uint32_t)h.payload_length};
    return packet_icmp_about(s, ip_local_on(&s->ip, &h.src, p->interface), &h.dst,
                             quoted + chain.length, is_hard(type, code),
                             type == ICMP6_TOO_BIG ? &big : NULL, now);
}

static enum reason packet_echo6(struct estab_stack *s, const struct packet *p)
{
    const uint8_t *h = p->first + p->at;
    uint32_t most = ESTAB_PARTS_MAX * stack_tcp(s)->chunks.bytes;
    uint32_t rest = (uint32_t)h[4] << 24 | (uint32_t)h[5] << 16 | (uint32_t)h[6] << 8 | h[7];
    struct ip_whence whence = packet_whence(p);

    if (h[1] != 0)
        return REASON_ICMP_MALFORMED;
    /* We do not fragment, and a frame refers to so many chunks at most.  Of echo requests to a group
     * a stranger would make more answers than questions. */
    if (p->length + IPV6_HEADER > stack_tcp(s)->locals[p->local].mtu || p->length > most ||
        addr_is_multicast(&p->dst))
        return REASON_ICMP_IGNORED;
    packet_reply(s, icmp_echo_reply(&s->ip, &whence, rest), p, p->at + ICMP6_HEADER,
                 p->length - ICMP6_HEADER);
    return REASON_ECHO;
}

/* RFC 4861 sections 7.1.1 and 7.1.2, as far as the message itself does not say it; RFC 6980: never in
 * fragments, not even in one. */
static bool neighbour_holds(const struct packet *p, const struct ndp_neighbour *m, bool cut)
{
    struct estab_addr group = addr_solicited_node(&m->target);

    if (p->hop_limit != NDP_HOP_LIMIT || cut)
        return false;
    if (m->advertisement)
        return !addr_is_unspecified(&p->src) && !(m->solicited && addr_is_multicast(&p->dst));
    return !addr_is_unspecified(&p->src) || (addr_equal(&p->dst, &group) && !m->has_mac);
}

static enum reason packet_neighbour(struct estab_stack *s, const struct packet *p, bool cut,
                                    estab_time now)
{
    struct ip_whence whence = packet_whence(p);
    struct ndp_neighbour m;
    bool learned = false;
    enum reason reason;

    if (p->interface == IP_LOOPBACK || s->ip.interfaces[p->interface].link != ESTAB_LINK_ETHERNET)
        return REASON_ICMP_IGNORED; /* there are no stations */
    if (!ndp_neighbour_parse(p->first + p->at, packet_contiguous(p), &m) ||
        packet_contiguous(p) < p->length || !neighbour_holds(p, &m, cut))
        return REASON_NDP_MALFORMED;
    reason = ndp_arrives(&s->ip, &whence, &m, &learned, now);
    if (reason == REASON_NDP_DUPLICATE)
        stack_readdress(s);
    if (learned)
        stack_unblock(s);
    return reason;
}

static enum reason packet_icmp6(struct estab_stack *s, const struct packet *p, bool cut,
                                estab_time now)
{
    const uint8_t *h = p->first + p->at;

    if (packet_contiguous(p) < ICMP6_HEADER)
        return REASON_ICMP_MALFORMED;
    if (!p->trusted && !packet_intact(p))
        return REASON_ICMP_CHECKSUM;
    if (h[0] == ICMP6_NEIGHBOUR_SOLICITATION || h[0] == ICMP6_NEIGHBOUR_ADVERTISEMENT)
        return packet_neighbour(s, p, cut, now);
    if (h[0] == ICMP6_ROUTER_ADVERTISEMENT || h[0] == ICMP6_REDIRECT || h[0] == ICMP6_MLD_QUERY)
        return packet_router(s, p, h[0], cut, now);
    if (!ip_speaks(&s->ip.addresses[p->local]))
        return REASON_IP6_TENTATIVE;
    if (p->interface != IP_LOOPBACK &&
        (addr_is_unspecified(&p->src) || ip_local_on(&s->ip, &p->src, p->interface) >= 0))
        return REASON_IP_SOURCE; /* good for finding duplicates alone */
    switch (h[0]) {
    case ICMP6_ECHO:
        return packet_echo6(s, p);
    case ICMP6_UNREACHABLE:
    case ICMP6_TOO_BIG:
    case ICMP6_TIME_EXCEEDED:
    case ICMP6_PARAMETER:
        return packet_icmp6_error(s, p, h[0], h[1], now);
    default:
        return REASON_ICMP_IGNORED;
    }
}

/* ---- a packet -------------------------------------------------------------------------------------------- */

static enum reason packet_payload(struct estab_stack *s, struct packet *p,
                                  const struct ipv6_chain *chain, estab_time now)
{
    switch (p->protocol) {
    case PROTO_TCP:
        return p->group ? REASON_IP_LINK_BROADCAST : packet_tcp(s, p, now);
    case PROTO_ICMP6:
        return packet_icmp6(s, p, chain->cut || p->reassembled, now);
    case PROTO_UDP:
        return p->group ? REASON_IP_LINK_BROADCAST : packet_udp(s, p, now);
    default:
        packet6_tell(s, p, ICMP6_PARAMETER, chain->code, chain->pointer, now);
        return REASON_IP_PROTOCOL;
    }
}

/* Takes what the header says, and steps over it and the `chain` bytes behind it. */
static void packet_step(const struct estab_stack *s, struct packet *p, const struct ipv6_header *h,
                        const struct ipv6_chain *chain)
{
    int local = ip_local_on(&s->ip, &h->dst, p->interface);
    struct ip_path path = {.interface = p->interface};

    if (local < 0) /* a group's */
        local = ip_source(&s->ip, &path, &h->src);
    p->src = h->src;
    p->dst = h->dst;
    p->diffserv = h->diffserv;
    p->hop_limit = h->hop_limit;
    p->protocol = chain->protocol;
    p->local = (uint8_t)(local < 0 ? 0 : local);
    p->headers = IPV6_HEADER + chain->length;
    p->at += p->headers;
    p->length = h->payload_length - chain->length;
}

/* RFC 7112 section 5: whether the first part has all headers, that of the upper layer included. */
static enum reason first_holds(const struct packet *p)
{
    static const uint8_t upper[][2] = {
        {PROTO_TCP, TCP_HEADER_MIN}, {PROTO_UDP, UDP_HEADER}, {PROTO_ICMP6, ICMP6_HEADER}};
    uint32_t n = packet_contiguous(p);
    struct ipv6_chain chain;
    enum reason reason = ipv6_walk(p->first + p->at, n, p->protocol, addr_is_multicast(&p->dst), &chain);

    if (reason == REASON_IP6_EXTENSION)
        return REASON_FRAGMENT_HEADERS;
    if (chain.fragment)
        return REASON_FRAGMENT_NESTED;
    if (reason != REASON_NONE)
        return REASON_NONE; /* what is wrong is told once it is whole */
    for (unsigned i = 0; i < sizeof upper / sizeof upper[0]; i++)
        if (chain.protocol == upper[i][0] && n - chain.length < upper[i][1])
            return REASON_FRAGMENT_HEADERS;
    return REASON_NONE;
}

static enum reason packet_fragment6(struct estab_stack *s, struct packet *p,
                                    const struct ipv6_chain *chain, estab_time now)
{
    struct fragment f = {.src = p->src,
                         .dst = p->dst,
                         .id = chain->part.id,
                         .protocol = p->protocol,
                         .interface = p->interface,
                         .ecn = p->diffserv & 3,
                         .more = chain->part.more,
                         .from = chain->part.offset,
                         .to = chain->part.offset + p->length};
    enum reason reason = f.from == 0 && p->length > 0 ? first_holds(p) : REASON_NONE;

    if (reason == REASON_FRAGMENT_HEADERS)
        packet6_tell(s, p, ICMP6_PARAMETER, ICMP6_PARAMETER_CHAIN, 0, now);
    return reason == REASON_NONE ? packet_fragment(s, p, &f, now) : reason;
}

enum reason packet_ipv6(struct estab_stack *s, struct packet *p, estab_time now)
{
    uint32_t n = p->frame->length - p->at, contiguous = p->first_length - p->at;
    const uint8_t *first = p->first + p->at;
    enum reason reason, wrong;
    struct ipv6_chain chain;
    struct ipv6_header h;

    reason = ipv6_parse(first, contiguous, &h);
    if (reason == REASON_IP6_LENGTH && h.payload_length <= n - IPV6_HEADER)
        reason = REASON_NONE; /* the rest lies in other parts */
    if (reason != REASON_NONE)
        return reason;
    contiguous -= IPV6_HEADER;
    wrong = ipv6_walk(first + IPV6_HEADER,
                      contiguous < h.payload_length ? contiguous : h.payload_length, h.next,
                      addr_is_multicast(&h.dst), &chain);
    reason = ip6_accepts(&s->ip, &h, chain.protocol, p->interface);
    if (reason != REASON_NONE)
        return reason;
    packet_step(s, p, &h, &chain);
    if (wrong != REASON_NONE) {
        if (chain.tell)
            packet6_tell(s, p, ICMP6_PARAMETER, chain.code, chain.pointer, now);
        return wrong;
    }
    return chain.fragment ? packet_fragment6(s, p, &chain, now)
                          : packet_payload(s, p, &chain, now);
}
