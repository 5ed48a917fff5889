/* SPDX-License-Identifier: MIT */
/*
 * mtu.c - path MTU discovery: what "fragmentation needed" does to a connection (RFC 1191), and what it may
 * not do, whoever has sent it (RFC 5927 section 7).
 *
 * A router's word is taken if it can be true: the segment that it quotes is outstanding (icmp.c), as long
 * as what we send, and longer than what the router says it can carry.  Once a whole segment was
 * acknowledged the path has shown what it carries, and the word is taken only while nothing passes, after
 * a retransmission timeout; what a stranger says of a connection that makes progress changes nothing.
 *
 * Not RFC 1191 section 6.5: what was lost goes again when its timer fires, not at once.  Not RFC 1191
 * section 3: below 552 bytes nothing is believed, as in Linux.  Nothing makes the segments larger again.
 */
#include "packet/ipv4.h"
#include "tcp/tcp.h"

enum { MTU_LEAST = 552, TIMESTAMP_BYTES = 12 };

/* RFC 1191 section 7.1, for routers that name no MTU: the next common one below the packet's length. */
static uint32_t plateau(uint32_t length)
{
    static const uint16_t common[] = {32000, 17914, 8166, 4352, 2002, 1492, 1006};

    for (unsigned i = 0; i < sizeof common / sizeof common[0]; i++)
        if (common[i] < length)
            return common[i];
    return MTU_LEAST;
}

enum reason mtu_too_big(struct tcb *b, const struct tcp_too_big *big)
{
    uint32_t headers = IPV4_HEADER_MIN + TCP_HEADER_MIN +
                       (b->head.tag & TAG_TIMESTAMPS ? (uint32_t)TIMESTAMP_BYTES : 0);
    uint32_t mtu = big->mtu ? big->mtu : plateau(big->length);

    mtu = mtu < MTU_LEAST ? MTU_LEAST : mtu;
    if (big->length <= mtu || big->length > headers + b->snd.mss)
        return REASON_ICMP_MTU_LIE;
    if (b->rtt.retries == 0 && b->snd.una.v - b->snd.iss.v > b->snd.mss)
        return REASON_ICMP_MTU_PASSES;
    b->snd.mss = (uint16_t)(mtu - headers);
    return REASON_ICMP_MTU;
}
