/* SPDX-License-Identifier: MIT */
/*
 * vnet.h - the header that TUN, TAP and AF_PACKET put before a frame (struct virtio_net_hdr), by
 * which both sides may leave a checksum unfinished, or segments uncut.
 */
#ifndef DEVICE_VNET_H
#define DEVICE_VNET_H

#include <estab.h>
#include <linux/virtio_net.h>

/* Most bytes of text that one frame can carry: an IPv4 packet of 65535 bytes has at least 20 bytes
 * of IP header, and up to 60 of TCP. */
#define VNET_SUPER_SEGMENT (65535u - 20u - 60u)

/* What the header tells of a frame that came in. */
void vnet_read(const struct virtio_net_hdr *header, struct estab_frame *frame);
/* The header for a frame that goes out.  A super-segment's checksum must be FINISH: nobody could
 * compute those of its segments otherwise. */
struct virtio_net_hdr vnet_write(const struct estab_frame *frame);

#endif
