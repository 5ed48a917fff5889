/* SPDX-License-Identifier: MIT */
/* reasons_fragment.c - see reasons_fragment.h. */
#include "support/reasons_fragment.h"

#include <string.h>

#include "support/made_frame.h"

static struct rig rig;
static uint8_t packet[RIG_FRAME_MAX], bytes[RIG_FRAME_MAX];

static struct rig *begin(void)
{
    rig_start(&rig, NULL, 0, 0);
    memset(packet, 'x', sizeof packet);
    (void)made_ip(packet, rig_peer(), rig_us(), 17, packet + 20, 60000, true);
    return &rig;
}

/* Bytes [from, to) of a datagram come. */
static struct rig *part(struct rig *r, uint32_t id, uint32_t from, uint32_t to, bool more)
{
    rig_in_bytes(r, bytes, made_part(bytes, packet, &(struct made_part){from, to, id, more}));
    return r;
}

struct rig *fragment_waits(void)
{
    return part(begin(), 1, 0, 8, true);
}

struct rig *fragment_overlap(void)
{
    return part(part(begin(), 1, 0, 16, true), 1, 8, 24, true);
}

struct rig *fragment_duplicate(void)
{
    return part(part(begin(), 1, 0, 16, true), 1, 0, 16, true);
}

struct rig *fragment_end(void)
{
    return part(part(begin(), 1, 8, 16, false), 1, 16, 24, true);
}

struct rig *fragment_ecn(void)
{
    struct rig *r = part(begin(), 1, 0, 16, true);

    packet[1] = 3;
    return part(r, 1, 16, 24, true);
}

struct rig *fragment_many(void)
{
    struct rig *r = begin();

    for (uint32_t i = 0; i < 129; i++)
        part(r, 1, i * 16, i * 16 + 8, true);
    return r;
}

struct rig *fragment_length(void)
{
    return part(begin(), 1, 0, 9, true);
}

struct rig *fragment_empty(void)
{
    return part(begin(), 1, 8, 8, false);
}

struct rig *fragment_beyond(void)
{
    return part(begin(), 1, 65512, 65524, false);
}

/* The first part of an IPv6 packet with so many bytes of what `next` names. */
static struct rig *first_part6(uint8_t next, uint32_t n)
{
    static const uint8_t payload[64] = {17, 0, 1, 4};

    rig_over_ipv6(true);
    rig_start(&rig, NULL, 0, 0);
    (void)made_ip(packet, rig_peer(), rig_us(), next, payload, sizeof payload, true);
    part(&rig, 1, 0, n, true);
    rig_over_ipv6(false);
    return &rig;
}

struct rig *fragment_headers(void)
{
    return first_part6(6, 16);
}

struct rig *fragment_nested(void)
{
    rig_over_ipv6(true);
    rig_start(&rig, NULL, 0, 0);
    (void)made_ip(packet, rig_peer(), rig_us(), 44, "\21\0\0\1\0\0\0\1.......", 16, true);
    part(&rig, 1, 0, 16, true);
    rig_over_ipv6(false);
    return &rig;
}

struct rig *fragment_timeout(void)
{
    struct rig *r = fragment_waits();

    rig_at(r, 60000);
    return r;
}

struct rig *fragment_evicted(void)
{
    struct rig *r = begin();

    for (uint32_t id = 0; id <= r->config.fragments; id++)
        part(r, id, 0, 8, true);
    return r;
}
