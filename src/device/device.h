/* SPDX-License-Identifier: MIT */
/*
 * device.h - what the kinds of devices have in common.
 *
 * A kind opens a descriptor (open), learns and sets what it needs on one (start), and moves batches
 * of at most DEVICE_BATCH frames.  Whatever a frame's way through the system calls needs is in the
 * device, so that nothing is allocated while it runs.
 */
#ifndef DEVICE_DEVICE_H
#define DEVICE_DEVICE_H

#include <estab_host.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "device/error.h"

#define DEVICE_BATCH 64
/* Of one frame: the vnet header, head, parts, and one byte that tells whether a frame was cut. */
#define DEVICE_PIECES (ESTAB_PARTS_MAX + 3)

struct device_slot {
    struct virtio_net_hdr vnet;
    struct iovec piece[DEVICE_PIECES];
    _Alignas(8) uint8_t control[64]; /* afpacket: one struct tpacket_auxdata */
    _Alignas(8) uint8_t address[32]; /* afpacket: a struct sockaddr_ll */
};

struct device_kind {
    const char *prefix; /* "packet:" */
    uint8_t link;
    int (*open)(const struct device_kind *, const char *ifname, struct estab_host_error *);
    bool (*start)(estab_device *, struct estab_host_error *);
    size_t (*receive)(estab_device *, struct estab_frame *in, size_t n);
    size_t (*send)(estab_device *, const struct estab_frame *out, size_t n);
    void (*count)(estab_device *); /* NULL, or brings the counters up to date */
    /* NULL, or does all of estab_device_open; open and start are not called then. */
    estab_device *(*make)(const char *name, struct estab_interface *out, struct estab_host_error *);
};

struct estab_device {
    const struct device_kind *kind;
    int fd;
    int ifindex; /* afpacket */
    uint8_t link;
    bool vnet;  /* each frame has a virtio_net_hdr before it */
    bool plain; /* ESTAB_DEVICE_PLAIN */
    uint32_t mtu;
    struct estab_device_counters counters;
    char ifname[IFNAMSIZ];
    char name[IFNAMSIZ + 8];
    struct device_slot slot[DEVICE_BATCH];
    struct mmsghdr message[DEVICE_BATCH];
};

extern const struct device_kind device_packet, device_tap, device_tun;
extern const struct device_kind device_wire; /* src/wire/station.c */

/* The pieces of a frame, vnet header first where the device has one; how many. */
unsigned device_gather(estab_device *, struct device_slot *, const struct estab_frame *out);
/* The same for the room that a frame provides; *room is its bytes, without vnet header. */
unsigned device_scatter(estab_device *, struct device_slot *, const struct estab_frame *in,
                        uint32_t *room);
/* `frame` holds `length` bytes; checksum and segment size as `slot` has them. */
void device_received(estab_device *, const struct device_slot *, struct estab_frame *frame,
                     uint32_t length);
/* Counts one frame that the device refused. */
void device_refused(estab_device *, int number);

#endif
