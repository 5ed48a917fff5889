/* SPDX-License-Identifier: MIT */
/*
 * validate.c - congestion-window validation: what becomes of a window that is not used, of which nobody
 * knows whether the path would bear it.
 *
 *      it was not in the way of what was sent    it does not grow              RFC 7661 section 4.4
 *      nothing was sent for an RTO               half, for each RTO            RFC 5681 section 4.1, RFC 2861 3.1
 *      not full for an RTO, nor acknowledged     half way down to what was used             RFC 2861 section 3.2
 *
 * The first holds always.  The others hold with config.slow_start_after_idle, down to the initial window;
 * ssthresh then remembers three quarters of the window, so that slow start soon finds back.
 *
 *      cwnd  |----------.                      a sender that begins to use 4 of 40 segments, and is not
 *            |          '-----------.           acknowledged for an RTO at a time
 *      used  |  ...................'----------
 *            |___________________________________
 *                   RTO         RTO
 *
 * Not RFC 2861 3.2: an acknowledgment of new text begins the RTO anew, as in Linux, so that a sender who
 * goes on at a lower rate keeps its window; RFC 7661 section 3 tells why it should.
 *
 * Not RFC 7661, by which RFC 2861 is historic: there is no pipeACK, nor its Nonvalidated Phase, which keeps a window
 * for five minutes (section 4.4.3), and answers to a loss by what was used and not by cwnd (4.4.1).  NewReno does the
 * latter by FlightSize (RFC 5681, equation 4), CUBIC does not, as in Linux.  With slow_start_after_idle off a window is
 * kept without that bound.
 */
#include "tcp/cc.h"
#include "tcp/loss.h"

/*
 * Linux's habits: in slow start a window grows while it is under twice what was outstanding; and also where
 * neither the user nor the peer kept text back, for then pacing did, which will send at the rate of that
 * very window.
 */
bool window_was_limited(const struct tcp *t, const struct tcb *b, snd_seq una_before)
{
    uint32_t flight = snd_span(una_before, b->snd.nxt);

    if (flight + b->snd.mss >= b->cc.cwnd)
        return true;
    if (b->cc.cwnd < b->cc.ssthresh)
        return b->cc.cwnd / 2 < tcb_board(t, b)->most;
    return b->cc.cwnd / 2 <= flight && tcb_not_sent(b) >= b->snd.mss &&
           b->snd.wnd >= flight + b->snd.mss;
}

void window_fits(const struct tcp *t, const struct tcb *b, estab_time now)
{
    if (b->board)
        board_of(t, b)->use.fits_us = (uint32_t)us_of(now);
}

/* What was acknowledged last was so when the peer was last heard. */
void window_begins(struct tcb *b, struct tcp_scoreboard *k, estab_time now)
{
    k->most = k->use.used = 0;
    k->use.fits_us = (uint32_t)(b->cc_idled ? us_of(now) : b->heard_us);
    b->cc_idled = false;
}

static void remember(struct tcb *b)
{
    if (b->cc.ssthresh < b->cc.cwnd / 4 * 3)
        b->cc.ssthresh = b->cc.cwnd / 4 * 3;
}

/* ---- nothing is sent -------------------------------------------------------------------------------- */

/* RFC 5681 section 4.1 wants the restart window at once.  Not RFC 5681: half of cwnd for each RTO, as in
 * RFC 2861: Linux's habit. */
void cc_idle(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t restart = tcb_initial_window(t, b->snd.mss), cwnd = b->cc.cwnd;
    uint64_t idle_us = us_of(now) - b->since_us, rto_us = b->rtt.rto_us;

    cc_of(b)->on_idle(&b->cc, idle_us);
    b->cc_idled = idle_us > rto_us;
    if (!t->config.slow_start_after_idle || idle_us <= rto_us || cwnd <= restart)
        return;
    remember(b);
    for (uint64_t left = idle_us; left > rto_us && cwnd > restart; left -= rto_us)
        cwnd /= 2;
    cc_set(t, b, cwnd > restart ? cwnd : restart, RULE_RESTART, now);
}

/* ---- less is sent than could be --------------------------------------------------------------------- */

/* Whether what was acknowledged next would let the window grow: it is full, or grows in slow start. */
static bool is_full(const struct tcb *b, const struct tcp_scoreboard *k)
{
    return tcb_outstanding(b) + b->snd.mss > b->cc.cwnd ||
           (b->cc.cwnd < b->cc.ssthresh && b->cc.cwnd / 2 < k->most);
}

/* Whether nothing else rules the window: a loss, or what may be one, or a mark of ECN; and whether it is the
 * user who leaves it empty, and not the room that the user waits for. */
static bool is_idled(const struct tcb *b, const struct tcp_scoreboard *k)
{
    return !(b->flags & (TCB_RECOVERY | TCB_RECOVER | TCB_WANT_SEND)) && !ecn_shrinks(b) && k->sacked == 0 &&
           b->rtt.dupacks == 0;
}

void cc_sent(struct tcp *t, struct tcb *b, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);
    uint32_t used;

    if (!k || !k->use.more)
        return;
    k->use.more = false;
    if (is_full(b, k)) {
        k->use.used = 0;
        window_fits(t, b, now);
        return;
    }
    if (tcb_outstanding(b) > k->use.used)
        k->use.used = tcb_outstanding(b);
    if (!t->config.slow_start_after_idle || (uint32_t)us_of(now) - k->use.fits_us < b->rtt.rto_us)
        return;
    used = tcb_initial_window(t, b->snd.mss);
    if (used < k->use.used)
        used = k->use.used;
    if (is_idled(b, k) && used < b->cc.cwnd) {
        remember(b);
        cc_set(t, b, used + (b->cc.cwnd - used) / 2, RULE_UNUSED, now);
    }
    k->use.used = 0;
    window_fits(t, b, now);
}
