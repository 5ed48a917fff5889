/* SPDX-License-Identifier: MIT */
/*
 * sack.c - selective acknowledgments: what the receiver tells (RFC 2018, RFC 2883).  What the sender
 * hears is scoreboard.c's.
 *
 *      RCV.NXT
 *         |....[=====]....[==]......[=======]...       held beyond gaps
 *                2          3           1              blocks, as they are told
 *
 * "The first SACK block MUST specify the contiguous block of data containing the segment which
 * triggered this ACK", and those told before follow (RFC 2018 section 4); so each block is told in
 * several ACKs, and the loss of some does no harm.  What was received twice is told once, in front of
 * all others (RFC 2883 section 4).
 *
 * The blocks live in the cold block: a connection without gaps has none.  Four are kept; of more gaps
 * than that the oldest are told again only when they grow.
 */
#include "tcp/tcp.h"

/* The contiguous text held beyond a gap that holds `seq`; empty if there is none. */
static struct tcp_sack_block run_of(const struct tcp *t, const struct tcb *b, rcv_seq seq)
{
    struct tcp_sack_block run = {b->rcv.nxt.v, b->rcv.nxt.v};

    for (uint32_t i = b->rcv.beyond; i != CHUNK_NONE; i = chunk_at(&t->chunks, i)->next) {
        const struct chunk *c = chunk_at(&t->chunks, i);

        if (c->seq != run.right) {
            if (rcv_lt(seq, rcv_of(run.right)))
                break;
            run.left = c->seq;
        }
        run.right = c->seq + c->length;
    }
    if (rcv_lt(seq, rcv_of(run.left)) || !rcv_lt(seq, rcv_of(run.right)))
        run.left = run.right;
    return run;
}

/* Whether two blocks overlap or touch. */
static bool blocks_meet(const struct tcp_sack_block *a, const struct tcp_sack_block *b)
{
    return rcv_leq(rcv_of(a->left), rcv_of(b->right)) && rcv_leq(rcv_of(b->left), rcv_of(a->right));
}

static void block_remove(struct tcp_cold *c, unsigned i)
{
    c->sacks--;
    for (; i < c->sacks; i++)
        c->sack[i] = c->sack[i + 1];
}

void sack_held(struct tcp *t, struct tcb *b, rcv_seq seq)
{
    struct tcp_sack_block run;
    struct tcp_cold *c;

    if (!(b->head.tag & TAG_SACK))
        return;
    run = run_of(t, b, seq);
    if (run.left == run.right) /* it found no room */
        return;
    c = cold_need(t, b);
    for (unsigned i = c->sacks; i-- > 0;)
        if (blocks_meet(&c->sack[i], &run))
            block_remove(c, i);
    if (c->sacks == SACK_BLOCKS_MAX)
        c->sacks--;
    for (unsigned i = c->sacks++; i > 0; i--)
        c->sack[i] = c->sack[i - 1];
    c->sack[0] = run;
}

void sack_again(struct tcp *t, struct tcb *b, rcv_seq left, rcv_seq right)
{
    struct tcp_cold *c;

    if (!(b->head.tag & TAG_SACK) || !rcv_lt(left, right))
        return;
    c = cold_need(t, b);
    if (c->dsack.left != c->dsack.right && c->dsack.right == left.v)
        c->dsack.right = right.v; /* more of the same segment */
    else
        c->dsack = (struct tcp_sack_block){left.v, right.v};
}

void sack_passed(struct tcp *t, struct tcb *b)
{
    struct tcp_cold *c;

    if (!b->cold)
        return;
    c = cold_need(t, b);
    for (unsigned i = c->sacks; i-- > 0;)
        if (rcv_leq(rcv_of(c->sack[i].left), b->rcv.nxt))
            block_remove(c, i);
    cold_trim(t, b);
}

void sack_dropped(struct tcp *t, struct tcb *b, rcv_seq seq)
{
    struct tcp_cold *c;

    if (!b->cold)
        return;
    c = cold_need(t, b);
    for (unsigned i = c->sacks; i-- > 0;) {
        struct tcp_sack_block *s = &c->sack[i];

        if (rcv_lt(seq, rcv_of(s->right)))
            s->right = seq.v;
        if (!rcv_lt(rcv_of(s->left), rcv_of(s->right)))
            block_remove(c, i);
    }
    cold_trim(t, b);
}

static unsigned blocks_told(const struct tcp *t, const struct tcb *b)
{
    const struct tcp_cold *c = tcb_cold(t, b);
    unsigned most = b->head.tag & TAG_TIMESTAMPS ? SACK_BLOCKS_MAX - 1 : SACK_BLOCKS_MAX;
    unsigned n = c->sacks + (c->dsack.left != c->dsack.right);

    return n < most ? n : most;
}

uint32_t sack_length(const struct tcp *t, const struct tcb *b)
{
    unsigned n = blocks_told(t, b);

    return n > 0 ? 4 + 8 * n : 0;
}

/* A FIN beyond a gap has a number of its own behind the text. */
static struct tcp_sack_block with_fin(const struct tcb *b, struct tcp_sack_block s)
{
    if ((b->flags & TCB_FIN_BEYOND) && s.right == b->rcv.fin.v)
        s.right++;
    return s;
}

void sack_offer(struct tcp *t, struct tcb *b, struct tcp_header *h)
{
    unsigned n = blocks_told(t, b), k = 0;
    struct tcp_cold *c;

    if (n == 0)
        return;
    c = cold_need(t, b);
    h->opt.present |= OPT_SACK;
    h->opt.sacks = (uint8_t)n;
    if (c->dsack.left != c->dsack.right)
        h->opt.sack[k++] = c->dsack;
    for (unsigned i = 0; k < n; i++)
        h->opt.sack[k++] = with_fin(b, c->sack[i]);
    c->dsack = (struct tcp_sack_block){0, 0};
    cold_trim(t, b);
}
