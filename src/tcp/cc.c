/* SPDX-License-Identifier: MIT */
/*
 * cc.c - the table of congestion controls, of which estab_config.congestion names a row; and how a
 * connection calls them.  What becomes of a window that is not used is validate.c's.
 */
#include "tcp/cc.h"
#include "tcp/loss.h"

const struct cc *const cc_all[CC_ROWS] = {
    [CC_NEWRENO] = &cc_newreno,
    [CC_CUBIC] = &cc_cubic,
};

/*
 * Appropriate byte counting (RFC 3465 section 2.2): cwnd grows by the N bytes that are acknowledged, so that
 * many small acknowledgments gain nothing.
 *
 * Not RFC 5681 section 3.1, equation 2: min(N, SMSS).  Not RFC 3465 sections 2.2 and 2.3: min(N, L * SMSS), with
 * L = 2, and 1 in the slow start after a timeout; L has no bound here, because receivers of super-segments
 * acknowledge forty segments at once.  Linux's habit.  Who lies gains nothing by it: what is acknowledged must
 * have been sent (tests/state/test_attackers.c); the burst that a large acknowledgment lets go is pace.c's.
 */
enum cwnd_rule cc_slow_start(struct cc_window *w, uint32_t acked)
{
    uint32_t room = w->ssthresh - w->cwnd;

    w->cwnd += acked < room ? acked : room;
    return RULE_SLOW_START;
}

static void cc_note(struct tcp *t, const struct tcb *b, enum cwnd_rule rule, estab_time now)
{
    window_fits(t, b, now);
    NOTE(t, CWND, b->head.handle, now, b->cc.cwnd, b->cc.ssthresh, (uint32_t)rule);
}

void cc_begins(struct tcp *t, const struct tcb *b, estab_time now)
{
    cc_note(t, b, RULE_START, now);
}

void cc_choose(const struct tcp *t, struct tcb *b, uint32_t row)
{
    struct cc_window before = b->cc;

    ASSERT(row < CC_ROWS);
    if (b->cc_row == row)
        return;
    b->cc_row = row & 7u;
    cc_of(b)->start(&b->cc, before.cwnd);
    b->cc.ssthresh = before.ssthresh;
    undo_chosen(t, b);
}

void cc_set(struct tcp *t, struct tcb *b, uint32_t cwnd, enum cwnd_rule rule, estab_time now)
{
    b->cc.cwnd = cwnd > b->snd.mss ? cwnd : b->snd.mss;
    cc_note(t, b, rule, now);
}

/* HyStart's own decisions, in the part of the window that is slow start's. */
static void hystart_note(struct tcp *t, const struct tcb *b, const struct cc_window *before,
                         enum cwnd_rule rule, estab_time now)
{
    const struct cc_hystart *h = &b->cc.hystart;
    bool was = before->hystart.phase & CUBIC_CAREFUL, is = h->phase & CUBIC_CAREFUL;
    uint32_t round_us = (uint32_t)h->least * RTT_TICK_US, least_us = (uint32_t)b->rtt_least * RTT_TICK_US;
    bool linux = rule == RULE_HYSTART_TRAIN || rule == RULE_HYSTART_DELAY;

    if (b->cc_row != CC_CUBIC || !(before->hystart.phase & h->phase & CUBIC_STARTS))
        return;
    if (linux || (rule == RULE_HYSTART_PLUSPLUS && b->cc.cwnd >= b->cc.ssthresh))
        NOTE(t, SLOW_START_LEFT, b->head.handle, now, round_us > 0 ? round_us : b->rtt.srtt_us8 / 8, least_us,
             linux ? (uint32_t)h->train * RTT_TICK_US : 0);
    else if (is && !was)
        NOTE(t, CSS_ENTERED, b->head.handle, now, round_us, (uint32_t)h->least_before * RTT_TICK_US);
    else if (was && !is)
        NOTE(t, CSS_LEFT, b->head.handle, now, round_us, (uint32_t)before->hystart.baseline * RTT_TICK_US);
}

void cc_acked(struct tcp *t, struct tcb *b, uint32_t bytes, snd_seq una_before, uint32_t rtt_us,
              estab_time now)
{
    struct cc_window before = b->cc;
    struct cc_ack a = {.bytes = bytes,
                       .rtt_us = rtt_us,
                       .srtt_us = b->flags & TCB_RTT_VALID ? b->rtt.srtt_us8 / 8 : 0,
                       .least_us = (uint32_t)b->rtt_least * RTT_TICK_US,
                       .mss = b->snd.mss,
                       .una = b->snd.una,
                       .nxt = b->snd.nxt,
                       .now_us = us_of(now),
                       .limited = window_was_limited(t, b, una_before),
                       .paced = b->pace & PACE_ON,
                       .hystart = b->hystart};
    enum cwnd_rule rule = cc_of(b)->on_ack(&b->cc, &a);

    hystart_note(t, b, &before, rule, now);
    window_fits(t, b, now);
    if (b->cc.cwnd != before.cwnd || b->cc.ssthresh != before.ssthresh)
        cc_note(t, b, rule, now);
}

void cc_congested(struct tcp *t, struct tcb *b, uint32_t flight, bool ecn, estab_time now)
{
    struct cc_loss l = {.flight = flight, .mss = b->snd.mss, .now_us = us_of(now)};

    if (ecn)
        (void)cc_of(b)->on_ecn(&b->cc, &l);
    else
        cc_note(t, b, cc_of(b)->on_loss(&b->cc, &l), now);
}

void cc_timed_out(struct tcp *t, struct tcb *b, uint32_t flight, bool again, estab_time now)
{
    struct cc_loss l = {.flight = flight, .mss = b->snd.mss, .now_us = us_of(now)};

    cc_of(b)->on_timeout(&b->cc, &l, again);
    cc_note(t, b, RULE_TIMEOUT, now);
}

void cc_undo(struct tcp *t, struct tcb *b, const struct cc_window *before, enum cwnd_rule rule,
             estab_time now)
{
    cc_of(b)->undo(&b->cc, before);
    cc_note(t, b, rule, now);
}

static void fewer(const struct tcb *b, struct cc_window *w, uint32_t was)
{
    w->cwnd = cc_fewer(w->cwnd, was, b->snd.mss);
    if (w->ssthresh != UINT32_MAX)
        w->ssthresh = cc_fewer(w->ssthresh, was, b->snd.mss);
    cc_of(b)->on_mss(w, was, b->snd.mss);
}

/* All that is in bytes is of as many segments as before, and so is what an undoing would restore; as in Linux,
 * which counts in segments. */
void cc_shrinks(struct tcp *t, struct tcb *b, uint32_t was, estab_time now)
{
    if (!tcb_syn_acked(b) || b->snd.mss >= was)
        return;
    fewer(b, &b->cc, was);
    if (b->board)
        fewer(b, &board_of(t, b)->undo.before, was);
    cc_set(t, b, b->cc.cwnd, RULE_SMALLER, now);
}
