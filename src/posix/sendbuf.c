/* SPDX-License-Identifier: MIT */
/*
 * sendbuf.c - how much text a socket takes, as Linux counts it against SO_SNDBUF and TCP_NOTSENT_LOWAT.
 *
 *      SND.UNA         SND.NXT                     end of the text
 *         |...............|.......|.................|......|         each piece is a buffer, which
 *          sent            filled: goal bytes        tail             counts OVERHEAD more than its text
 *
 * Linux keeps text in buffers of whole segments, as large as half of the peer's window allows (the
 * goal).  A write() fills the last one if nothing of it was sent yet, and begins new ones while what is
 * counted is below SO_SNDBUF and what is not sent is below the low-water mark; so it takes up to one
 * buffer more than either.  What is sent of a buffer becomes a buffer of its own.  Once a write() was
 * refused, the socket is writable when a third is free, and half of the mark.
 *
 * The core knows nothing of that: it bounds text by the bytes of its send_buffer.  Here the buffers are
 * a ring of the sequence numbers where they end, kept only for sockets to which it matters: SO_SNDBUF
 * or a mark was set, or the configuration has tcp_wmem (send_first).  The split at SND.NXT is made when
 * the socket is looked at next.
 *
 * Limit: each buffer counts OVERHEAD at least, so a ring has at most SO_SNDBUF / OVERHEAD + 2 places.
 */
#include <stdlib.h>

#include "posix/posix.h"

#define OVERHEAD      832   /* Linux 6.18, x86-64: struct sk_buff, its head and its skb_shared_info */
#define GOAL_MOST     65215 /* 65536 - MAX_TCP_HEADER - 1 */
#define SEGMENTS_LESS 10    /* TCP_INIT_CWND */
#define HEADERS       640   /* MAX_TCP_HEADER, and skb_shared_info, beside a segment */
#define STRUCT        256   /* sk_buff */

struct sendbuf {
    uint32_t *end;             /* sequence numbers; a ring */
    uint32_t head, count, room; /* room: a power of 2 */
    uint32_t window_most;      /* of the peer's */
    uint32_t pushed;           /* up to here a write() that goes on has pushed */
};

bool sendbuf_counts(const struct estab_posix *p, const struct sock *s)
{
    return s->opt.sndbuf_set || p->config.send_first > 0 || s->opt.notsent_lowat != 0 ||
           p->config.notsent_lowat != UINT32_MAX;
}

void sendbuf_free(struct sock *s)
{
    if (s->out)
        free(s->out->end);
    free(s->out);
    s->out = NULL;
}

/* ---- the ring ------------------------------------------------------------------------------------- */

static uint32_t *end_at(const struct sendbuf *b, uint32_t i)
{
    return &b->end[(b->head + i) & (b->room - 1)];
}

static bool grow(struct sendbuf *b)
{
    uint32_t room = b->room ? b->room * 2 : 16;
    uint32_t *more = calloc(room, sizeof *more);

    if (!more)
        return false;
    for (uint32_t i = 0; i < b->count; i++)
        more[i] = *end_at(b, i);
    free(b->end);
    b->end = more;
    b->head = 0;
    b->room = room;
    return true;
}

/* Without memory for another place the last buffer takes the text: it is counted too low. */
static void append(struct sendbuf *b, uint32_t end)
{
    if (b->count == b->room && !grow(b)) {
        if (b->count > 0)
            *end_at(b, b->count - 1) = end;
        return;
    }
    *end_at(b, b->count++) = end;
}

/* What is before `seq` becomes a buffer of its own. */
static void split(struct sendbuf *b, uint32_t una, uint32_t seq)
{
    uint32_t i = 0;

    while (i < b->count && (int32_t)(*end_at(b, i) - seq) < 0)
        i++;
    if (i == b->count || *end_at(b, i) == seq || (int32_t)(seq - una) <= 0)
        return;
    if (b->count == b->room && !grow(b))
        return;
    for (uint32_t k = b->count++; k > i; k--)
        *end_at(b, k) = *end_at(b, k - 1);
    *end_at(b, i) = seq;
}

/* ---- what the stack has made of it ------------------------------------------------------------------ */

static void follow(struct sendbuf *b, const struct estab_status *st)
{
    uint32_t una = st->snd_una, end = una + st->send_queued;

    while (b->count > 0 && (int32_t)(*end_at(b, 0) - una) <= 0) {
        b->head = (b->head + 1) & (b->room - 1);
        b->count--;
    }
    while (b->count > 1 && (int32_t)(*end_at(b, b->count - 2) - end) >= 0)
        b->count--; /* the text pool had no room for it */
    if (st->send_queued == 0)
        b->count = 0;
    else if (b->count == 0)
        append(b, end); /* from before it was counted */
    else
        *end_at(b, b->count - 1) = end;
    split(b, una, end - st->not_sent);
    if (st->snd_wnd > b->window_most)
        b->window_most = st->snd_wnd;
}

static uint32_t counted(const struct sendbuf *b, const struct estab_status *st)
{
    return st->send_queued + b->count * OVERHEAD;
}

static uint32_t power_of_2(uint32_t n)
{
    uint32_t power = 1;

    while (power < n)
        power *= 2;
    return power;
}

/* tcp_sndbuf_expand: two windows, each segment in a buffer of its own.  When the connection opens, and
 * whenever a writer waits and the congestion window does not. */
static void grow_limit(const struct estab_posix *p, struct sock *s, const struct estab_status *st)
{
    uint32_t segments = st->snd_mss ? st->cwnd / st->snd_mss : 0, wanted;
    uint32_t ahead = st->send_queued < st->snd_wnd ? st->send_queued : st->snd_wnd;

    if (s->opt.sndbuf_set || p->config.send_first == 0 || ahead >= st->cwnd)
        return;
    segments = segments < SEGMENTS_LESS ? SEGMENTS_LESS : segments < 65536 ? segments : 65536;
    wanted = 2 * segments * (power_of_2(st->snd_mss + HEADERS) + STRUCT);
    wanted = wanted < p->config.send_most ? wanted : p->config.send_most;
    if ((int)wanted > s->opt.sndbuf)
        s->opt.sndbuf = (int)wanted;
}

static struct sendbuf *look(const struct estab_posix *p, struct sock *s,
                            const struct estab_status *st)
{
    if (!s->out) {
        s->out = calloc(1, sizeof *s->out);
        grow_limit(p, s, st);
    }
    if (s->out)
        follow(s->out, st);
    return s->out;
}

static uint32_t limit_of(const struct estab_posix *p, const struct sock *s,
                         const struct estab_status *st)
{
    return s->opt.sndbuf_set || p->config.send_first > 0 ? (uint32_t)s->opt.sndbuf
                                                         : 2 * st->send_buffer;
}

static uint32_t mark_of(const struct estab_posix *p, const struct sock *s)
{
    return s->opt.notsent_lowat ? (uint32_t)s->opt.notsent_lowat : p->config.notsent_lowat;
}

/* ---- what poll() and SO_MEMINFO say ------------------------------------------------------------------- */

bool sendbuf_writable(const struct estab_posix *p, struct sock *s, const struct estab_status *st)
{
    const struct sendbuf *b = look(p, s, st);
    uint32_t limit, used;

    if (!b)
        return st->send_queued == 0;
    if (s->watched)
        grow_limit(p, s, st);
    limit = limit_of(p, s, st);
    used = counted(b, st);
    return used < limit && limit - used >= used / 2 &&
           (uint64_t)st->not_sent * 2 < mark_of(p, s);
}

uint32_t sendbuf_used(const struct estab_posix *p, struct sock *s, const struct estab_status *st)
{
    const struct sendbuf *b = s->out ? look(p, s, st) : NULL;

    return b ? counted(b, st) : st->send_queued;
}

/* ---- what write() takes -------------------------------------------------------------------------------- */

/* tcp_xmit_size_goal: whole segments, at most half of the largest window. */
static uint32_t goal_of(const struct sendbuf *b, const struct estab_status *st)
{
    uint32_t mss = st->snd_mss ? st->snd_mss : 1, most = b->window_most;

    if (most > 536)
        most /= 2;
    most = most < GOAL_MOST ? most : GOAL_MOST;
    return most >= mss ? most / mss * mss : mss;
}

/* How far the windows let text go at once: what leaves while the write() goes on. */
static uint32_t sendable(const struct estab_status *st)
{
    uint32_t window = st->cwnd < st->snd_wnd ? st->cwnd : st->snd_wnd;

    return window - (st->snd_mss ? window % st->snd_mss : 0);
}

/* The tail is full: Linux sends it if it is first, or if half a window was not pushed yet. */
static uint32_t push_full(struct sendbuf *b, const struct estab_status *st, uint32_t sent,
                          uint32_t end)
{
    uint32_t first = b->count > 1 ? *end_at(b, b->count - 2) : st->snd_una, to;

    if ((int32_t)(end - b->pushed) > (int32_t)(b->window_most / 2))
        b->pushed = end;
    else if ((int32_t)(first - sent) > 0)
        return sent;
    to = st->snd_una + sendable(st);
    to = (int32_t)(to - end) < 0 ? to : end;
    if ((int32_t)(to - sent) <= 0)
        return sent;
    split(b, st->snd_una, to);
    return to;
}

size_t sendbuf_take(const struct estab_posix *p, struct sock *s, const struct estab_status *st,
                    size_t wanted)
{
    struct sendbuf *b = look(p, s, st);
    uint32_t end = st->snd_una + st->send_queued, sent = end - st->not_sent, begin = end, goal, tail;

    if (!b)
        return 0;
    goal = goal_of(b, st);
    b->pushed = sent;
    while (wanted > 0) {
        uint32_t start = b->count > 1 ? *end_at(b, b->count - 2) : st->snd_una;

        tail = end != sent && (int32_t)(start - sent) >= 0 ? end - start : goal;
        if (tail >= goal) {
            if (end - st->snd_una + b->count * OVERHEAD >= limit_of(p, s, st) ||
                end - sent >= mark_of(p, s))
                break;
            append(b, end);
            tail = 0;
        }
        tail = goal - tail < wanted ? goal - tail : (uint32_t)wanted;
        end += tail;
        wanted -= tail;
        *end_at(b, b->count - 1) = end;
        if (wanted > 0)
            sent = push_full(b, st, sent, end);
    }
    return end - begin;
}
