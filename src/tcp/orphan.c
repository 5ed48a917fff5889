/* SPDX-License-Identifier: MIT */
/*
 * orphan.c - connections whose users have left (estab_release), and whose peers do not let them end.
 *
 * A peer that never sends its FIN, never acknowledges ours, or keeps its window shut, holds a TCB: for
 * fin_wait_2_ms, for R2, or for as long as it likes.  Whoever opens many of these would keep others out, so
 * when a pool has nothing for a new connection, one of them goes:
 *
 *      first   FIN-WAIT-2, where all our text has arrived; one that was sent again R1 times; one whose
 *              window was probed three times
 *      then    any other that has sent its FIN
 *
 * and of these the one that was silent longest, among those that a hand finds which goes round the pool: it
 * looks at no more than ORPHANS_SEEN places for each that is needed.  Linux does the like with what goes
 * beyond tcp_max_orphans.
 */
#include "tcp/tcp.h"

enum { ORPHANS_SEEN = 256, PROBES_IN_VAIN = 3 };

/* 0: it stays.  Where the peer has all, or does not want it, nothing is lost. */
static unsigned readiness(const struct tcb *b)
{
    if (!(b->flags & TCB_ORPHAN))
        return 0;
    switch ((enum tcp_state)b->head.state) {
    case TCP_FIN_WAIT_2:
        return 2;
    case TCP_FIN_WAIT_1:
    case TCP_CLOSING:
    case TCP_LAST_ACK:
        return (b->flags & TCB_R1_PASSED) || b->rtt.probes >= PROBES_IN_VAIN ? 2 : 1;
    default:
        return 0;
    }
}

bool orphan_recycle(struct tcp *t, estab_time now)
{
    uint32_t places = t->tcb_fresh < ORPHANS_SEEN ? t->tcb_fresh : ORPHANS_SEEN;
    struct tcb *best = NULL;

    for (uint32_t i = 0; i < places; i++) {
        struct tcb *b = tcp_tcb(t, t->orphan_hand++ % t->tcb_fresh);
        unsigned ready = readiness(b);

        if (ready == 0)
            continue;
        if (!best || ready > readiness(best) ||
            (ready == readiness(best) && b->heard_us < best->heard_us))
            best = b;
    }
    if (best)
        conn_close(t, best, EV_TIMEOUT_USER, ESTAB_TIMED_OUT, REASON_ORPHAN_RECYCLED, now);
    return best;
}
