/* SPDX-License-Identifier: MIT */
#include "support/reasons_link.h"

#include <string.h>

#include "support/made_frame.h"

static uint8_t bytes[RIG_FRAME_MAX];

static struct rig *begin(void)
{
    static struct rig r;

    rig_start_on_ethernet(&r, NULL, UINT32_MAX, UINT32_MAX - 1);
    return &r;
}

struct rig *provoke_frame_short(void)
{
    struct rig *r = begin();

    rig_in_bytes(r, bytes, 13);
    return r;
}

/* A SYN in an Ethernet frame, one byte of which is changed. */
static struct rig *ethernet_with(size_t at, uint8_t value)
{
    struct rig *r = begin();
    size_t n = rig_frame(r, &(struct rig_seg)SEG(SYN, 0, 0), bytes);

    bytes[at] = value;
    rig_in_bytes(r, bytes, n);
    return r;
}

struct rig *provoke_frame_ethertype(void)
{
    return ethernet_with(12, 0x86);
}

struct rig *provoke_frame_not_ours(void)
{
    return ethernet_with(5, 9);
}

struct rig *provoke_frame_interface(void)
{
    static struct rig r;
    struct estab_frame frame = made_frame(bytes, 40, true);

    rig_start(&r, NULL, UINT32_MAX, UINT32_MAX - 1);
    frame.interface = 5;
    estab_input(r.stack, &frame, 1, r.now);
    return &r;
}

static struct rig *arp(struct estab_addr sender, struct estab_addr target, size_t cut)
{
    struct rig *r = begin();
    size_t n = made_arp(bytes, 1, sender, target);

    memcpy(bytes, (uint8_t[]){2, 0, 10, 11, 0, 1}, 6);
    rig_in_bytes(r, bytes, n - cut);
    return r;
}

struct rig *provoke_arp_malformed(void)
{
    return arp(rig_peer(), rig_us(), 1);
}

/* Our address is looked for anew, and another station looks for it, too. */
struct rig *provoke_arp_duplicate(void)
{
    struct rig *r = begin();

    (void)!estab_address_remove(r->stack, 0, rig_us(), r->now);
    (void)!estab_address_add(r->stack, 0, rig_us(), 24, r->now);
    rig_in_bytes(r, bytes, made_arp(bytes, 1, estab_ipv4(0, 0, 0, 0), rig_us()));
    return r;
}

struct rig *provoke_arp_not_ours(void)
{
    return arp(rig_peer(), estab_ipv4(10, 11, 0, 9), 0);
}

struct rig *provoke_neighbour_table_full(void)
{
    struct rig *r = begin();

    for (uint8_t i = 10; i < 15; i++)
        rig_in_bytes(r, bytes, made_arp(bytes, 1, estab_ipv4(10, 11, 0, i), rig_us()));
    return r;
}
