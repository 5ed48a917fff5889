/* SPDX-License-Identifier: MIT */
/* frame.h - what input.c, output.c and the files beside them share: a frame as bytes, and a packet in it. */
#ifndef STACK_FRAME_H
#define STACK_FRAME_H

#include "stack/stack.h"

/* ---- input.c --------------------------------------------------------------------------------------- */

struct packet {
    struct estab_frame *frame;
    struct ipv4_header ip;
    const uint8_t *first; /* the first piece of the frame */
    uint32_t first_length;
    uint32_t at; /* of the IP header, then of the payload, in the frame */
    uint32_t length; /* of the payload */
    uint8_t mac[6]; /* who sent it */
    uint8_t interface;
    uint8_t local;
    bool trusted; /* the checksum is known to be good */
    bool group;   /* the frame was for several stations */
};

/* The sum of n bytes from `at` on. */
uint64_t frame_sum(const struct estab_frame *f, uint32_t at, uint32_t n, uint64_t sum);
/* Appends n bytes from `at` on to a queue; false if the text pool is short of chunks. */
bool frame_copy(struct chunk_pool *pool, const struct estab_frame *f, uint32_t at, uint32_t n,
                struct text_queue *q);
/* RFC 1122 section 3.2.2.1: answers with ICMP "unreachable" and the packet's own first bytes. */
void packet_unreachable(struct estab_stack *s, const struct packet *p, unsigned code, estab_time now);

/* ---- output.c -------------------------------------------------------------------------------------- */

void frame_link(const struct estab_stack *s, struct estab_frame *f, unsigned interface,
                const uint8_t mac[6], unsigned type);
/* A TTL of 0 is the stack's. */
void frame_ipv4(struct estab_stack *s, struct estab_frame *f, const struct ipv4_header *h);
/* Refers to n bytes of text from a place in a queue; each chunk is pinned. */
void frame_text(struct tcp *t, struct estab_frame *f, struct queue_cursor at, uint32_t n);
/* The sum of the text, which has so many bytes of header in front. */
uint64_t text_sum(const struct estab_frame *f, uint32_t header, uint64_t sum);
/* Whether the device, or nobody, sums the transport's bytes. */
bool frame_offloads(const struct estab_stack *s, const struct estab_frame *f);
enum reason why_lost(const struct ip_path *path, enum neighbour_answer answer);

/* ---- datagram.c: UDP ------------------------------------------------------------------------------- */

enum reason packet_udp(struct estab_stack *s, const struct packet *p, estab_time now);
/* An ICMP error that quotes a datagram of ours: its IP header, and 8 bytes more at `udp`. */
enum reason packet_icmp_udp(struct estab_stack *s, const struct ipv4_header *quoted, const uint8_t *udp,
                            unsigned type, unsigned code);
bool next_datagram(struct estab_stack *s, struct estab_frame *f, estab_time now);

#endif
