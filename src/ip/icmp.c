/* SPDX-License-Identifier: MIT */
/* icmp.c - echo replies and errors (RFC 792, RFC 1122 section 3.2.2; RFC 4443). */
#include "ip/ip.h"
#include "packet/icmp6.h"

/* Places that a flood of echo requests leaves to ARP. */
enum { ERRORS_A_SECOND = 100, FOR_ARP = 16 };

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

static struct ip_reply *icmp_new(struct ip *ip, const struct ip_whence *w, unsigned type,
                                 unsigned code, uint32_t rest)
{
    struct ip_reply *r = ip->reply_count < IP_REPLIES - FOR_ARP ? ip_reply_new(ip) : NULL;

    if (!r)
        return NULL;
    r->protocol = addr_is_ipv4(&w->us) ? PROTO_ICMP : PROTO_ICMP6;
    r->interface = w->interface;
    r->src = w->us;
    r->dst = w->them;
    r->type = (uint8_t)type;
    r->code = (uint8_t)code;
    r->rest = rest;
    memcpy(r->mac, w->mac, 6);
    return r;
}

struct ip_reply *icmp_echo_reply(struct ip *ip, const struct ip_whence *w, uint32_t rest)
{
    unsigned type = addr_is_ipv4(&w->us) ? ICMP_ECHO_REPLY : ICMP6_ECHO_REPLY;

    return icmp_new(ip, w, type, 0, rest);
}

struct ip_reply *icmp_error(struct ip *ip, const struct ip_whence *w, unsigned type, unsigned code,
                            uint32_t rest, estab_time now)
{
    uint32_t second = (uint32_t)(now / ESTAB_SECOND);

    if (ip->icmp_second != second) {
        ip->icmp_second = second;
        ip->icmp_sent = 0;
    }
    if (ip->icmp_sent >= ERRORS_A_SECOND)
        return NULL;
    ip->icmp_sent++;
    return icmp_new(ip, w, type, code, rest);
}
