/* SPDX-License-Identifier: MIT */
/*
 * device.c - opening by name, and what all kinds of devices share.
 */
#include "device/device.h"

#include <errno.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/vnet.h"

static const struct device_kind *const kinds[] = {&device_packet, &device_tap, &device_tun,
                                                  &device_wire};

#define KINDS (sizeof kinds / sizeof *kinds)

static const struct device_kind *parse(const char *spec, const char **ifname,
                                       struct estab_host_error *error)
{
    for (unsigned i = 0; i < KINDS; i++) {
        size_t n = strlen(kinds[i]->prefix);
        if (strncmp(spec, kinds[i]->prefix, n) != 0)
            continue;
        *ifname = spec + n;
        size_t length = strlen(*ifname);
        if (length > 0 && length < IFNAMSIZ && !strpbrk(*ifname, "/ \t\n%"))
            return kinds[i];
        host_fail(error, ESTAB_HOST_USAGE, 0,
                  "'%.64s' names no interface: expected %sNAME with 1 to %d characters", spec,
                  kinds[i]->prefix, IFNAMSIZ - 1);
        return NULL;
    }
    host_fail(error, ESTAB_HOST_USAGE, 0,
              "'%.64s' is no device: expected packet:IFACE, tap:NAME, tun:NAME or wire:NAME", spec);
    return NULL;
}

/* A MAC address that no kernel and no second process of ours has: FNV-1a of name and process, with
 * the bit for "locally administered" set and the one for "group" clear (IEEE 802 section 8.4). */
static void invent_mac(const char *name, uint8_t mac[6])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ (uint64_t)getpid();
    for (const char *p = name; *p; p++)
        hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    hash = (hash ^ hash >> 32) * UINT64_C(0x100000001b3);
    for (unsigned i = 0; i < 6; i++)
        mac[i] = (uint8_t)(hash >> (8 * i + 8));
    mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
}

static void describe(const estab_device *d, struct estab_interface *out)
{
    bool offload = d->vnet && !d->plain;
    *out = (struct estab_interface){
        .size = sizeof *out,
        .link = d->link,
        .mtu = d->mtu < 65535 ? d->mtu : 65535,
        .super_segment = offload ? VNET_SUPER_SEGMENT : 0,
        .checksum_offload = offload,
    };
    if (d->link == ESTAB_LINK_ETHERNET)
        invent_mac(d->name, out->mac);
}

static estab_device *start(const struct device_kind *kind, const char *ifname, int fd, uint32_t mtu,
                           unsigned flags, struct estab_host_error *error)
{
    estab_device *d = calloc(1, sizeof *d);
    if (!d) {
        host_fail(error, ESTAB_HOST_IO, ENOMEM, "no memory for %s%s", kind->prefix, ifname);
        close(fd);
        return NULL;
    }
    d->kind = kind;
    d->fd = fd;
    d->link = kind->link;
    d->mtu = mtu;
    d->plain = flags & ESTAB_DEVICE_PLAIN;
    d->counters.size = sizeof d->counters;
    snprintf(d->ifname, sizeof d->ifname, "%s", ifname);
    snprintf(d->name, sizeof d->name, "%s%s", kind->prefix, d->ifname);
    if (kind->start(d, error))
        return d;
    estab_device_close(d);
    return NULL;
}

estab_device *estab_device_adopt(const char *spec, int fd, uint32_t mtu, unsigned flags,
                                 struct estab_interface *out, struct estab_host_error *error)
{
    const char *ifname;
    const struct device_kind *kind = parse(spec, &ifname, error);
    if (!kind || kind->make) {
        if (kind)
            host_fail(error, ESTAB_HOST_USAGE, 0, "a wire is joined, not adopted");
        close(fd);
        return NULL;
    }
    estab_device *d = start(kind, ifname, fd, mtu, flags, error);
    if (d)
        describe(d, out);
    return d;
}

estab_device *estab_device_open(const char *spec, unsigned flags, struct estab_interface *out,
                                struct estab_host_error *error)
{
    const char *ifname;
    const struct device_kind *kind = parse(spec, &ifname, error);
    if (kind && kind->make)
        return kind->make(ifname, out, error);
    int fd = kind ? kind->open(kind, ifname, error) : -1;
    return fd < 0 ? NULL : estab_device_adopt(spec, fd, 0, flags, out, error);
}

void estab_device_close(estab_device *d)
{
    if (!d)
        return;
    close(d->fd);
    free(d);
}

int estab_device_fd(const estab_device *d)
{
    return d->fd;
}

const char *estab_device_name(const estab_device *d)
{
    return d->name;
}

/* AF_PACKET's neighbour may send super-segments whatever we asked for; a TAP's kernel does not. */
uint32_t estab_device_room(const estab_device *d)
{
    uint32_t header = d->link == ESTAB_LINK_ETHERNET ? ETHER_HDR_LEN + 4 : 0;
    bool super = d->kind == &device_packet || (d->vnet && !d->plain);
    return (super ? 65535 : d->mtu) + header;
}

size_t estab_device_receive(estab_device *d, struct estab_frame *in, size_t n)
{
    size_t batch = n < DEVICE_BATCH ? n : DEVICE_BATCH;
    size_t got = d->kind->receive(d, in, batch);
    for (size_t i = got; i < n; i++)
        in[i].length = 0;
    return got;
}

size_t estab_device_send(estab_device *d, const struct estab_frame *out, size_t n)
{
    size_t done = 0;
    while (done < n) {
        size_t batch = n - done < DEVICE_BATCH ? n - done : DEVICE_BATCH;
        size_t sent = d->kind->send(d, out + done, batch);
        done += sent;
        if (sent < batch)
            break;
    }
    return done;
}

void estab_device_counters(estab_device *d, struct estab_device_counters *out)
{
    if (d->kind->count)
        d->kind->count(d);
    uint32_t size = out->size && out->size < sizeof *out ? out->size : (uint32_t)sizeof *out;
    memcpy(out, &d->counters, size);
    out->size = size;
}

static void put(struct device_slot *slot, unsigned *n, void *base, size_t length)
{
    slot->piece[(*n)++] = (struct iovec){.iov_base = base, .iov_len = length};
}

unsigned device_gather(estab_device *d, struct device_slot *slot, const struct estab_frame *out)
{
    unsigned n = 0;
    if (d->vnet) {
        slot->vnet = vnet_write(out);
        put(slot, &n, &slot->vnet, sizeof slot->vnet);
    }
    if (out->head_length)
        put(slot, &n, (void *)(uintptr_t)out->head, out->head_length);
    for (unsigned i = 0; i < out->parts; i++)
        put(slot, &n, out->part[i].base, out->part[i].length);
    return n;
}

unsigned device_scatter(estab_device *d, struct device_slot *slot, const struct estab_frame *in,
                        uint32_t *room)
{
    unsigned n = 0;
    *room = 0;
    if (d->vnet)
        put(slot, &n, &slot->vnet, sizeof slot->vnet);
    for (unsigned i = 0; i < in->parts; i++) {
        put(slot, &n, in->part[i].base, in->part[i].length);
        *room += in->part[i].length;
    }
    return n;
}

static void trim(struct estab_frame *frame)
{
    uint32_t left = frame->length;
    for (unsigned i = 0; i < frame->parts; i++) {
        if (left <= frame->part[i].length) {
            frame->part[i].length = left;
            frame->parts = (uint8_t)(left ? i + 1 : i);
            return;
        }
        left -= frame->part[i].length;
    }
}

void device_received(estab_device *d, const struct device_slot *slot, struct estab_frame *frame,
                     uint32_t length)
{
    frame->length = length;
    frame->link = d->link;
    frame->head_length = 0;
    frame->cause = 0;
    vnet_read(&slot->vnet, frame);
    if (!frame->lent)
        trim(frame);
    d->counters.frames_in++;
    d->counters.bytes_in += length;
}

void device_refused(estab_device *d, int number)
{
    d->counters.refused++;
    d->counters.last_error = number;
}
