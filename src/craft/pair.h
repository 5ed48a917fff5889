/* SPDX-License-Identifier: MIT */
/*
 * pair.h - a connection that is made by hand: what both its ends are known to be, what is proposed
 * for the next segment, and what a segment should do to the end that it reaches.
 *
 * Neither end is a TCP of ours, so both are inferred (capture/infer.h).  A segment counts for its
 * receiver only if section 3.10.7 would take it; else it counts for its sender alone.
 *
 * Limits: CRAFT_PAIRS connections; the one that was spoken of longest ago makes room.
 */
#ifndef CRAFT_PAIR_H
#define CRAFT_PAIR_H

#include "craft/judge.h"

#define CRAFT_PAIRS 64

enum craft_listens { CRAFT_UNSURE, CRAFT_LISTENS, CRAFT_CLOSED };

struct craft_end {
    struct infer infer;
    bool scales, stamps; /* its SYN had these options */
    uint8_t wscale;
    bool offered;
    uint16_t syn_window;
    uint32_t edge; /* of its window */
    uint32_t ts_recent;
};

struct craft_pair {
    struct estab_endpoint ours, theirs;
    struct craft_end us, them;
    enum craft_listens listens; /* the peer, where we may connect to */
    bool opened;                /* one of us has sent a SYN */
    uint32_t iss;               /* proposed for our SYN */
    bool reset;                 /* the last segment to us asks for a RST, */
    uint32_t reset_seq;         /* with this number */
    uint64_t stamp;
};

struct craft_pairs {
    uint64_t stamp;
    unsigned count;
    bool we_listen;
    struct craft_pair pair[CRAFT_PAIRS];
};

/* What a segment should do.  Where nobody knows whether the peer listens there are two answers. */
struct craft_verdict {
    bool told; /* there is something to say */
    const struct craft_pair *pair;
    bool unsure;
    struct judgement judgement; /* if it listens */
    struct judgement if_closed; /* unsure: if it does not */
    struct end_state from, to;  /* what infer.h makes of both ends */
};

/* The connection of these two, new if need be, with `iss` proposed for our SYN. */
struct craft_pair *craft_pair_find(struct craft_pairs *, const struct estab_endpoint *ours,
                                   const struct estab_endpoint *theirs, uint32_t iss);
/* A TCP segment passes, from us or to us; `packet` is what judge_packet says of it. */
struct craft_verdict craft_pair_see(struct craft_pairs *, struct craft_pair *,
                                    const struct frame_view *, bool from_us, enum reason packet,
                                    estab_time now);
/* SND.NXT and RCV.NXT of ours, as far as they are known. */
uint32_t craft_pair_seq(const struct craft_pair *, bool for_syn);
uint32_t craft_pair_ack(const struct craft_pair *);

#endif
