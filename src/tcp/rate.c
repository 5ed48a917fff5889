/* SPDX-License-Identifier: MIT */
/*
 * rate.c - how fast text is delivered, as Linux's tcp_rate.c measures it (draft-cheng-iccrg-delivery-rate-
 * estimation), for the telemetry alone.
 *
 *      sent   |--- a -->| sample                      a: from when what was acknowledged last had been sent
 *      acked             |<--- rtt --->|  b |         b: from the acknowledgment before to that of the sample
 *
 *      rate = delivered in between / max(a, from when `delivered` last grew before the sample to now)
 *
 * One segment in a window is the sample, as it is for the RTT; what Linux keeps of each segment is here once.
 * What the sender's user has limited is a lower bound: it is taken if it is more than what was known.
 */
#include "tcp/tcp.h"

void rate_sent(struct tcp *t, const struct tcb *b, snd_seq seq, uint32_t n, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (!m || n == 0)
        return;
    if (tcb_outstanding(b) == 0)
        m->rate.first_us = m->rate.delivered_us = us_of(now);
    if (m->rate.sampling || snd_lt(seq, b->snd.nxt))
        return;
    m->rate.sampling = true;
    m->rate.app_limited = tcb_not_sent(b) <= n && tcb_outstanding(b) + n < b->cc.cwnd;
    m->rate.end = snd_add(seq, n);
    m->rate.delivered_then = m->bytes_sent;
    m->rate.delivered_then_us = m->rate.delivered_us;
    m->rate.sent_us = us_of(now);
    m->rate.first_then_us = m->rate.first_us;
}

/* SND.UNA has moved, and bytes_sent with it. */
void rate_acked(struct tcp *t, const struct tcb *b, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);
    uint64_t send_us, ack_us, interval, bytes;

    if (!m)
        return;
    m->rate.delivered_us = us_of(now);
    if (!m->rate.sampling || snd_lt(b->snd.una, m->rate.end))
        return;
    m->rate.sampling = false;
    m->rate.first_us = m->rate.sent_us;
    send_us = m->rate.sent_us - m->rate.first_then_us;
    ack_us = us_of(now) - m->rate.delivered_then_us;
    interval = send_us > ack_us ? send_us : ack_us;
    bytes = m->bytes_sent - m->rate.delivered_then;
    if (interval == 0 || interval < m->min_rtt_us)
        return;
    if (m->rate.app_limited && bytes * 1000000 / interval < m->rate.delivery_rate)
        return;
    m->rate.delivery_rate = bytes * 1000000 / interval;
    m->rate.limited_rate = m->rate.app_limited;
}
