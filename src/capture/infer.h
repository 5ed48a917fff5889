/* SPDX-License-Identifier: MIT */
/*
 * infer.h - the state of an end that is not ours, worked out from the packets that pass.
 *
 * We stand at our own device: we see every frame that the peer sends us, and every frame of ours
 * that reaches it.  Two rules make states of them.
 *
 *  1. What the peer sends tells what it has done: a SYN is an OPEN, a FIN a CLOSE, a RST an ABORT.
 *  2. What it receives moves it when it answers, if it must answer (SYN, SYN+ACK, FIN): its answer
 *     is the proof that the segment got there, and in order.  What it need not answer (the ACK of
 *     its SYN or of its FIN, a RST) moves it at once: we take for granted that it arrives.
 *
 *          we                              the peer
 *              ------ SYN ------------->   LISTEN
 *              <----- SYN,ACK ----------   LISTEN -> SYN-RECEIVED    rule 2: it answers
 *              ------ ACK ------------->   SYN-RECEIVED -> ESTABLISHED   rule 2: at once
 *              ------ FIN,ACK --------->   ESTABLISHED
 *              <----- ACK --------------   ESTABLISHED -> CLOSE-WAIT   rule 2: it answers
 *              <----- FIN,ACK ----------   CLOSE-WAIT -> LAST-ACK    rule 1
 *              ------ ACK ------------->   LAST-ACK -> CLOSED        rule 2: at once
 *
 * Every move is an edge of fsm.def.  What cannot be seen is not guessed: a peer that gives up
 * quietly (user timeout, R2), or closes before it has sent a SYN, stays where it was.
 *
 * Do not feed frames of ours that an impairing link loses; do feed frames of the peer's that such a
 * link keeps from us: it has sent them.  Frames that do not parse or whose checksum is bad say
 * nothing, and are ignored; so are old duplicates.
 */
#ifndef CAPTURE_INFER_H
#define CAPTURE_INFER_H

#include "base/seq.h"
#include "capture/end.h"
#include "capture/view.h"

/* Our ACK of the peer's FIN, where it cannot move the peer before it has answered our FIN. */
enum infer_held {
    HELD_NOTHING,
    HELD_WITH_FIN,  /* it came in the segment with our FIN: both are one event */
    HELD_AFTER_FIN, /* it came behind our FIN */
};

/* Numbers are named as the peer names them: SND is what it sends. */
#define INFER_ISLANDS_MAX 8

struct infer {
    struct estab_endpoint local, peer;
    uint8_t state;     /* enum tcp_state, of the peer */
    uint8_t start;     /* what it is before the first packet: LISTEN or CLOSED */
    bool known;        /* a SYN was seen, or the start is LISTEN */
    bool passive;      /* the peer was opened passively */
    bool fin_sent;     /* it has sent its FIN, at fin_seq */
    bool syn_came;     /* our SYN, at syn_seq, waits for its answer */
    bool syn_ack_came; /* our SYN+ACK waits for its answer */
    bool fin_came;     /* our FIN, at our_fin_seq, reached it */
    uint8_t held;      /* enum infer_held */
    uint8_t islands;
    snd_seq iss, snd_una, snd_nxt, fin_seq;
    rcv_seq irs, rcv_nxt, rcv_max; /* rcv_nxt: in sequence, as far as we know; rcv_max: at all */
    rcv_seq syn_seq, our_fin_seq;
    struct infer_island {
        rcv_seq left, right;
    } island[INFER_ISLANDS_MAX]; /* what came beyond a gap */
    estab_time two_msl;          /* nanoseconds */
    estab_time due;              /* the end of TIME-WAIT; ESTAB_NEVER */
    uint64_t stamp;              /* of infer_find */
};

/* `start` is what the peer is before any packet: TCP_LISTEN where it is known to listen, else
 * TCP_CLOSED.  msl_ns: the peer's; Linux's TIME-WAIT is 60 s, so 30 s. */
void infer_init(struct infer *, struct estab_endpoint local, struct estab_endpoint peer,
                enum tcp_state start, estab_time msl_ns);

/* A TCP segment of this connection passes.  The result is the peer's state with the moves that it
 * causes, `inferred`; not `known` as long as no SYN was seen, unless the start is LISTEN. */
struct end_state infer_feed(struct infer *, const struct frame_view *, bool from_peer,
                            estab_time now);
/* When TIME-WAIT ends; ESTAB_NEVER. */
estab_time infer_deadline(const struct infer *);
/* Ends it if that time has come: one move, or none. */
struct end_state infer_expire(struct infer *, estab_time now);

/* ---- many connections ---- */

#define INFER_TABLE_MAX 1024

struct infer_table {
    uint64_t stamp;
    unsigned count;
    enum tcp_state start; /* for connections that we open; those that the peer opens start CLOSED */
    estab_time msl_ns;
    struct infer entry[INFER_TABLE_MAX];
};

void infer_table_init(struct infer_table *, enum tcp_state start, estab_time msl_ns);
/* The connection of this segment, new if need be; the one that was used longest ago makes room.
 * NULL if it is no TCP segment. */
struct infer *infer_find(struct infer_table *, const struct frame_view *, bool from_peer);
/* One whose TIME-WAIT has ended, its move in *end; NULL when there is none. */
struct infer *infer_table_expire(struct infer_table *, struct end_state *end, estab_time now);
/* When the first of them ends; ESTAB_NEVER. */
estab_time infer_table_deadline(const struct infer_table *);

#endif
