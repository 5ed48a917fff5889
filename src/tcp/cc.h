/* SPDX-License-Identifier: MIT */
/*
 * cc.h - congestion control as a table: one row, one algorithm (RFC 9293 section 3.8.2).
 *
 * A row says how the window answers to what the connection has learned; what was lost, and what to
 * send again, is recovery.c's, and so is cwnd while that goes on.  What each of them may write:
 *
 *      outside recovery    cwnd and ssthresh    the row: cc_acked
 *      not used            cwnd and ssthresh    cc_idle, cc_sent, by cc_set
 *      a loss, a mark      ssthresh             the row: cc_congested; cwnd is the caller's, by cc_set
 *      in recovery         cwnd                 the caller, by cc_set, down to ssthresh in the end
 *      a timeout           cwnd and ssthresh    the row: cc_timed_out
 *      undone              cwnd and ssthresh    the row: cc_undo, from a copy made before the loss
 *      a smaller segment   cwnd and ssthresh    cc_shrinks, and the row what it keeps in bytes
 *
 * Integers only; private words live in struct cc_window.
 */
#ifndef TCP_CC_H
#define TCP_CC_H

#include "base/trace.h"
#include "tcp/tcb.h"

/* An acknowledgment of new text. */
struct cc_ack {
    uint32_t bytes;   /* that it acknowledges, cumulatively */
    uint32_t rtt_us;  /* round trip of the last segment that it acknowledges; 0: not measured */
    uint32_t srtt_us, least_us; /* the smoothed round trip, and the least of all; 0: no sample yet */
    uint32_t mss;
    snd_seq una, nxt; /* SND.UNA as it is now, and SND.NXT: where a round ends, where the next does */
    uint64_t now_us;
    bool limited; /* cwnd was in the way of the text that it acknowledges: it may grow */
    bool paced;   /* segments are sent with time between them */
    uint8_t hystart; /* enum estab_hystart */
};

/* A loss, a timeout, or a mark of ECN. */
struct cc_loss {
    uint32_t flight; /* FlightSize of RFC 5681, before anything is sent again */
    uint32_t mss;
    uint64_t now_us;
};

struct cc {
    const char *name, *rfc;
    void (*start)(struct cc_window *w, uint32_t initial);
    /* New text was acknowledged outside recovery.  The rule by which cwnd or ssthresh was changed. */
    enum cwnd_rule (*on_ack)(struct cc_window *w, const struct cc_ack *a);
    /* A segment was lost, found by duplicate acknowledgments, SACK or RACK: ssthresh, by which rule. */
    enum cwnd_rule (*on_loss)(struct cc_window *w, const struct cc_loss *l);
    /* The peer has seen Congestion Experienced (RFC 3168): ssthresh, once in a window. */
    enum cwnd_rule (*on_ecn)(struct cc_window *w, const struct cc_loss *l);
    /* The retransmission timer fired: one segment.  `again`: ssthresh was taken down for this flight
     * already, by a recovery or by the timeout before. */
    void (*on_timeout)(struct cc_window *w, const struct cc_loss *l, bool again);
    /* What was answered to was no loss; `before` is the window as it stood when it was taken for one. */
    void (*undo)(struct cc_window *w, const struct cc_window *before);
    /* Nothing was outstanding for `idle_us`, and text is about to be sent.  cwnd is cc_idle's. */
    void (*on_idle)(struct cc_window *w, uint64_t idle_us);
    /* Segments have become smaller: cc_fewer(., was, mss) of whatever is in bytes, but for cwnd and ssthresh. */
    void (*on_mss)(struct cc_window *w, uint32_t was, uint32_t mss);
};

enum { CC_NEWRENO = ESTAB_CONGESTION_NEWRENO, CC_CUBIC = ESTAB_CONGESTION_CUBIC, CC_ROWS };

/* Hidden, so that the core's objects need no offset table to find them. */
#pragma GCC visibility push(hidden)
extern const struct cc *const cc_all[CC_ROWS];
extern const struct cc cc_newreno, cc_cubic;
#pragma GCC visibility pop

static inline const struct cc *cc_of(const struct tcb *b)
{
    return cc_all[b->cc_row];
}

/* ---- what rows share ------------------------------------------------------------------------------ */

/* RFC 5681 section 3.1: cwnd grows by what was acknowledged, up to ssthresh. */
enum cwnd_rule cc_slow_start(struct cc_window *w, uint32_t acked);

/* Bytes of as many segments of `mss` as `bytes` were of `was`. */
static inline uint32_t cc_fewer(uint32_t bytes, uint32_t was, uint32_t mss)
{
    return (uint32_t)((uint64_t)bytes * mss / was);
}

/* Of what stands in the union of struct cc_window. */
enum cubic_phase {
    CUBIC_STARTS = 1,   /* struct cc_hystart: no loss, no timeout yet since the window was small */
    CUBIC_ROUND = 2,    /* and round_end is the end of this round trip */
    CUBIC_CAREFUL = 4,  /* RFC 9406's conservative slow start */
    CUBIC_EPOCH = 8,    /* struct cc_cubic: t runs */
    CUBIC_PAUSED = 16,  /* t stands still */
    CUBIC_UNKNOWN = 32, /* W_max is where congestion avoidance began, and not where a loss was */
};

/* cc_hystart.c: CUBIC_STARTS; what of an acknowledgment in slow start counts.  Done: ssthresh is cwnd, and
 * *rule says why. */
void hystart_begin(struct cc_window *w);
uint32_t hystart_on_ack(struct cc_window *w, const struct cc_ack *a, enum cwnd_rule *rule);

/* ---- what a connection calls; each leaves a CWND record in the trace if it changes something ------ */

struct tcp;

/* ESTABLISHED: the window that the MSS has made is told. */
void cc_begins(struct tcp *t, const struct tcb *b, estab_time now);
/* The user has chosen another row: the window stays as it is. */
void cc_choose(const struct tcp *t, struct tcb *b, uint32_t row);
/* cwnd = `cwnd`, a segment at least: the rule is the caller's.  Tells it even if nothing changes. */
void cc_set(struct tcp *t, struct tcb *b, uint32_t cwnd, enum cwnd_rule rule, estab_time now);
/* SND.UNA has moved by `bytes` from `una_before`, and nothing is being recovered. */
void cc_acked(struct tcp *t, struct tcb *b, uint32_t bytes, snd_seq una_before, uint32_t rtt_us,
              estab_time now);
/* ssthresh for a loss, or for an echo of ECN; `flight` as in struct cc_loss.  cwnd stays. */
void cc_congested(struct tcp *t, struct tcb *b, uint32_t flight, bool ecn, estab_time now);
void cc_timed_out(struct tcp *t, struct tcb *b, uint32_t flight, bool again, estab_time now);
/* `rule` says what has proved that nothing was lost. */
void cc_undo(struct tcp *t, struct tcb *b, const struct cc_window *before, enum cwnd_rule rule,
             estab_time now);
/* The path carries less than segments of `was`: they have become smaller (RFC 5681 section 3.1). */
void cc_shrinks(struct tcp *t, struct tcb *b, uint32_t was, estab_time now);
/* Text is about to be queued where nothing was, or the peer has opened its window to what waited;
 * `since_us` still tells since when. */
void cc_idle(struct tcp *t, struct tcb *b, estab_time now);
/* Nothing more can be sent now. */
void cc_sent(struct tcp *t, struct tcb *b, estab_time now);

/* validate.c, for cc.c.  Whether cwnd was in the way of what has been acknowledged from `una_before` on. */
bool window_was_limited(const struct tcp *t, const struct tcb *b, snd_seq una_before);
/* cwnd is as large as it should be, now. */
void window_fits(const struct tcp *t, const struct tcb *b, estab_time now);

#endif
