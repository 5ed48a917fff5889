/* SPDX-License-Identifier: MIT */
/*
 * text.c - step 7 of RFC 9293 section 3.10.7.4: the text of a segment.
 *
 * The segment is trimmed to what is new and inside the window.  Text at RCV.NXT is the user's;
 * text beyond a gap waits, sorted, without overlaps, in chunks of the same promise:
 *
 *      RCV.NXT                     edge
 *         |....[====][==]....[===]...|
 *              beyond, by chunk.seq
 *
 * What was received first stays; a later copy that differs changes nothing.  If the promise runs
 * short because text beyond the gap is scattered in small pieces, the furthest pieces are dropped:
 * they were not acknowledged, the peer still has them.
 *
 * Whole chunks that a device received into are linked, not copied (chunk_adopt).
 */
#include <string.h>

#include "tcp/tcp.h"

/* Walks the parts of a frame that hold text. */
struct text_at {
    const struct estab_frame *frame;
    uint32_t part;   /* index of the part; UINT32_MAX: head */
    uint32_t offset; /* in it */
    uint32_t left;
};

static struct text_at text_of(const struct segment *s, uint32_t skip)
{
    const struct estab_frame *f = s->frame;
    struct text_at at = {f, 0, s->text + skip, s->len - skip};

    if (f->head_length > 0) {
        if (at.offset < f->head_length) {
            at.part = UINT32_MAX;
            return at;
        }
        at.offset -= f->head_length;
    }
    while (at.left > 0 && at.offset >= f->part[at.part].length)
        at.offset -= f->part[at.part++].length;
    return at;
}

/* The contiguous piece at the place; its length in *n. */
static const uint8_t *text_piece(const struct text_at *at, uint32_t *n)
{
    bool head = at->part == UINT32_MAX;
    const uint8_t *base = head ? at->frame->head : at->frame->part[at->part].base;
    uint32_t length = head ? at->frame->head_length : at->frame->part[at->part].length;

    *n = length - at->offset < at->left ? length - at->offset : at->left;
    return base + at->offset;
}

static void text_next(struct text_at *at, uint32_t n)
{
    at->left -= n;
    at->part = at->part == UINT32_MAX ? 0 : at->part + 1;
    at->offset = 0;
}

/* ---- beyond a gap ---------------------------------------------------------------------------- */

static uint32_t chunk_span(const struct chunk *c, rcv_seq from)
{
    return c->seq - from.v;
}

static void beyond_free(struct tcp *t, struct tcb *b, uint32_t i)
{
    b->rcv.beyond_bytes -= chunk_at(&t->chunks, i)->length;
    b->rcv.chunks--;
    chunk_free(&t->chunks, i);
}

void text_drop_beyond(struct tcp *t, struct tcb *b)
{
    while (b->rcv.beyond != CHUNK_NONE) {
        uint32_t i = b->rcv.beyond;

        b->rcv.beyond = chunk_at(&t->chunks, i)->next;
        beyond_free(t, b, i);
    }
}

/* Drops the furthest piece. */
static void beyond_drop_last(struct tcp *t, struct tcb *b, estab_time now)
{
    uint32_t *link = &b->rcv.beyond;

    while (chunk_at(&t->chunks, *link)->next != CHUNK_NONE)
        link = &chunk_at(&t->chunks, *link)->next;
    NOTE(t, OUT_OF_ORDER, b->head.handle, now, chunk_at(&t->chunks, *link)->seq,
         chunk_at(&t->chunks, *link)->length);
    sack_dropped(t, b, rcv_of(chunk_at(&t->chunks, *link)->seq));
    beyond_free(t, b, *link);
    *link = CHUNK_NONE;
    note_reason(t, REASON_TEXT_NO_ROOM);
}

/* Puts n bytes at `seq` behind chunk `after` (CHUNK_NONE: first); how many found room. */
static uint32_t beyond_insert(struct tcp *t, struct tcb *b, uint32_t after, rcv_seq seq,
                              const uint8_t *p, uint32_t n)
{
    struct chunk_pool *pool = &t->chunks;
    struct chunk *c = after == CHUNK_NONE ? NULL : chunk_at(pool, after);
    uint32_t i, room;

    if (c && c->seq + c->length == seq.v) {
        room = pool->bytes - c->offset - c->length;
        if (room > 0) {
            room = room < n ? room : n;
            memcpy(chunk_data(pool, after) + c->offset + c->length, p, room);
            c->length = (uint16_t)(c->length + room);
            b->rcv.beyond_bytes += room;
            return room;
        }
    }
    /* One chunk is left for text in order, which needs at most one more than it has. */
    if (b->rcv.chunks + 1 >= b->rcv.promised)
        return 0;
    i = chunk_new(pool, CHUNK_RECEIVE);
    b->rcv.chunks++;
    room = n < pool->bytes ? n : pool->bytes;
    memcpy(chunk_data(pool, i), p, room);
    *chunk_at(pool, i) = (struct chunk){.next = c ? c->next : b->rcv.beyond,
                                        .seq = seq.v,
                                        .length = (uint16_t)room,
                                        .account = CHUNK_RECEIVE};
    if (c)
        c->next = i;
    else
        b->rcv.beyond = i;
    b->rcv.beyond_bytes += room;
    return room;
}

/* Stores the bytes of [seq, seq + n) that are not held yet; false if some found no room. */
static bool beyond_fill(struct tcp *t, struct tcb *b, rcv_seq seq, const uint8_t *p, uint32_t n)
{
    uint32_t after = CHUNK_NONE, next = b->rcv.beyond;

    while (n > 0) {
        uint32_t gap = n, done;

        /* The last chunk that begins at or before seq. */
        while (next != CHUNK_NONE && (int32_t)(chunk_at(&t->chunks, next)->seq - seq.v) <= 0) {
            after = next;
            next = chunk_at(&t->chunks, next)->next;
        }
        if (after != CHUNK_NONE) {
            const struct chunk *c = chunk_at(&t->chunks, after);
            uint32_t into = seq.v - c->seq;

            if (into < c->length) { /* held already */
                uint32_t held = c->length - into < n ? c->length - into : n;

                sack_again(t, b, seq, rcv_add(seq, held));
                seq = rcv_add(seq, held);
                p += held;
                n -= held;
                continue;
            }
        }
        if (next != CHUNK_NONE && chunk_span(chunk_at(&t->chunks, next), seq) < gap)
            gap = chunk_span(chunk_at(&t->chunks, next), seq);
        done = beyond_insert(t, b, after, seq, p, gap);
        if (done == 0)
            return false;
        next = after == CHUNK_NONE ? b->rcv.beyond : after;
        seq = rcv_add(seq, done);
        p += done;
        n -= done;
    }
    return true;
}

static bool text_beyond(struct tcp *t, struct tcb *b, const struct segment *s)
{
    struct text_at at = text_of(s, 0);
    rcv_seq seq = s->seq;
    bool all = true;

    while (at.left > 0) {
        uint32_t n;
        const uint8_t *p = text_piece(&at, &n);

        all &= beyond_fill(t, b, seq, p, n);
        seq = rcv_add(seq, n);
        text_next(&at, n);
    }
    sack_held(t, b, s->seq);
    return all;
}

/* ---- in order ---------------------------------------------------------------------------------- */

static void text_append(struct tcp *t, struct tcb *b, const uint8_t *p, uint32_t n)
{
    uint32_t before = t->chunks.received;

    n -= queue_append(&t->chunks, &b->rcv.text, CHUNK_RECEIVE, p, n);
    ASSERT(n == 0);
    b->rcv.chunks += t->chunks.received - before;
}

static bool tail_takes(const struct tcp *t, const struct tcb *b, uint32_t n)
{
    const struct chunk *c;

    if (b->rcv.text.tail == CHUNK_NONE)
        return false;
    c = chunk_at(&t->chunks, b->rcv.text.tail);
    return t->chunks.bytes - c->offset - c->length >= n;
}

/* A lent chunk becomes the queue's tail, if its text would cost a chunk of its own anyway. */
static bool text_adopt(struct tcp *t, struct tcb *b, const struct text_at *at, uint32_t n)
{
    struct chunk_pool *pool = &t->chunks;
    const struct estab_part *part;
    uint32_t i;
    struct chunk *c;

    if (!at->frame->lent || at->part == UINT32_MAX || at->offset > QUEUE_HEADERS_MAX ||
        n < pool->bytes / 4 || tail_takes(t, b, n))
        return false;
    part = &at->frame->part[at->part];
    i = chunk_of(pool, part->base);
    c = chunk_at(pool, i);
    if (c->account != CHUNK_LENT)
        return false;
    chunk_adopt(pool, i);
    b->rcv.chunks++;
    c->offset = (uint16_t)(part->base + at->offset - chunk_data(pool, i));
    c->length = (uint16_t)n;
    queue_link(pool, &b->rcv.text, i);
    return true;
}

/* Makes sure that text in order finds its chunks, at the cost of text beyond the gap. */
static void text_make_room(struct tcp *t, struct tcb *b, uint32_t n, estab_time now)
{
    uint32_t need = n / (t->chunks.bytes / 2) + 2;

    while (b->rcv.chunks + need > b->rcv.promised && b->rcv.beyond != CHUNK_NONE)
        beyond_drop_last(t, b, now);
}

static void text_in_order(struct tcp *t, struct tcb *b, const struct segment *s, estab_time now)
{
    struct text_at at = text_of(s, 0);

    text_make_room(t, b, s->len, now);
    while (at.left > 0) {
        uint32_t n;
        const uint8_t *p = text_piece(&at, &n);

        if (n > 0 && !text_adopt(t, b, &at, n))
            text_append(t, b, p, n);
        text_next(&at, n);
    }
    b->rcv.nxt = rcv_add(b->rcv.nxt, s->len);
}

/* Of text that was partly received twice: the room in front of the rest would be lost to the queue,
 * and with it the bound that backs the promise (queue.h). */
static void text_to_front(const struct chunk_pool *pool, uint32_t i)
{
    struct chunk *c = chunk_at(pool, i);

    if (c->offset > 0)
        memmove(chunk_data(pool, i), chunk_data(pool, i) + c->offset, c->length);
    c->offset = 0;
}

/* Moves what a filled gap has joined to RCV.NXT. */
static void text_join(struct tcp *t, struct tcb *b)
{
    struct chunk_pool *pool = &t->chunks;

    while (b->rcv.beyond != CHUNK_NONE) {
        uint32_t i = b->rcv.beyond;
        struct chunk *c = chunk_at(pool, i);
        uint32_t held;

        if (rcv_lt(b->rcv.nxt, rcv_of(c->seq)))
            return;
        b->rcv.beyond = c->next;
        b->rcv.beyond_bytes -= c->length;
        held = b->rcv.nxt.v - c->seq;
        if (held < c->length) {
            c->offset = (uint16_t)(c->offset + held);
            c->length = (uint16_t)(c->length - held);
            b->rcv.nxt = rcv_add(b->rcv.nxt, c->length);
            if (!tail_takes(t, b, c->length)) {
                text_to_front(pool, i);
                queue_link(pool, &b->rcv.text, i);
                continue;
            }
            queue_append(pool, &b->rcv.text, CHUNK_RECEIVE, chunk_data(pool, i) + c->offset,
                         c->length);
        }
        b->rcv.chunks--;
        chunk_free(pool, i);
    }
}

/* Cuts the segment down to what is new and in the window; false if nothing is left. */
static bool text_trim(struct tcp *t, struct tcb *b, struct segment *s)
{
    uint32_t window = window_now(t, b);

    if (rcv_lt(s->seq, b->rcv.nxt)) {
        uint32_t old = rcv_span(s->seq, b->rcv.nxt);

        sack_again(t, b, s->seq, rcv_add(s->seq, old < s->len ? old : s->len));
        if (old >= s->len)
            return false;
        s->seq = b->rcv.nxt;
        s->text += old;
        s->len -= old;
    }
    if (rcv_span(b->rcv.nxt, s->seq) + s->len > window) {
        uint32_t before = rcv_span(b->rcv.nxt, s->seq);

        note_reason(t, REASON_TEXT_BEYOND_WINDOW);
        s->len = before < window ? window - before : 0;
        s->flags &= (uint8_t)~CTL_FIN; /* it lies beyond the window too */
    }
    return s->len > 0;
}

/* Whether there is as much text as the user asked for, or half of what could come. */
static bool worth_reading(const struct tcp *t, const struct tcb *b)
{
    return b->rcv.text.bytes >= tcb_cold(t, b)->receive_low ||
           b->rcv.text.bytes >= window_capacity(t, b) / 2;
}

enum reason text_arrives(struct tcp *t, struct tcb *b, struct segment *s, estab_time now)
{
    uint32_t beyond = b->rcv.beyond_bytes;
    bool gap;

    if (!text_trim(t, b, s))
        return REASON_TEXT_DUPLICATE;
    gap = rcv_lt(b->rcv.nxt, s->seq);
    if (gap)
        return text_beyond(t, b, s) ? REASON_TEXT_OUT_OF_ORDER : REASON_TEXT_NO_ROOM;
    measure_received(t, b, s, now);
    text_in_order(t, b, s, now);
    if (b->rcv.beyond != CHUNK_NONE) {
        text_join(t, b);
        sack_passed(t, b);
        b->flags |= TCB_ACK_NOW; /* RFC 5681 section 4.2: a gap was filled */
    }
    if (s->flags & CTL_PSH)
        b->flags |= TCB_PUSHED;
    else
        b->flags &= ~(uint32_t)TCB_PUSHED;
    tune_received(t, b, s, beyond, now);
    if (worth_reading(t, b))
        conn_event(t, b->head.handle, ESTAB_EVENT_READABLE, ESTAB_OK);
    return REASON_NONE;
}
