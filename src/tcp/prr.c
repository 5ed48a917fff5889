/* SPDX-License-Identifier: MIT */
/*
 * prr.c - Proportional Rate Reduction (RFC 9937, which follows RFC 6937): in a recovery as much is sent
 * as is delivered, in the proportion of ssthresh to what was in flight, so that the window comes down
 * to ssthresh over a round trip, without a pause and without a burst.
 *
 *      pipe > ssthresh     sndcnt = CEIL(delivered * ssthresh / RecoverFS) - out
 *      pipe =< ssthresh    sndcnt = MAX(delivered - out, DeliveredData), and SMSS more while SND.UNA
 *                          moves and nothing more is found lost; no more than ssthresh - pipe
 *      cwnd = pipe + sndcnt
 *
 * So it does after an ECE, until what was sent by then is acknowledged (ecn.c).
 *
 * `delivered` and `out` are sums over the recovery.  The one SMSS more is the slow-start reduction
 * bound; without it, when losses go on, it is the conservative reduction bound.
 */
#include "tcp/cc.h"
#include "tcp/loss.h"

void prr_begin(const struct tcp *t, struct tcb *b, const struct ack_news *news)
{
    struct tcp_scoreboard *k = board_of(t, b);
    uint32_t newly_sacked = news ? news->sacked : 0, acked = news ? news->acked : 0;

    k->prr.delivered = k->prr.out = k->prr.credit = 0;
    k->prr.flight = tcb_outstanding(b) + acked - k->sacked + newly_sacked;
    if (k->prr.flight == 0)
        k->prr.flight = b->snd.mss;
}

static uint32_t less(uint32_t a, uint32_t c)
{
    return a > c ? a - c : 0;
}

void prr_acked(struct tcp *t, struct tcb *b, uint32_t delivered, bool safe, uint32_t least, estab_time now)
{
    struct tcp_scoreboard *k = board_of(t, b);
    uint32_t pipe = flight_pipe(t, b), ssthresh = b->cc.ssthresh, n;

    if (!k)
        return;
    if (k->prr.flight == 0) { /* all that was in flight when an ECE came has come since, and the scoreboard is another */
        cc_set(t, b, ssthresh, RULE_PRR, now);
        return;
    }
    k->prr.delivered += delivered;
    if (pipe > ssthresh) {
        /* No more than was in flight: who SACKs, reneges and SACKs again gains nothing. */
        uint32_t counted = k->prr.delivered < k->prr.flight ? k->prr.delivered : k->prr.flight;
        uint64_t due = (uint64_t)counted * ssthresh + k->prr.flight - 1;

        n = less((uint32_t)(due / k->prr.flight), k->prr.out);
    } else {
        n = less(k->prr.delivered, k->prr.out);
        n = n > delivered ? n : delivered;
        n += safe ? b->snd.mss : 0;
        n = n < ssthresh - pipe ? n : ssthresh - pipe;
    }
    if (k->prr.out == 0 && n < b->snd.mss)
        n = b->snd.mss; /* the retransmission that a recovery begins with; as in Linux, after an ECE, too */
    cc_set(t, b, pipe + (n > least ? n : least), RULE_PRR, now);
}
