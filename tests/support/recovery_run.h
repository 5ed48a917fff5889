/* SPDX-License-Identifier: MIT */
/*
 * recovery_run.h - one transfer in virtual time, to which one thing happens, and what that cost.
 *
 *      client 10.13.0.101  == text, 100 Mbit/s, 20 ms ==>  server 10.13.0.1:3333
 *                          <== acknowledgments, the same ==
 *
 * Segments count from 1.  The first flight has 30 of them, the second, 31 to 90, has 60: what happens
 * in the middle of a transfer happens to these, and is over when an acknowledgment covers the 90th.
 *
 * A case says what becomes of a segment by its number and by how often it was sent; a link's rules count
 * frames.  So a case runs several times: what was to be hit and was not is found by its frame's number,
 * and becomes a rule of the next run.  Up to that frame both runs are the same, and no frame's fate is
 * felt by its sender before a round trip has passed.
 */
#ifndef SUPPORT_RECOVERY_RUN_H
#define SUPPORT_RECOVERY_RUN_H

#include "base/trace.h"
#include "estab.h"

enum {
    RECOVERY_FIRST = 31, /* the flight in the middle */
    RECOVERY_FLIGHT = 60,
    RECOVERY_LAST = RECOVERY_FIRST + RECOVERY_FLIGHT - 1,
    RECOVERY_LATER = 211, /* where what was learned is looked at */
};

enum recovery_group {
    GROUP_NOTHING,
    GROUP_MIDDLE,
    GROUP_HEAD,
    GROUP_TAIL,
    GROUP_LOST_AGAIN,
    GROUP_ACKS,
    GROUP_REORDERED,
    GROUP_LEARNED,
    GROUP_SPIKE,
    GROUP_SPIKE_PLAIN,
    RECOVERY_GROUPS,
};

/* Segments `first` to `last`, each as often as it is sent, `times` at most. */
struct recovery_loss {
    uint16_t first, last, times;
};

struct recovery_case {
    enum recovery_group group;
    const char *name;
    uint16_t segments, until; /* of the transfer; by whose acknowledgment it is over */
    struct recovery_loss lost[2];
    uint16_t late, behind; /* this segment comes behind so many later ones */
    bool learned;          /* as RECOVERY_FIRST did before it */
    uint16_t earlier;      /* this one was lost before all that, so that ssthresh is a number */
    uint16_t spike;        /* from this segment on, or from its acknowledgment on, */
    estab_time spike_ns;   /* nothing arrives until so much later */
    bool acks;             /* lost, or held up, are acknowledgments of these segments */
    uint16_t every;        /* of those that are lost, every so manieth */
    bool plain;            /* without timestamps */
    bool close;            /* a FIN goes with the last segment */
};

extern const struct recovery_case recovery_cases[];
extern const unsigned recovery_case_count;

/* What it cost, counted from the first segment that it happened to. */
struct recovery_cost {
    estab_time took;         /* until the acknowledgment of `until` */
    unsigned again, in_vain; /* segments sent again; that the server had already */
    unsigned timeouts, probes, recoveries;
    unsigned undone;         /* how often, and */
    enum cwnd_rule undone_by; /* at last by what */
    uint32_t mss;
    /* before it was taken for a loss, as it was undone, and when it was over */
    uint32_t cwnd_before, ssthresh_before, cwnd_undone, ssthresh_undone, cwnd_after;
    unsigned overtaken; /* segments that came before the late one */
};

/* False: something failed that has nothing to do with recovery; `why` says what. */
bool recovery_run(const struct recovery_case *c, enum estab_recovery recovery,
                  enum estab_congestion congestion, struct recovery_cost *cost, const char **why);

#endif
