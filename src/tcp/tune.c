/* SPDX-License-Identifier: MIT */
/*
 * tune.c - how large the buffers of a connection become: as large as its path needs, and no larger.
 *
 * Receiving (Linux's "dynamic right-sizing").  What the user takes in a round trip is what the path and
 * the peer's window let through in one.  A window of four times that lets a peer in slow start double
 * what it sends twice: once while this round trip is being measured, and once until what is offered after
 * it has come into use.
 *
 *                  ACK, TSval t          ACK                   ACK
 *      we     --------o-------------------o---------------------o-----------------
 *      peer   ----------\---------------/------------------------------------------
 *                         TSecr >  t                  n bytes taken: window 4 n + 16 MSS
 *                     |<---- a round ---->|
 *
 * A round is over when an ACK from a later millisecond than its first is echoed, so nothing has to be
 * timed; without timestamps it lasts as long as the smoothed round trip; and where that is not known
 * either, the window grows as text comes.  A user who does not read, and a peer that has little to say,
 * keep the window where it was: it never shrinks for that, but see window_give_back.
 *
 * Sending.  The buffer holds what is outstanding, which in a recovery is more than the congestion
 * window was before it, and about as much again that waits: four congestion windows.  It grows only
 * while a quarter of the text pool is free.
 *
 * A user who sets a buffer's size has it so from then on, as with Linux's SO_RCVBUF and SO_SNDBUF.
 */
#include "tcp/tcp.h"

enum { TIMES = 4, MORE_SEGMENTS = 16, SEND_SEGMENTS_LEAST = 10 };

static uint32_t least(uint64_t a, uint32_t b)
{
    return a < b ? (uint32_t)a : b;
}

static bool tuned(const struct tcp *t, const struct tcb *b, enum tune_flag set)
{
    return t->config.tuning && !(b->tune & set);
}

void tune_begin(const struct tcp *t, struct tcb *b)
{
    b->rcv.buffer = t->config.receive_buffer;
    b->snd.buffer = t->config.tuning ? least(t->config.send_reserve, t->config.send_buffer)
                                     : t->config.send_buffer;
}

/* ---- receiving ---------------------------------------------------------------------------------- */

/* What the user has taken. */
static rcv_seq taken(const struct tcb *b)
{
    return rcv_sub(b->rcv.nxt, b->rcv.text.bytes);
}

/* Since the round began; what had come before it, beyond a gap, does not count. */
static uint32_t taken_in_round(const struct tcb *b)
{
    bool any = (b->tune & TUNE_ROUND) && rcv_lt(b->rcv.round, taken(b));

    return any ? rcv_span(b->rcv.round, taken(b)) : 0;
}

static bool round_over(const struct tcb *b, const struct segment *s, estab_time now)
{
    uint32_t elapsed_ms = ms_of(now) - b->rcv.round_ms;

    if (!(b->tune & TUNE_ROUND))
        return true;
    if ((b->head.tag & TAG_TIMESTAMPS) && (s->opt.present & OPT_TIMESTAMPS) && s->opt.tsecr != 0)
        return (int32_t)(s->opt.tsecr - b->ts.offset - b->rcv.round_ms) > 0;
    return elapsed_ms > b->rtt.srtt_us8 / 8000;
}

void tune_received(struct tcp *t, struct tcb *b, const struct segment *s, uint32_t beyond,
                   estab_time now)
{
    bool times = (b->head.tag & TAG_TIMESTAMPS) || (b->flags & TCB_RTT_VALID);
    uint32_t most = window_most(t, b), before;
    uint64_t room;

    if (!tuned(t, b, TUNE_RECEIVE_SET) || !times) {
        window_grow(t, b, most);
        return;
    }
    if (!round_over(b, s, now))
        return;
    room = (uint64_t)TIMES * taken_in_round(b) + MORE_SEGMENTS * (uint64_t)b->rcv.mss;
    before = window_capacity(t, b);
    window_grow(t, b, least(room, most));
    if (window_capacity(t, b) > before)
        NOTE(t, RECEIVE_GROWN, b->head.handle, now, window_capacity(t, b), taken_in_round(b));
    b->rcv.round = rcv_add(taken(b), beyond);
    b->rcv.round_ms = ms_of(now);
    b->tune |= TUNE_ROUND;
}

/* ---- sending -------------------------------------------------------------------------------------- */

/* A power of two was reached: often enough to be told of what grows with each acknowledgment. */
static bool is_twice(uint32_t before, uint32_t now)
{
    return (before ^ now) > before;
}

void tune_acked(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t window = b->cc.cwnd, first = SEND_SEGMENTS_LEAST * (uint32_t)b->snd.mss, room;

    if (!tuned(t, b, TUNE_SEND_SET) || window_pressed(t))
        return;
    room = least((uint64_t)TIMES * (window > first ? window : first), t->config.send_buffer);
    if (room <= b->snd.buffer)
        return;
    if (is_twice(b->snd.buffer, room))
        NOTE(t, SEND_GROWN, b->head.handle, now, room, window);
    b->snd.buffer = room;
}
