/* SPDX-License-Identifier: MIT */
/*
 * packet_ip.c - the IP header of a script's packet, of the family that the script runs in.  A mapped run
 * has IPv4 on the wire.
 */
#include "script/packet.h"

#include <string.h>

#include "packet/ipv6.h"

bool packet_ip_is6(const struct script_settings *s)
{
    return s->ip_version == IP_VERSION_6;
}

uint32_t packet_ip_length(const struct script_settings *s)
{
    return packet_ip_is6(s) ? IPV6_HEADER : IPV4_HEADER_MIN;
}

bool packet_ip_read(const struct live_packet *p, struct packet_ip *ip)
{
    struct ipv4_header four;
    struct ipv6_header six;

    if (p->length > 0 && p->bytes[0] >> 4 == 6) {
        if (ipv6_parse(p->bytes, p->length, &six) != REASON_NONE)
            return false;
        *ip = (struct packet_ip){.src = six.src, .dst = six.dst, .protocol = six.next,
                                 .traffic = six.diffserv, .ttl = six.hop_limit, .flow = six.flow,
                                 .header = IPV6_HEADER, .length = six.payload_length};
        return true;
    }
    if (ipv4_parse(p->bytes, p->length, false, &four) != REASON_NONE)
        return false;
    *ip = (struct packet_ip){.src = four.src, .dst = four.dst, .protocol = four.protocol,
                             .traffic = four.diffserv, .ttl = four.ttl, .header = four.header_length,
                             .length = (uint32_t)four.total_length - four.header_length};
    return true;
}

static void write4(struct writer *w, const struct packet_ip *ip)
{
    uint8_t *place = writer_take(w, IPV4_HEADER_MIN);
    struct ipv4_header h = {
        .src = ip->src,
        .dst = ip->dst,
        .total_length = (uint16_t)(IPV4_HEADER_MIN + ip->length),
        .id = ip->id,
        .diffserv = ip->traffic,
        .ttl = ip->ttl,
        .protocol = ip->protocol,
        .dont_fragment = ip->dont_fragment,
    };

    if (place)
        ipv4_write(place, &h);
}

static void write6(struct writer *w, const struct packet_ip *ip)
{
    uint8_t *place = writer_take(w, IPV6_HEADER);
    struct ipv6_header h = {
        .src = ip->src,
        .dst = ip->dst,
        .flow = ip->flow,
        .payload_length = (uint16_t)ip->length,
        .diffserv = ip->traffic,
        .next = ip->protocol,
        .hop_limit = ip->ttl,
    };

    if (place)
        ipv6_write(place, &h);
}

void packet_ip_write(struct writer *w, const struct script_settings *s, const struct packet_ip *ip)
{
    if (packet_ip_is6(s))
        write6(w, ip);
    else
        write4(w, ip);
}
