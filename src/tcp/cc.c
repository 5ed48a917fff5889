/* SPDX-License-Identifier: MIT */
/*
 * cc.c - the table of congestion controls, of which estab_config.congestion names a row; and what
 * holds for every row: when a window may grow, and what an idle time leaves of it.
 */
#include "tcp/cc.h"
#include "tcp/tcp.h"

const struct cc *const cc_all[CC_ROWS] = {
    [CC_NEWRENO] = &cc_newreno,
};

static void cc_note(struct tcp *t, const struct tcb *b, enum cwnd_rule rule, estab_time now)
{
    NOTE(t, CWND, b->head.handle, now, b->cc.cwnd, b->cc.ssthresh, (uint32_t)rule);
}

void cc_set(struct tcp *t, struct tcb *b, uint32_t cwnd, enum cwnd_rule rule, estab_time now)
{
    b->cc.cwnd = cwnd > b->snd.mss ? cwnd : b->snd.mss;
    cc_note(t, b, rule, now);
}

/* RFC 7661's spirit: a window that was not filled does not grow; but in slow start it does while it
 * is under twice what was outstanding, as in Linux. */
static bool cc_was_limited(const struct tcb *b, snd_seq una_before)
{
    if (snd_span(una_before, b->snd.nxt) + b->snd.mss >= b->cc.cwnd)
        return true;
    return b->cc.cwnd < b->cc.ssthresh && b->cc.cwnd / 2 < b->flight_most;
}

void cc_acked(struct tcp *t, struct tcb *b, uint32_t bytes, snd_seq una_before, uint32_t rtt_us,
              estab_time now)
{
    struct cc_window before = b->cc;
    struct cc_ack a = {.bytes = bytes,
                       .rtt_us = rtt_us,
                       .srtt_us = b->flags & TCB_RTT_VALID ? b->rtt.srtt_us8 / 8 : 0,
                       .mss = b->snd.mss,
                       .una = b->snd.una,
                       .nxt = b->snd.nxt,
                       .now_us = us_of(now)};
    enum cwnd_rule rule;

    if (!cc_was_limited(b, una_before))
        return;
    rule = cc_of(b)->on_ack(&b->cc, &a);
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

void cc_idle(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t restart = tcb_initial_window(t, b->snd.mss);
    uint64_t idle_us = us_of(now) - b->since_us;

    cc_of(b)->on_idle(&b->cc, idle_us);
    if (idle_us <= b->rtt.rto_us || b->cc.cwnd <= restart)
        return;
    cc_set(t, b, restart, RULE_RESTART, now);
}
