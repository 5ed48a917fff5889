/* SPDX-License-Identifier: MIT */
/*
 * state.c - what a socket shows of its connection: the state, in the sense that Linux's calls have of
 * it, and what poll() says.
 */
#include "posix/posix.h"

enum estab_state sock_state(const struct estab_posix *p, const struct sock *s,
                            struct estab_status *st)
{
    *st = (struct estab_status){.size = sizeof *st, .state = ESTAB_STATE_CLOSED};
    if (s->listening)
        st->state = ESTAB_STATE_LISTEN;
    else if (s->live && !s->dgram && estab_status(p->stack, s->conn, st) != ESTAB_OK)
        *st = (struct estab_status){.size = sizeof *st, .state = ESTAB_STATE_CLOSED};
    return st->state == ESTAB_STATE_TIME_WAIT ? ESTAB_STATE_CLOSED : st->state;
}

static bool readable(const struct estab_posix *p, const struct sock *s,
                     const struct estab_status *st)
{
    uint32_t target = s->opt.rcvlowat > 1 ? (uint32_t)s->opt.rcvlowat : 1;

    if (!s->opt.oobinline && urgent_at_mark(p, s))
        target++; /* the byte that only MSG_OOB takes */
    /* A window that is shut brings no more: what there is has to do. */
    return st->receive_queued >= target || (st->receive_queued > 0 && st->rcv_wnd == 0);
}

/* sk_stream_is_writeable: a third of the buffer is free; the rest of it is in sendbuf.c. */
static bool writable(const struct estab_posix *p, struct sock *s, const struct estab_status *st)
{
    uint32_t room = st->send_buffer > st->send_queued ? st->send_buffer - st->send_queued : 0;

    return room >= st->send_queued / 2 && (!sendbuf_counts(p, s) || sendbuf_writable(p, s, st));
}

static uint32_t connection_mask(const struct estab_posix *p, struct sock *s)
{
    struct estab_status st;
    enum estab_state state = sock_state(p, s, &st);
    uint8_t shut = state == ESTAB_STATE_CLOSED && s->live ? SHUT_ALL : s->shut;
    uint32_t mask = 0;

    if (shut == SHUT_ALL || state == ESTAB_STATE_CLOSED)
        mask |= EPOLLHUP;
    if (shut & SHUT_IN)
        mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
    if (s->error)
        mask |= EPOLLERR;
    if (state_in(state, STATES_OPENING))
        return mask;
    if (readable(p, s, &st))
        mask |= EPOLLIN | EPOLLRDNORM;
    if ((shut & SHUT_OUT) || !s->live || writable(p, s, &st))
        mask |= EPOLLOUT | EPOLLWRNORM;
    if (urgent_ready(p, s))
        mask |= EPOLLPRI;
    return mask;
}

uint32_t sock_mask(const struct estab_posix *p, struct sock *s)
{
    if (s->dgram)
        return dgram_mask(p, s);
    if (s->listening)
        return s->ahead || s->more ? EPOLLIN | EPOLLRDNORM : 0;
    return connection_mask(p, s);
}

uint32_t sock_ask(struct estab_posix *p, struct sock *s)
{
    uint32_t mask = sock_mask(p, s);

    if (s->dgram && !(mask & EPOLLOUT))
        sock_watch(p, s, mask);
    if (s->live && s->opened && (!(mask & EPOLLOUT) || (s->shut & SHUT_OUT)))
        sock_watch(p, s, mask);
    return mask;
}
