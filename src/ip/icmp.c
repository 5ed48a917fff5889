/* SPDX-License-Identifier: MIT */
/* icmp.c - echo replies and destination unreachable (RFC 792, RFC 1122 section 3.2.2). */
#include "ip/ip.h"

/* Places that a flood of echo requests leaves to ARP. */
enum { UNREACHABLES_A_SECOND = 100, FOR_ARP = 16 };

struct ip_reply *ip_reply_new(struct ip *ip)
{
    struct ip_reply *r;

    if (ip->reply_count == IP_REPLIES)
        return NULL;
    r = &ip->replies[(ip->reply_head + ip->reply_count++) % IP_REPLIES];
    memset(r, 0, sizeof *r);
    queue_init(&r->text);
    return r;
}

static struct ip_reply *icmp_new(struct ip *ip, const struct ipv4_header *h, unsigned interface,
                                 const uint8_t mac[6], enum icmp_type type)
{
    struct ip_reply *r = ip->reply_count < IP_REPLIES - FOR_ARP ? ip_reply_new(ip) : NULL;

    if (!r)
        return NULL;
    r->protocol = PROTO_ICMP;
    r->interface = (uint8_t)interface;
    r->src = h->dst;
    r->dst = h->src;
    r->type = (uint8_t)type;
    memcpy(r->mac, mac, 6);
    return r;
}

struct ip_reply *icmp_echo_reply(struct ip *ip, const struct ipv4_header *h, unsigned interface,
                                 const uint8_t mac[6], uint32_t rest)
{
    struct ip_reply *r = icmp_new(ip, h, interface, mac, ICMP_ECHO_REPLY);

    if (r)
        r->rest = rest;
    return r;
}

struct ip_reply *icmp_unreachable(struct ip *ip, const struct ipv4_header *h, unsigned interface,
                                  const uint8_t mac[6], unsigned code, estab_time now)
{
    uint32_t second = (uint32_t)(now / ESTAB_SECOND);
    struct ip_reply *r;

    if (ip->icmp_second != second) {
        ip->icmp_second = second;
        ip->icmp_sent = 0;
    }
    if (ip->icmp_sent >= UNREACHABLES_A_SECOND)
        return NULL;
    ip->icmp_sent++;
    r = icmp_new(ip, h, interface, mac, ICMP_UNREACHABLE);
    if (r)
        r->code = (uint8_t)code;
    return r;
}
