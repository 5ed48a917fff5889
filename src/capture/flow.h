/* SPDX-License-Identifier: MIT */
/*
 * flow.h - connections as an onlooker sees them: relative numbers, true windows, retransmissions.
 *
 * Relative numbers count from each direction's SYN, which is 0; where the SYN was not seen, the
 * first byte seen is 1.  They are 64-bit and signed: they do not wrap after 4 GiB, and what lies
 * before the SYN is negative.
 *
 * Windows are shown scaled once both SYNs have been seen (RFC 7323 section 2.2).
 *
 * Limits: FLOWS_MAX connections; the one that was seen longest ago makes room for a new one.
 */
#ifndef CAPTURE_FLOW_H
#define CAPTURE_FLOW_H

#include "capture/view.h"

#define FLOWS_MAX 1024

/* What the numbers of a segment say of it, seen from outside. */
enum flow_mark {
    FLOW_PLAIN,
    FLOW_RETRANSMISSION,
    FLOW_PROBE, /* of a window of zero */
    FLOW_KEEPALIVE,
    FLOW_DUPLICATE_ACK,
    FLOW_MARKS
};

struct flow_note {
    bool tcp;
    int64_t seq, ack; /* relative */
    uint32_t window;  /* scaled */
    enum flow_mark mark;
    uint32_t number; /* of the connection, from 1 */
    bool several;    /* another connection between the same two addresses is open */
};

struct flow_side {
    bool based;  /* a base is known, */
    bool syn;    /* from a SYN, */
    bool synced; /* which the other side has acknowledged */
    bool fin, wscaled, acking;
    uint8_t wscale;
    uint32_t next;    /* the highest number sent, plus one */
    int64_t next_rel; /* the same, relative */
    uint32_t ack;     /* the last one sent */
    uint16_t window_field;
    uint32_t window;
};

struct flow {
    struct estab_endpoint end[2];
    struct flow_side side[2];
    uint64_t stamp;
    uint32_t number;
    bool reset;
};

struct flows {
    uint64_t stamp;
    uint32_t numbers;
    unsigned count;
    struct flow entry[FLOWS_MAX];
};

/* A zeroed struct flows is an empty one.  Call it once for each frame, in their order. */
struct flow_note flows_see(struct flows *, const struct frame_view *);
/* "retransmission"; "" for PLAIN. */
const char *flow_mark_text(enum flow_mark);

#endif
