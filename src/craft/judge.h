/* SPDX-License-Identifier: MIT */
/*
 * judge.h - what RFC 9293 section 3.10.7 says of a segment, to an end of which only the packets are
 * known.
 *
 *      what has passed --> infer.h --> state and numbers --+
 *      its windows, its timestamps -----------------------+--> judge --> reason, moves, answer
 *      the segment ----------------------------------------+
 *
 * The engine judges with a TCB (tcp/arrive.c); here the numbers are those that an onlooker has, and
 * nothing happens.  Reasons are the engine's rows of reason.def, moves are edges of fsm.def, and
 * tests/state/test_judge.c holds both against the engine, in every state.
 *
 * Not told: what depends on memory, on user calls that no packet shows, and on throttles.
 */
#ifndef CRAFT_JUDGE_H
#define CRAFT_JUDGE_H

#include "capture/infer.h"

struct judge_end {
    const struct infer *infer; /* its `peer` is the end that judges */
    bool listens;              /* somebody listens there, where nothing is open */
    bool offered;              /* it has offered a window, */
    rcv_seq edge;              /* which ends there */
    bool timestamps;           /* agreed on (RFC 7323 section 3.2), */
    uint32_t ts_recent;        /* and this was the last one */
};

struct judgement {
    enum reason reason;   /* NONE: accepted, in order */
    bool taken;           /* it went past step 5: what it carries counts */
    struct end_state end; /* the state, and the moves */
    uint8_t flags;        /* of the answer; 0: there is none */
    bool later;           /* the answer may be delayed (RFC 9293 section 3.8.6.3) */
    bool seq_known;       /* else the answer's number is not foretold: an initial one, or text */
    uint32_t seq, ack;    /* of the answer, which has ACK if its flags say so */
};

/* What decides before TCP sees it: checksums, lengths, addresses.  `mac` is the receiver's, or
 * NULL; NONE: it is a TCP segment for it. */
enum reason judge_packet(const uint8_t *bytes, size_t n, enum estab_link link,
                         const struct estab_addr *address, const uint8_t *mac);
/* The segment must have passed judge_packet. */
struct judgement judge_segment(const struct judge_end *, const struct frame_view *);

#endif
