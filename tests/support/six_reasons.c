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

/* ---- neighbour discovery ------------------------------------------------------------------------------ */

static const struct estab_addr nobody;

/* On Ethernet, with an address that is ours alone already, or not yet. */
static struct rig *on_ethernet(bool tentative)
{
    struct estab_config config = rig_config();
    static struct rig r;

    config.dad_transmits = tentative;
    rig_over_ipv6(true);
    rig_start_on_ethernet(&r, &config, 0, 0);
    r.deaf = true;
    return &r;
}

static struct estab_addr six_host(uint8_t number)
{
    return (struct estab_addr){{0xfd, 0x11, [15] = number}};
}

/* A solicitation (135) or advertisement (136) about a host, with the option that names its station. */
static struct rig *about(struct rig *r, uint8_t type, struct estab_addr from, uint8_t host, uint8_t flags,
                         uint8_t station)
{
    uint8_t body[28] = {flags, [4] = 0xfd, 0x11, [19] = host,
                        [20] = (uint8_t)(type - 134), 1, 2, 0, 0, 0, 0, station};
    size_t n = made_icmp6(bytes, from, rig_us(), type, 0, body, station ? 28 : 20, false);

    bytes[11] = station;
    made_hops(bytes, 255, false);
    rig_in_bytes(r, bytes, n);
    rig_over_ipv6(false);
    return r;
}

struct rig *six_tentative(void)
{
    struct rig *r = on_ethernet(true);
    size_t n = made_ip(bytes, rig_peer(), rig_us(), 6, "", 0, false);

    rig_in_bytes(r, bytes, n);
    rig_over_ipv6(false);
    return r;
}

struct rig *six_ndp_malformed(void)
{
    return about(on_ethernet(false), 135, nobody, 1, 0, 9); /* from nobody, and yet from a station */
}

struct rig *six_ndp_not_ours(void)
{
    return about(on_ethernet(false), 135, six_host(2), 3, 0, 2);
}

struct rig *six_ndp_unasked(void)
{
    return about(on_ethernet(false), 136, six_host(2), 2, 0x60, 2);
}

struct rig *six_ndp_kept(void)
{
    struct rig *r = about(on_ethernet(false), 135, six_host(2), 1, 0, 2);

    rig_over_ipv6(true);
    return about(r, 136, six_host(2), 2, 0x40, 3);
}

struct rig *six_ndp_duplicate(void)
{
    return about(on_ethernet(true), 136, six_host(1), 1, 0x20, 2);
}

struct rig *six_address_duplicate(void)
{
    struct rig *r = on_ethernet(true);

    (void)rig_open_active(r);
    return about(r, 136, six_host(1), 1, 0x20, 2);
}

/* ---- routers ------------------------------------------------------------------------------------------- */

/* A message of this type from fe80::9, with `n` bytes behind its checksum. */
static struct rig *from_router(struct rig *r, uint8_t type, const void *body, size_t n, uint8_t hops)
{
    struct estab_addr router = {{0xfe, 0x80, [15] = 9}}, every = {{0xff, 2, [15] = 1}};

    n = made_icmp6(bytes, router, every, type, 0, body, n, false);
    made_hops(bytes, hops, false);
    rig_in_bytes(r, bytes, n);
    rig_over_ipv6(false);
    return r;
}

struct rig *six_router(void)
{
    static const uint8_t body[12] = {[2] = 1};

    return from_router(on_ethernet(false), 134, body, sizeof body, 255);
}

struct rig *six_redirect(void)
{
    static const uint8_t body[36] = {0};

    return from_router(on_ethernet(false), 137, body, sizeof body, 255);
}

struct rig *six_mld_malformed(void)
{
    static const uint8_t body[24] = {0};

    return from_router(on_ethernet(false), 130, body, sizeof body, 64);
}

/* Of nine prefixes one finds no place. */
struct rig *six_full(void)
{
    struct rig *r = on_ethernet(false);
    uint8_t body[12 + 32] = {[2] = 1};

    (void)!estab_autoconfigure(r->stack, 0, r->now);
    for (uint8_t i = 0; i < 9; i++) {
        uint8_t option[32] = {3, 4, 64, 0x40, [6] = 9, [10] = 9, [16] = 0xfd, 9, [23] = i};

        memcpy(body + 12, option, sizeof option);
        rig_over_ipv6(true);
        from_router(r, 134, body, 12 + 32, 255);
    }
    return r;
}
