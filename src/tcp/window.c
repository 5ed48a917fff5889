/* SPDX-License-Identifier: MIT */
/*
 * window.c - the receive window (RFC 9293 section 3.8.6).
 *
 * The right edge only moves to the right.  What is promised inside it is backed by chunks, so text
 * that arrives in order is never dropped for want of memory:
 *
 *      promised chunks >= queue_chunks_for(unread + window)
 *
 * The receiver's silly-window avoidance (section 3.8.6.2.2, MUST-39): the edge moves by at least
 * min(MSS, buffer / 2), or not at all.
 */
#include "tcp/tcp.h"

enum { WSCALE_MAX = 14, WINDOW_MAX_UNSCALED = 65535 };

/* A window is told in units of 2^scale, and what that rounds up is paid from the promise: a unit is a
 * quarter of the first promise at most, or nothing could ever be offered. */
uint8_t window_scale_for(const struct tcp *t, uint32_t buffer)
{
    uint8_t scale = 0;

    while (scale < WSCALE_MAX && buffer >> scale > WINDOW_MAX_UNSCALED &&
           8u << scale <= t->config.receive_reserve)
        scale++;
    return scale;
}

/* RFC 7323 section 2.3: a peer's shift of more than 14 is told of, and taken as 14. */
uint8_t window_scale_taken(struct tcp *t, const struct segment *s)
{
    if (s->opt.wscale <= WSCALE_MAX)
        return s->opt.wscale;
    note_reason(t, REASON_WINDOW_SCALE);
    return WSCALE_MAX;
}

uint32_t window_now(const struct tcp *t, const struct tcb *b)
{
    (void)t;
    return rcv_span(b->rcv.nxt, b->rcv.edge);
}

uint32_t window_most(const struct tcp *t, const struct tcb *b)
{
    uint32_t clamp = tcb_cold(t, b)->window_clamp;

    return clamp > 0 && clamp < b->rcv.buffer ? clamp : b->rcv.buffer;
}

uint32_t window_capacity(const struct tcp *t, const struct tcb *b)
{
    uint32_t promised = queue_bytes_in(&t->chunks, b->rcv.promised);
    uint32_t slack = 1u << b->rcv.wscale; /* for the rounding in window_offer */
    uint32_t most = window_most(t, b);

    promised = promised > slack ? promised - slack : 0;
    return promised < most ? promised : most;
}

/* What the pool keeps from windows that grow, so that new connections and senders find something. */
static uint32_t pool_kept(const struct tcp *t)
{
    return t->chunks.chunks / 4;
}

bool window_pressed(const struct tcp *t)
{
    return chunk_unpromised(&t->chunks) < pool_kept(t);
}

/* The pool has less than that, and this window is larger than every connection's first one: it gives
 * back what it has grown by. */
static bool window_shrinks(const struct tcp *t, const struct tcb *b)
{
    return window_pressed(t) &&
           b->rcv.promised > queue_chunks_for(&t->chunks, t->config.receive_reserve);
}

/* Where the edge could be now. */
static rcv_seq window_edge(const struct tcp *t, const struct tcb *b)
{
    uint32_t capacity = window_capacity(t, b), unread = b->rcv.text.bytes;
    uint32_t room = capacity > unread ? capacity - unread : 0;
    uint32_t most = (uint32_t)WINDOW_MAX_UNSCALED << b->rcv.wscale;

    if (window_shrinks(t, b))
        return b->rcv.edge;
    return rcv_max(b->rcv.edge, rcv_add(b->rcv.nxt, room < most ? room : most));
}

static uint32_t window_step(const struct tcp *t, const struct tcb *b)
{
    uint32_t half = window_capacity(t, b) / 2;

    return b->rcv.mss < half ? b->rcv.mss : half;
}

bool window_worth_telling(const struct tcp *t, const struct tcb *b)
{
    uint32_t gain = rcv_span(b->rcv.edge, window_edge(t, b));
    uint32_t window = rcv_span(b->rcv.nxt, b->rcv.edge);
    uint32_t low = window_capacity(t, b) / 4;

    /* News is what lets a peer go on that has run out of window, or nearly; the rest can wait for
     * the next acknowledgment. */
    if (low < 2u * b->rcv.mss)
        low = 2u * b->rcv.mss;
    return gain >= window_step(t, b) && ((b->flags & TCB_ADVERTISED_ZERO) || window < low);
}

uint16_t window_offer(struct tcp *t, struct tcb *b, bool syn)
{
    unsigned scale = syn ? 0 : b->rcv.wscale;
    rcv_seq edge = window_edge(t, b);
    uint32_t window;

    if (rcv_span(b->rcv.edge, edge) >= window_step(t, b))
        b->rcv.edge = edge;
    window = rcv_span(b->rcv.nxt, b->rcv.edge);
    if (window >> scale > WINDOW_MAX_UNSCALED)
        window = (uint32_t)WINDOW_MAX_UNSCALED << scale;
    /*
     * Rounded up, so that the edge on the wire never moves back as RCV.NXT advances by a part of
     * the scale's unit; window_capacity keeps the excess in hand.
     */
    window = (window + (1u << scale) - 1) >> scale;
    if (window > WINDOW_MAX_UNSCALED)
        window = WINDOW_MAX_UNSCALED;
    b->rcv.edge = syn ? rcv_add(b->rcv.nxt, window)
                      : rcv_max(b->rcv.edge, rcv_add(b->rcv.nxt, window << scale));
    if (window == 0)
        b->flags |= TCB_ADVERTISED_ZERO;
    else
        b->flags &= ~(uint32_t)TCB_ADVERTISED_ZERO;
    return (uint16_t)window;
}

void window_grow(struct tcp *t, struct tcb *b, uint32_t bytes)
{
    uint32_t wanted = queue_chunks_for(&t->chunks, bytes);

    while (b->rcv.promised < wanted) { /* doubled, and doubled again */
        uint32_t free = chunk_unpromised(&t->chunks), more = b->rcv.promised;

        if (more > wanted - b->rcv.promised)
            more = wanted - b->rcv.promised;
        /* Half of what is free stays for those who come later. */
        if (more > free / 2 || more + pool_kept(t) > free || !chunk_promise(&t->chunks, more))
            return;
        b->rcv.promised += more;
    }
}

/* The edge stays where it was promised to be; what the user has taken since is not offered again, but
 * given back. */
void window_give_back(struct tcp *t, struct tcb *b)
{
    uint32_t least = queue_chunks_for(&t->chunks, t->config.receive_reserve);
    uint32_t bound = b->rcv.text.bytes + window_now(t, b) + (1u << b->rcv.wscale);
    uint32_t needed = queue_chunks_for(&t->chunks, bound);

    if (!window_shrinks(t, b))
        return;
    if (needed < b->rcv.chunks + 2)
        needed = b->rcv.chunks + 2;
    if (needed < least)
        needed = least;
    if (needed >= b->rcv.promised)
        return;
    chunk_unpromise(&t->chunks, b->rcv.promised - needed);
    b->rcv.promised = needed;
}
