/* SPDX-License-Identifier: MIT */
/*
 * isn.c - initial sequence numbers (RFC 6528, RFC 9293 section 3.4.1), timestamp offsets
 * (RFC 7323 section 5.4), ports (RFC 6056) and flow labels (RFC 6437), none of which a stranger may
 * predict.
 *
 *      ISN = M + F(local address, local port, remote address, remote port, key)
 *
 * M counts 4 microseconds, so that a pair's numbers go round in 4.77 hours; F is SipHash-2-4.  The
 * key is the caller's, from a good source of randomness, who may give another one (keys.c).
 */
#include <string.h>

#include "base/siphash.h"
#include "tcp/tcp.h"

/* Says what a hash is for, so that no two purposes share values. */
enum purpose { FOR_ISN = 1, FOR_TIMESTAMP = 2, FOR_PORT = 3, FOR_FLOW = 4 };

static uint64_t hash_pair(const struct tcp *t, const struct tcp_pair *pair, enum purpose purpose)
{
    bool lasts = purpose == FOR_TIMESTAMP || purpose == FOR_FLOW;
    uint8_t text[37];

    memcpy(text, t->locals[pair->local].address.b, 16);
    memcpy(text + 16, pair->remote.b, 16);
    text[32] = (uint8_t)(pair->lport >> 8);
    text[33] = (uint8_t)pair->lport;
    text[34] = (uint8_t)(pair->rport >> 8);
    text[35] = (uint8_t)pair->rport;
    text[36] = (uint8_t)purpose;
    return siphash24(lasts ? t->keys.lasting : t->config.isn_key, text, sizeof text);
}

uint32_t isn_new(const struct tcp *t, const struct tcp_pair *pair, estab_time now)
{
    return (uint32_t)(us_of(now) / 4) + (uint32_t)hash_pair(t, pair, FOR_ISN);
}

uint32_t isn_after(const struct tcp *t, const struct tcp_pair *pair, const uint32_t *before,
                   estab_time now)
{
    enum { BEYOND_WINDOW = 65537 };
    uint32_t isn = isn_new(t, pair, now);

    return before && (int32_t)(isn - *before) < BEYOND_WINDOW ? *before + BEYOND_WINDOW : isn;
}

uint32_t isn_timestamp_offset(const struct tcp *t, const struct tcp_pair *pair)
{
    return (uint32_t)hash_pair(t, pair, FOR_TIMESTAMP);
}

uint32_t isn_flow_label(const struct tcp *t, const struct tcp_pair *pair)
{
    return (uint32_t)hash_pair(t, pair, FOR_FLOW) & 0xfffff;
}

/* ---- ports ------------------------------------------------------------------------------------------- */

enum { FIRST = 32768, PORTS = 32768, ROUNDS = 6 };

/* A byte for one half of a round, of a key that is the remote socket's. */
static uint32_t port_mix(const struct tcp *t, uint64_t of, uint32_t cycle, uint32_t round,
                         uint32_t half)
{
    uint8_t text[14];

    for (unsigned i = 0; i < 8; i++)
        text[i] = (uint8_t)(of >> 8 * i);
    for (unsigned i = 0; i < 4; i++)
        text[8 + i] = (uint8_t)(cycle >> 8 * i);
    text[12] = (uint8_t)round;
    text[13] = (uint8_t)half;
    return (uint32_t)siphash13(t->config.isn_key, text, sizeof text);
}

/* Feistel's network with halves of eight and seven bits: each of 2^15 numbers has another image. */
static uint32_t port_shuffled(const struct tcp *t, uint64_t of, uint32_t count)
{
    uint32_t cycle = count / PORTS, high = count % PORTS >> 7, low = count & 127;

    for (uint32_t round = 0; round < ROUNDS; round += 2) {
        high ^= port_mix(t, of, cycle, round, low) & 255;
        low ^= port_mix(t, of, cycle, round + 1, high) & 127;
    }
    return high << 7 | low;
}

/*
 * RFC 6056: each remote socket has an order of its own in which ports are used, each once before any comes
 * again, as in its section 3.3.3, so that a pair rests as long as it can; but a shuffled order, so that who sees
 * some of the ports that it was given knows no more of the next, nor of anybody else's.
 *
 * Not RFC 6056 section 3.2, by which all ports from 1024 on are chosen from: the lower half is left to who
 * listens, as in Linux.
 */
uint16_t isn_port(struct tcp *t, const struct tcp_pair *pair)
{
    struct tcp_pair try = *pair;
    uint64_t of;

    try.lport = 0;
    of = hash_pair(t, &try, FOR_PORT);
    for (uint32_t i = 0; i < PORTS; i++) {
        try.lport = (uint16_t)(FIRST + port_shuffled(t, of, t->port_counter++));
        if (table_find(t, &try) == WHERE_NONE)
            return try.lport;
    }
    return 0;
}
