/* SPDX-License-Identifier: MIT */
/*
 * measure.c - what the telemetry counts in Linux's way (tcp_info), for people and programs that know it
 * from there: nothing here decides anything.
 *
 *      delivered   segments that have come, by an acknowledgment, a SACK block, or, without SACK, a duplicate;
 *                  each once
 *      receiver    how long a round trip is by what comes: by echoed timestamps, or by how long a whole
 *                  window takes; and how much the user takes in one
 *
 * The stack knows bytes and not segments.  `to_deliver` are the segments that were sent and not counted
 * yet; an acknowledgment counts as many of them as its bytes are of all that is to come, rounded, and what
 * that leaves or borrows is taken over (`rest`).  When all has come, all are counted: so there is nothing
 * to add up.  A FIN that went alone is a segment, too, which has no text.
 */
#include "tcp/loss.h"

enum { FIRST_SPACE_SEGMENTS = 10, MOST_US = 120000000, TIMESTAMP_BYTES = 12 };

/* ---- segments ------------------------------------------------------------------------------------------- */

void measure_arrived(struct tcp *t, const struct tcb *b, const struct segment *s)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);
    uint32_t each = s->frame ? s->frame->segment_size : 0, n = 1;

    if (!m)
        return;
    if (each > 0 && each < s->len) /* a super-segment was several */
        n = (s->len + each - 1) / each;
    m->segments_received += n;
    m->text_segments_received += s->len > 0 ? n : 0;
}

void measure_sent(struct tcp *t, const struct tcb *b, snd_seq seq, uint32_t n, uint32_t mss, bool fin)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (!m || snd_lt(seq, b->snd.nxt))
        return;
    m->to_deliver += n > 0 ? (n + mss - 1) / mss : fin;
    m->fin_alone |= n == 0 && fin;
}

void measure_sent_again(struct tcp *t, const struct tcb *b, uint32_t n)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (!m)
        return;
    m->segments_retransmitted += n > b->snd.mss ? (n + b->snd.mss - 1) / b->snd.mss : 1;
    m->bytes_retransmitted += n;
}

/* The SYN that made the record, our answers to it, and the ACK of them. */
void measure_promoted(struct tcp *t, const struct tcb *b, const struct segment *s, uint32_t again)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    measure_arrived(t, b, s);
    if (!m)
        return;
    m->segments_received++;
    m->segments_retransmitted = again;
}

/* Of `bytes` that have come, so many segments.  What is to come still are the outstanding bytes that
 * the peer does not hold beyond a gap. */
static uint32_t segments_of(const struct tcp *t, const struct tcb *b, struct tcp_telemetry *m, uint32_t bytes)
{
    const struct tcp_scoreboard *k = tcb_board(t, b);
    uint64_t segments = m->to_deliver + m->ahead - m->fin_alone, n = (uint64_t)m->rest + bytes;
    uint64_t all = n + tcb_outstanding(b) - k->sacked - m->fin_alone, whole;

    if (tcb_outstanding(b) == 0)
        return m->to_deliver + m->ahead;
    if (segments == 0 || all == 0)
        return 0;
    whole = (n * segments + all / 2) / all;
    m->rest = (uint32_t)(n > whole * all / segments ? n - whole * all / segments : 0);
    return (uint32_t)whole;
}

/* Without SACK duplicates have told of some already; the hole that was filled is news in any case. */
static uint32_t not_told(struct tcp_telemetry *m, uint32_t segments)
{
    uint32_t told = m->ahead < segments ? m->ahead : segments - 1;

    m->ahead -= told;
    return segments - told;
}

void measure_delivered(struct tcp *t, const struct tcb *b, const struct ack_news *news)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);
    uint32_t bytes = news->delivered - news->told, n = 0;

    if (!m)
        return;
    if (bytes > 0)
        n = segments_of(t, b, m, bytes);
    else if (news->duplicate && !(b->head.tag & TAG_SACK) && m->to_deliver > 1)
        m->ahead += n = 1;
    if (bytes > 0 && n > 0)
        n = not_told(m, n);
    if (n > m->to_deliver)
        n = m->to_deliver;
    m->delivered += n;
    m->to_deliver -= n;
    if (tcb_outstanding(b) == 0)
        m->rest = m->ahead = m->to_deliver = m->fin_alone = 0;
}

void measure_twice(struct tcp *t, const struct tcb *b, uint32_t bytes)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (!m)
        return;
    m->dsack_blocks++;
    m->dsack_segments += bytes > b->snd.mss ? (bytes + b->snd.mss - 1) / b->snd.mss : 1;
}

/* ---- the receiver ----------------------------------------------------------------------------------------- */


static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static rcv_seq taken(const struct tcb *b)
{
    return rcv_sub(b->rcv.nxt, b->rcv.text.bytes);
}

void measure_begins(struct tcp *t, const struct tcb *b, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (!m)
        return;
    m->text_sent_at = m->text_received_at = m->ack_received_at = now;
    m->rate.limited_rate = true; /* until it is measured */
    m->receiver.space = least(least(window_now(t, b), window_capacity(t, b)),
                              FIRST_SPACE_SEGMENTS * measure_offered_mss(b));
    m->receiver.taken = taken(b);
    m->receiver.taken_us = us_of(now);
    m->receiver.window_end = rcv_add(b->rcv.nxt, window_now(t, b));
    m->receiver.window_us = us_of(now);
}

uint32_t measure_offered_mss(const struct tcb *b)
{
    return b->rcv.mss - (b->head.tag & TAG_TIMESTAMPS ? (uint32_t)TIMESTAMP_BYTES : 0);
}

/* Less is believed at once; more by an eighth of the difference, unless it may be the wait for something: for
 * the rest of a window, or for a user whose text fills it. */
static void round_trip(struct tcp_telemetry *m, uint64_t took_us, bool waited)
{
    uint32_t *us8 = &m->receiver.rtt_us8, us = (uint32_t)(took_us < MOST_US ? took_us : MOST_US);

    if (*us8 == 0 || us < *us8 / 8)
        *us8 = us * 8;
    else if (!waited)
        *us8 += us - *us8 / 8;
}

static void by_window(const struct tcp *t, const struct tcb *b, struct tcp_telemetry *m, rcv_seq nxt,
                      estab_time now)
{
    uint64_t us = us_of(now) - m->receiver.window_us;

    if (rcv_lt(nxt, m->receiver.window_end))
        return;
    round_trip(m, us > 0 ? us : 1, true);
    m->receiver.window_end = rcv_add(nxt, window_now(t, b));
    m->receiver.window_us = us_of(now);
}

/* The first segment that echoes a timestamp, if it is full: a small one may have waited for its user. */
static void by_echo(const struct tcb *b, struct tcp_telemetry *m, const struct segment *s, estab_time now)
{
    uint32_t ms = ts_now(b, now) - s->opt.tsecr;

    if (!(b->head.tag & TAG_TIMESTAMPS) || !(s->opt.present & OPT_TIMESTAMPS) || s->opt.tsecr == 0 ||
        s->opt.tsecr == m->receiver.echo)
        return;
    m->receiver.echo = s->opt.tsecr;
    if (s->len >= b->ack.mss && ms > 0 && ms < MOST_US / 1000)
        round_trip(m, (uint64_t)ms * 1000, b->rcv.text.bytes > 0);
}

void measure_received(struct tcp *t, const struct tcb *b, const struct segment *s, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);

    if (!m)
        return;
    by_window(t, b, m, rcv_add(b->rcv.nxt, s->len), now);
    by_echo(b, m, s, now);
}

/* Once a round trip: what the user has taken in it, less what waits for him. */
void measure_taken(struct tcp *t, const struct tcb *b, estab_time now)
{
    struct tcp_telemetry *m = tcp_telemetry(t, b);
    uint32_t n;

    if (!m || m->receiver.rtt_us8 == 0 || us_of(now) - m->receiver.taken_us < m->receiver.rtt_us8 / 8)
        return;
    n = rcv_span(m->receiver.taken, taken(b));
    n = n > b->rcv.text.bytes ? n - b->rcv.text.bytes : 0;
    if (n > m->receiver.space)
        m->receiver.space = n;
    m->receiver.taken = taken(b);
    m->receiver.taken_us = us_of(now);
}
