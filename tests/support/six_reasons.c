/* SPDX-License-Identifier: MIT */
/* six_reasons.c - see six_reasons.h. */
#include "support/six_reasons.h"

#include <string.h>

#include "support/made_frame.h"

static uint8_t bytes[RIG_FRAME_MAX];

/* An IPv6 packet with a payload of `n` bytes that `next` names; with byte `at` changed, if that is not 0. */
static struct rig *six_with(uint8_t next, const char *payload, size_t n, size_t at, uint8_t value)
{
    static struct rig r;

    rig_over_ipv6(true);
    rig_start(&r, NULL, 0, 0);
    n = made_ip(bytes, rig_peer(), rig_us(), next, payload, n, true);
    if (at)
        bytes[at] = value;
    rig_in_bytes(&r, bytes, n);
    rig_over_ipv6(false);
    return &r;
}

struct rig *six_header(void)
{
    struct rig *r = six_with(6, "", 0, 0, 0);

    rig_in_bytes(r, bytes, 39);
    return r;
}

struct rig *six_length(void)
{
    return six_with(6, "", 0, 5, 1);
}

struct rig *six_mapped(void)
{
    struct rig *r = six_with(6, "", 0, 0, 0);
    struct estab_addr peer = estab_ipv4(10, 11, 0, 2);

    memcpy(bytes + 8, peer.b, 16);
    rig_in_bytes(r, bytes, 40);
    return r;
}

struct rig *six_extension(void)
{
    return six_with(60, "\6\1\1\4\0\0\0\0", 8, 0, 0);
}

struct rig *six_extensions(void)
{
    static const char nine[9 * 8] = {60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0,
                                     60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0,
                                     60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0,
                                     60, 0, 1, 4, 0, 0, 0, 0, 60, 0, 1, 4, 0, 0, 0, 0,
                                     59, 0, 1, 4, 0, 0, 0, 0};

    return six_with(60, nine, sizeof nine, 0, 0);
}

struct rig *six_option(void)
{
    return six_with(0, "\6\0\x7e\4\0\0\0\0", 8, 0, 0);
}

struct rig *six_routing(void)
{
    return six_with(43, "\6\0\0\1\0\0\0\0", 8, 0, 0);
}

struct rig *six_no_next(void)
{
    return six_with(59, "", 0, 0, 0);
}
