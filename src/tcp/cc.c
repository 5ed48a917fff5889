/* SPDX-License-Identifier: MIT */
/*
 * cc.c - the table of congestion controls, of which estab_config.congestion names a row; and what
 * holds for every row: when a window may grow, and what an idle time leaves of it.
 */
#include "tcp/cc.h"
#include "tcp/loss.h"

const struct cc *const cc_all[CC_ROWS] = {
    [CC_NEWRENO] = &cc_newreno,
    [CC_CUBIC] = &cc_cubic,
};

/*
 * Not RFC 5681: a growth of SMSS at most for each acknowledgment, nor RFC 3465's of two, because
 * receivers of super-segments acknowledge forty segments at once.  Bytes are counted, so that many
 * small acknowledgments gain nothing; Linux does so, too.
 */
enum cwnd_rule cc_slow_start(struct cc_window *w, uint32_t acked)
{
    uint32_t room = w->ssthresh - w->cwnd;

    w->cwnd += acked < room ? acked : room;
    return RULE_SLOW_START;
}

static void cc_note(struct tcp *t, const struct tcb *b, enum cwnd_rule rule, estab_time now)
{
    NOTE(t, CWND, b->head.handle, now, b->cc.cwnd, b->cc.ssthresh, (uint32_t)rule);
}

void cc_choose(const struct tcp *t, struct tcb *b, uint32_t row)
{
    struct cc_window before = b->cc;

    ASSERT(row < CC_ROWS);
    if (b->cc_row == row)
        return;
    b->cc_row = row & 15u;
    cc_of(b)->start(&b->cc, before.cwnd);
    b->cc.ssthresh = before.ssthresh;
    undo_chosen(t, b);
}

void cc_set(struct tcp *t, struct tcb *b, uint32_t cwnd, enum cwnd_rule rule, estab_time now)
{
    b->cc.cwnd = cwnd > b->snd.mss ? cwnd : b->snd.mss;
    cc_note(t, b, rule, now);
}

/*
 * RFC 7661's spirit: a window that was not filled does not grow, for nobody knows whether the path
 * would bear it.  Linux's habits: in slow start it grows while it is under twice what was outstanding;
 * and also where neither the user nor the peer kept text back, for then pacing did, which will send at
 * the rate of that very window.
 */
static bool cc_was_limited(const struct tcp *t, const struct tcb *b, snd_seq una_before)
{
    uint32_t flight = snd_span(una_before, b->snd.nxt);

    if (flight + b->snd.mss >= b->cc.cwnd)
        return true;
    if (b->cc.cwnd < b->cc.ssthresh)
        return b->cc.cwnd / 2 < tcb_board(t, b)->most;
    return b->cc.cwnd / 2 <= flight && tcb_not_sent(b) >= b->snd.mss &&
           b->snd.wnd >= flight + b->snd.mss;
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
                       .limited = cc_was_limited(t, b, una_before),
                       .paced = b->pace & PACE_ON,
                       .hystart = b->hystart};
    enum cwnd_rule rule = cc_of(b)->on_ack(&b->cc, &a);
    if (b->cc.cwnd != before.cwnd || b->cc.ssthresh != before.ssthresh)
        cc_note(t, b, rule, now);
}

void cc_congested(struct tcb *b, uint32_t flight, bool ecn, estab_time now)
{
    struct cc_loss l = {.flight = flight, .mss = b->snd.mss, .now_us = us_of(now)};

    if (ecn)
        cc_of(b)->on_ecn(&b->cc, &l);
    else
        cc_of(b)->on_loss(&b->cc, &l);
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

/*
 * RFC 5681 section 4.1 wants the restart window where nothing was sent for an RTO, as Linux's sysctl
 * tcp_slow_start_after_idle does.  Not RFC 5681: half of cwnd for each RTO, and ssthresh remembers
 * three quarters of it, as in RFC 2861: Linux's habit.
 */
void cc_idle(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t restart = tcb_initial_window(t, b->snd.mss), cwnd = b->cc.cwnd;
    uint64_t idle_us = us_of(now) - b->since_us, rto_us = b->rtt.rto_us;

    cc_of(b)->on_idle(&b->cc, idle_us);
    if (!t->config.slow_start_after_idle || idle_us <= rto_us || cwnd <= restart)
        return;
    if (b->cc.ssthresh < cwnd / 4 * 3)
        b->cc.ssthresh = cwnd / 4 * 3;
    for (uint64_t left = idle_us; left > rto_us && cwnd > restart; left -= rto_us)
        cwnd /= 2;
    cc_set(t, b, cwnd > restart ? cwnd : restart, RULE_RESTART, now);
}
