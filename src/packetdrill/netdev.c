/* SPDX-License-Identifier: MIT */
/* netdev.c - packets between packetdrill and the stack. */
#include <stdlib.h>
#include <string.h>

#include "packetdrill/adapter.h"

#define IDLE_LIMIT (86400 * ESTAB_SECOND) /* of virtual time, for a packet that does not come */

/* The text of a TCP segment over IPv4; 0: it is something else. */
static size_t text_length(const uint8_t *p, size_t n)
{
    size_t header, tcp;

    if (n < 40 || p[0] >> 4 != 4 || p[9] != 6)
        return 0;
    header = (p[0] & 15u) * 4;
    if (header < 20 || header + 20 > n)
        return 0;
    tcp = (p[header + 12] >> 4) * 4u;
    return header + tcp < n ? n - header - tcp : 0;
}

static int net_send(void *u, const void *packet, size_t n)
{
    struct adapter *a = u;
    struct estab_frame frame = {
        .length = (uint32_t)n,
        .link = ESTAB_LINK_IP,
        .checksum = ESTAB_CHECKSUM_VERIFY,
        .parts = 1,
    };
    uint8_t *copy = malloc(n ? n : 1); /* a frame may be written to */
    bool ok;

    if (!copy)
        return -1;
    memcpy(copy, packet, n);
    frame.part[0] = (struct estab_part){copy, (uint32_t)n};
    if (a->flags.mss && text_length(copy, n) > a->flags.mss)
        frame.segment_size = (uint16_t)a->flags.mss;
    adapter_lock(a);
    ok = adapter_start(a);
    if (ok)
        estab_input(a->virtual.stack, &frame, 1, a->virtual.now);
    adapter_unlock(a);
    free(copy);
    return ok ? 0 : -1;
}

/* -1 would be asked again for ever, so the stack runs until it sends something, or never will. */
static int net_receive(void *u, void *out, size_t *n, long long *time_us)
{
    struct adapter *a = u;
    struct adapter_packet *p;
    estab_time limit;

    adapter_lock(a);
    limit = a->virtual.now + IDLE_LIMIT;
    while (!a->first && adapter_deadline(a) < limit)
        adapter_advance(a, limit);
    p = a->first;
    if (p) {
        a->first = p->next;
        if (!a->first)
            a->last = &a->first;
    }
    *time_us = (long long)((p ? p->time : a->virtual.now) / ESTAB_US);
    adapter_unlock(a);
    if (!p || p->length < *n)
        *n = p ? p->length : 0;
    if (p)
        memcpy(out, p->bytes, *n);
    free(p);
    return 0;
}

void adapter_net_calls(struct packetdrill_interface *table)
{
    table->netdev_send = net_send;
    table->netdev_receive = net_receive;
}
