/* SPDX-License-Identifier: MIT */
/*
 * vnet.c - in the byte order of this machine: neither TUN nor AF_PACKET was told otherwise.
 */
#include "device/vnet.h"

#include <net/ethernet.h>

enum { IPV6_HEADER = 40, TCP_FLAGS = 13, TCP_CWR = 0x80 };

/* VIRTIO_NET_HDR_F_NEEDS_CSUM from the kernel: the frame was made on this machine and never
 * crossed a wire, so nothing can have damaged it. */
static void read_checksum(const struct virtio_net_hdr *header, struct estab_frame *frame)
{
    frame->checksum = ESTAB_CHECKSUM_VERIFY;
    frame->checksum_start = frame->checksum_offset = 0;
    if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
        frame->checksum = ESTAB_CHECKSUM_GOOD;
        frame->checksum_start = header->csum_start;
        frame->checksum_offset = header->csum_offset;
    } else if (header->flags & VIRTIO_NET_HDR_F_DATA_VALID) {
        frame->checksum = ESTAB_CHECKSUM_GOOD;
    }
}

void vnet_read(const struct virtio_net_hdr *header, struct estab_frame *frame)
{
    bool super = (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) != VIRTIO_NET_HDR_GSO_NONE;
    frame->segment_size = super ? header->gso_size : 0;
    read_checksum(header, frame);
}

/* Byte `i` of a frame whose first bytes are in the head, or in the first part. */
static uint8_t byte_at(const struct estab_frame *frame, unsigned i)
{
    if (i < frame->head_length)
        return frame->head[i];
    i -= frame->head_length;
    return frame->parts && i < frame->part[0].length ? frame->part[0].base[i] : 0;
}

/* CWR belongs to the first segment that is cut alone (RFC 3168 section 6.1.2), which a device has to know. */
static uint8_t super_type(const struct estab_frame *frame)
{
    unsigned ip = frame->link == ESTAB_LINK_ETHERNET ? ETHER_HDR_LEN : 0;
    bool six = byte_at(frame, ip) >> 4 == 6;
    unsigned tcp = ip + (six ? IPV6_HEADER : (byte_at(frame, ip) & 15u) * 4);
    uint8_t type = six ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;

    return byte_at(frame, tcp + TCP_FLAGS) & TCP_CWR ? type | VIRTIO_NET_HDR_GSO_ECN : type;
}

struct virtio_net_hdr vnet_write(const struct estab_frame *frame)
{
    struct virtio_net_hdr header = {.gso_type = VIRTIO_NET_HDR_GSO_NONE};
    if (frame->checksum == ESTAB_CHECKSUM_FINISH) {
        header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        header.csum_start = frame->checksum_start;
        header.csum_offset = frame->checksum_offset;
    }
    if (frame->segment_size) {
        header.gso_type = super_type(frame);
        header.gso_size = frame->segment_size;
        header.hdr_len = frame->head_length;
    }
    return header;
}
