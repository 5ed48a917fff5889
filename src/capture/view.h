/* SPDX-License-Identifier: MIT */
/*
 * view.h - a frame as people look at it: every field, and what is wrong with it.
 *
 *      struct frame_view v;
 *      view_frame(&v, &frame);
 *      if (v.malformed)
 *          printf("malformed: %s\n", v.malformed);
 *
 * The core's parser (packet/) answers one question: may this be processed?  This one is independent
 * of it, and goes on where that one stops, so that what the core refuses can be shown, and so that
 * the one checks the other.  What could be read is in the view, what could not is zero.
 *
 * Numbers are in host order, offsets count from the first byte of the frame, and all bytes of the
 * frame are allowed: no content can make it read beyond the end.
 */
#ifndef CAPTURE_VIEW_H
#define CAPTURE_VIEW_H

#include <estab.h>

#include "packet/tcp_header.h" /* enum tcp_ctl, enum tcp_option_kind */

#define VIEW_OPTIONS_MAX 40 /* a TCP header has room for 40 bytes of options */
#define VIEW_PREVIEW_MAX 32
#define VIEW_SACKS_MAX   4
#define VIEW_OPTION_SACK 5 /* RFC 2018 section 3 */

enum view_kind {
    VIEW_UNKNOWN, /* too short to tell */
    VIEW_LINK,    /* an Ethernet frame of another type: see `ethertype` */
    VIEW_ARP,
    VIEW_IP, /* a packet of another protocol, or a fragment that is not the first */
    VIEW_ICMP, /* or ICMPv6 */
    VIEW_TCP,
    VIEW_UDP,
};

/* What is known of the transport checksum. */
enum view_checksum {
    VIEW_SUM_NONE, /* there is none, or it cannot be checked (a fragment, cut off) */
    VIEW_SUM_GOOD,
    VIEW_SUM_BAD,
    VIEW_SUM_UNFINISHED, /* the device will complete it */
};

struct view_option {
    uint8_t kind, length;
    bool bad;        /* illegal length: the options after it cannot be read */
    uint16_t offset; /* of its kind byte */
};

struct view_arp {
    uint16_t operation; /* 1 request, 2 reply */
    uint8_t sender_mac[6], target_mac[6];
};

struct view_icmp {
    uint8_t type, code;
    uint16_t id, sequence; /* of an echo */
    uint32_t mtu;          /* of "fragmentation needed", "packet too big" */
    bool six;              /* ICMPv6, whose types are others */
    /* Of neighbour discovery: */
    struct estab_addr target;
    uint8_t flags; /* 0x80 router, 0x40 solicited, 0x20 override */
    bool has_mac;
    uint8_t mac[6];
    /* Of an error: the packet that it is about. */
    bool quotes;
    uint8_t protocol;
    struct estab_endpoint src, dst;
    uint32_t seq;
};

struct view_tcp {
    uint32_t seq, ack;
    uint16_t window, urgent;
    uint8_t flags; /* enum tcp_ctl */
    uint8_t header_length;
    uint16_t checksum;
    /* Options, in their order and by kind. */
    uint8_t options;
    struct view_option option[VIEW_OPTIONS_MAX];
    bool has_mss, has_window_scale, has_sack_permitted, has_timestamps;
    uint8_t window_scale;
    uint16_t mss;
    uint32_t tsval, tsecr;
    uint8_t sacks;
    struct {
        uint32_t left, right;
    } sack[VIEW_SACKS_MAX];
};

struct frame_view {
    enum view_kind kind;
    enum view_checksum checksum;
    const char *malformed; /* a sentence about the first thing that is wrong; NULL */
    uint32_t length;       /* of the frame */

    bool ethernet;
    uint8_t src_mac[6], dst_mac[6];
    uint16_t ethertype;

    struct estab_endpoint src, dst; /* ARP: sender and target.  Ports: TCP and UDP */
    uint16_t ip_offset, ip_header_length; /* of IPv6 with its extension headers */
    bool six;
    uint32_t ip_length; /* the packet without padding, as far as the frame has it */
    uint16_t ip_id;
    uint16_t fragment_offset; /* bytes */
    bool more_fragments, dont_fragment;
    uint8_t protocol, ttl, tos;

    /* The payload of the innermost header that was read: text, for TCP. */
    uint32_t payload_offset, payload_length;
    uint8_t preview_length;
    uint8_t preview[VIEW_PREVIEW_MAX]; /* its first bytes */
    uint16_t segments;                 /* of a super-segment; else 1 */
    uint16_t segment_size;

    union {
        struct view_arp arp;
        struct view_icmp icmp;
        struct view_tcp tcp;
    };
};

/* A frame in or out of a stack; its checksum state is honoured. */
void view_frame(struct frame_view *, const struct estab_frame *);
/* The same for bytes in one piece, with a complete checksum. */
void view_bytes(struct frame_view *, const void *bytes, size_t n, enum estab_link);

/* "SYN,ACK", in the order SYN FIN RST PSH ACK URG ECE CWR; "none". */
#define VIEW_FLAGS_MAX 40
size_t view_flags_text(char out[VIEW_FLAGS_MAX], uint8_t flags);
/* "mss", "nop", "sackOK"; NULL for a kind without a name. */
const char *view_option_name(uint8_t kind);
/* What the segment takes of the sequence space: text, SYN and FIN. */
static inline uint32_t view_seg_len(const struct frame_view *v)
{
    return v->payload_length + (v->tcp.flags & CTL_SYN ? 1 : 0) + (v->tcp.flags & CTL_FIN ? 1 : 0);
}

#endif
