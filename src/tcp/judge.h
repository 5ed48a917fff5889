/* SPDX-License-Identifier: MIT */
/*
 * judge.h - what RFC 9293 section 3.10.7 says of a segment, before anything is done about it.
 */
#ifndef TCP_JUDGE_H
#define TCP_JUDGE_H

#include "tcp/tcp.h"

/* What the judging steps look at. */
struct tcp_view {
    struct tcp_head *head;
    struct tcb *tcb;           /* one of these is NULL */
    struct tcp_record *record;
    snd_seq una, nxt;
    uint32_t snd_wnd_max;
    rcv_seq rcv_nxt, irs;
    uint32_t rcv_wnd;
    uint32_t ts_recent;
    bool rst_ends; /* a RST at RCV.NXT ends the connection: not TIME-WAIT, by default */
    bool ts_young; /* TS.Recent is under 24 days old: PAWS holds */
};

enum verdict {
    V_NEXT,      /* to the next step */
    V_DROP,      /* silently */
    V_ACK,       /* <SEQ=SND.NXT><ACK=RCV.NXT><CTL=ACK>, and drop */
    V_CHALLENGE, /* the same, throttled (RFC 5961 section 7) */
    V_RESET,     /* <SEQ=SEG.ACK><CTL=RST>, and drop */
    V_SYN_ACK,   /* our SYN,ACK again */
    V_CLOSE,     /* the peer has reset the connection */
    V_LISTEN,    /* back to LISTEN */
    V_WAIT,      /* TIME-WAIT begins anew */
};

struct ruling {
    enum verdict verdict;
    enum reason reason;
};

/* Steps 1 to 5 of section 3.10.7.4; V_NEXT if all of them let the segment pass. */
struct ruling judge(const struct tcp_view *v, const struct segment *s);
/* Section 3.10.7.3, SYN-SENT: V_NEXT leaves a SYN that is ours to take. */
struct ruling judge_syn_sent(const struct tcb *b, const struct segment *s);

#endif
