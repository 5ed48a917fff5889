/* SPDX-License-Identifier: MIT */
/*
 * number.c - what the parts of a datagram are known by (RFC 6864 section 4, RFC 7739).
 *
 * A number must not come again while parts with the old one are under way, and must not be guessed: who
 * knows the next one can plant a part of his own.  So a counter goes through a permutation that a key
 * chooses, a Feistel network: no number comes twice before all others have, and no order shows.
 *
 *      counter = left | right      four times: left, right = right, left xor F(round, right)
 *
 * 65,536 IPv4 datagrams in parts go before a number comes again; that is of all destinations together,
 * and RFC 6864 section 5.3 has no better answer than to send less in parts.
 */
#include "base/siphash.h"
#include "base/writer.h"
#include "ip/ip.h"

enum { ROUNDS = 4 };

uint32_t ip_fragment_id(struct ip *ip, const uint8_t key[16], unsigned bits)
{
    uint32_t mask = (UINT32_C(1) << bits / 2) - 1, count = ip->fragment_id++;
    uint32_t left = count >> bits / 2 & mask, right = count & mask;

    for (unsigned round = 0; round < ROUNDS; round++) {
        uint8_t text[8] = {'p', 'a', (uint8_t)bits, (uint8_t)round};
        uint32_t next;

        writer_store32(text + 4, right);
        next = left ^ ((uint32_t)siphash24(key, text, sizeof text) & mask);
        left = right;
        right = next;
    }
    return left << bits / 2 | right;
}
