/* SPDX-License-Identifier: MIT */
/*
 * urgent.c - the one byte that BSD sockets take out of the urgent text (RFC 6093 section 3.1).
 *
 *      RECEIVE's next           mark           RCV.NXT
 *          |......................U.................|
 *
 * The urgent pointer points past the byte U, as all implementations have it.  read() stops before the
 * mark, then goes on behind it; recv(MSG_OOB) has the byte.  With SO_OOBINLINE it stays in the text.
 */
#include <stdlib.h>

#include "posix/posix.h"

/* The sequence number of what RECEIVE gives next. */
static bool next_seq(const struct estab_posix *p, const struct sock *s, uint32_t *seq,
                     uint32_t *queued)
{
    struct estab_status st = {.size = sizeof st};

    if (!s->live || estab_status(p->stack, s->conn, &st) != ESTAB_OK)
        return false;
    *queued = st.receive_queued;
    *seq = st.rcv_nxt - st.receive_queued - (s->done ? 1 : 0); /* the FIN */
    return true;
}

void urgent_note(struct estab_posix *p, struct sock *s)
{
    struct estab_status st = {.size = sizeof st};

    if (!s->live || estab_status(p->stack, s->conn, &st) != ESTAB_OK)
        return;
    if (s->urgent.noted && s->urgent.seq == st.rcv_up - 1)
        return;
    s->urgent = (struct urgent){.noted = true, .seq = st.rcv_up - 1};
}

uint32_t urgent_ahead(const struct estab_posix *p, const struct sock *s)
{
    uint32_t seq, queued;

    if (!s->urgent.noted || !next_seq(p, s, &seq, &queued))
        return UINT32_MAX;
    return s->urgent.seq - seq;
}

bool urgent_at_mark(const struct estab_posix *p, const struct sock *s)
{
    return s->urgent.noted && urgent_ahead(p, s) == 0;
}

void urgent_passed(const struct estab_posix *p, struct sock *s)
{
    uint32_t ahead = urgent_ahead(p, s);

    if (s->urgent.noted && (ahead == UINT32_MAX || (int32_t)ahead < 0))
        s->urgent.noted = false;
}

bool urgent_ready(const struct estab_posix *p, const struct sock *s)
{
    uint32_t seq, queued;

    return s->urgent.noted && !s->urgent.taken && next_seq(p, s, &seq, &queued) &&
           s->urgent.seq - seq < queued;
}

/* The byte at `offset` of what is queued: the stack can only be asked from the first on. */
static int byte_at(struct estab_posix *p, struct sock *s, uint32_t offset)
{
    struct estab_received got;
    uint8_t *text = malloc((size_t)offset + 1);
    int byte = -ENOMEM;

    if (!text)
        return byte;
    byte = -EAGAIN;
    if (estab_receive(p->stack, s->conn, text, (size_t)offset + 1, ESTAB_PEEK, &got,
                      time_now(p)) == ESTAB_OK &&
        got.length == (size_t)offset + 1)
        byte = text[offset];
    free(text);
    return byte;
}

/* tcp_recv_urg of Linux. */
ssize_t urgent_receive(struct estab_posix *p, struct sock *s, const struct iovec *iov, int flags,
                       int *msg_flags)
{
    struct estab_status st;
    bool closed;
    int byte;

    if (s->opt.oobinline || !s->urgent.noted || s->urgent.taken)
        return -EINVAL;
    closed = sock_state(p, s, &st) == ESTAB_STATE_CLOSED;
    if (closed && !s->done)
        return -ENOTCONN;
    if (!urgent_ready(p, s))
        return closed || (s->shut & SHUT_IN) ? 0 : -EAGAIN;
    byte = byte_at(p, s, urgent_ahead(p, s));
    if (byte < 0)
        return byte;
    if (!(flags & MSG_PEEK))
        s->urgent.taken = true;
    *msg_flags |= MSG_OOB;
    if (iov->iov_len == 0) {
        *msg_flags |= MSG_TRUNC;
        return 0;
    }
    if (!(flags & MSG_TRUNC))
        *(uint8_t *)iov->iov_base = (uint8_t)byte;
    return 1;
}
