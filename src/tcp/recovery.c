/* SPDX-License-Identifier: MIT */
/*
 * recovery.c - what was lost, and sending it again: fast retransmit and fast recovery of RFC 5681
 * section 3.2 with NewReno's partial acknowledgments (RFC 6582), and the timeout of RFC 6298.
 *
 *      third duplicate ACK   recover = SND.NXT, send SND.UNA's segment, cwnd = ssthresh + 3 SMSS
 *      each further one      cwnd += SMSS: a segment has left the network
 *      partial ACK           send the next hole, cwnd -= acked, += SMSS if that was one or more
 *      ACK of `recover`      cwnd = min(ssthresh, flight + SMSS), done
 *      timeout               cwnd = SMSS, sending starts again at SND.UNA
 */
#include "tcp/cc.h"
#include "tcp/tcp.h"

enum { DUPTHRESH = 3 };

static void recovery_enter(struct tcp *t, struct tcb *b, estab_time now)
{
    if (!ecn_shrinks(b)) /* by an ECE, in the same window */
        cc_congested(b, tcb_outstanding(b), false, now);
    ecn_reduced(t, b);
    b->rtt.recover = b->snd.nxt;
    b->flight_most = 0;
    b->flags |= TCB_RECOVERY | TCB_RETRANSMIT;
    b->flags &= ~(uint32_t)TCB_TIMED; /* Karn: the timed segment may be the one sent again */
    cc_set(t, b, b->cc.ssthresh + DUPTHRESH * b->snd.mss, RULE_FAST_RETRANSMIT, now);
    conn_ready(t, b);
}

/*
 * RFC 6582 section 3.2 steps 2 and 4: after a recovery or a timeout, duplicate acknowledgments of
 * what was sent before it must not start another recovery; SND.UNA has to pass `recover`.
 */
static bool covers_recover(const struct tcb *b)
{
    return !(b->flags & TCB_RECOVER) || snd_lt(b->rtt.recover, b->snd.una);
}

void recovery_duplicate(struct tcp *t, struct tcb *b, estab_time now)
{
    if (b->rtt.dupacks < UINT8_MAX)
        b->rtt.dupacks++;
    if (b->flags & TCB_RECOVERY) {
        /*
         * RFC 5681 section 3.2: no more often than segments were outstanding, so that forged
         * duplicates gain nothing.  What was outstanding is twice ssthresh.
         */
        if (b->cc.cwnd < tcb_outstanding(b) + b->snd.mss && b->cc.cwnd / 3 < b->cc.ssthresh)
            cc_set(t, b, b->cc.cwnd + b->snd.mss, RULE_INFLATE, now);
        conn_ready(t, b);
    } else if (b->rtt.dupacks == DUPTHRESH && covers_recover(b)) {
        recovery_enter(t, b, now);
    }
}

static void recovery_partial(struct tcp *t, struct tcb *b, uint32_t acked, estab_time now)
{
    uint32_t cwnd = b->cc.cwnd - (acked < b->cc.cwnd ? acked : b->cc.cwnd);

    if (acked >= b->snd.mss)
        cwnd += b->snd.mss;
    b->flags |= TCB_RETRANSMIT;
    cc_set(t, b, cwnd, RULE_PARTIAL_ACK, now);
}

static void recovery_leave(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t flight = tcb_outstanding(b) + b->snd.mss;

    if (flight < 2 * b->snd.mss)
        flight = 2 * b->snd.mss;
    b->flags &= ~(uint32_t)TCB_RECOVERY;
    b->flags |= TCB_RECOVER;
    cc_set(t, b, b->cc.ssthresh < flight ? b->cc.ssthresh : flight, RULE_RECOVERED, now);
}

/* SND.UNA has moved by `acked` from `una_before`. */
void recovery_acked(struct tcp *t, struct tcb *b, uint32_t acked, snd_seq una_before, uint32_t rtt_us,
                    estab_time now)
{
    b->rtt.dupacks = 0;
    if ((b->flags & TCB_RECOVER) && snd_lt(b->rtt.recover, b->snd.una))
        b->flags &= ~(uint32_t)TCB_RECOVER;
    if (b->flags & TCB_RECOVERY) {
        if (snd_lt(b->snd.una, b->rtt.recover))
            recovery_partial(t, b, acked, now);
        else
            recovery_leave(t, b, now);
        return;
    }
    if (!ecn_shrinks(b))
        cc_acked(t, b, acked, una_before, rtt_us, now);
}

void recovery_timeout(struct tcp *t, struct tcb *b, estab_time now)
{
    cc_timed_out(t, b, tcb_outstanding(b), b->rtt.retries > 1, now);
    ecn_reduced(t, b);
    b->flags &= ~(uint32_t)(TCB_RECOVERY | TCB_TIMED | TCB_RETRANSMIT);
    b->flags |= TCB_RECOVER;
    b->rtt.recover = b->snd.nxt;
    b->rtt.dupacks = 0;
    emit_seek(b, b->snd.una);
    b->flight_most = 0;
}
