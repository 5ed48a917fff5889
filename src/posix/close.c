/* SPDX-License-Identifier: MIT */
/*
 * close.c - shutdown and close.
 *
 *      close, text unread      RST: what the peer sent was not received (RFC 9293 section 3.6.1)
 *      close, SO_LINGER 0      RST (ABORT)
 *      close, SO_LINGER n      CLOSE, and waits until all is acknowledged, n seconds at most
 *      close                   CLOSE
 *
 * After each of them the connection is the stack's alone (estab_release): text that still comes is
 * answered with a RST, FIN-WAIT-2 ends by its timer.
 */
#include "posix/posix.h"

#define STATES_UNACKED (STATES(FIN_WAIT_1) | STATES(CLOSING) | STATES(LAST_ACK))

/* ---- shutdown ------------------------------------------------------------------------------------ */

static int shutdown_connection(struct estab_posix *p, struct sock *s, uint8_t how)
{
    s->shut |= how;
    if (!(how & SHUT_OUT))
        return 0;
    p->dirty = true;
    (void)estab_close(p->stack, s->conn, time_now(p)); /* CLOSING: it was shut before */
    return 0;
}

static int sock_shutdown(struct estab_posix *p, struct sock *s, int how)
{
    uint8_t bits = (uint8_t)(how + 1); /* SHUT_RD, SHUT_WR, SHUT_RDWR */
    struct estab_status st;
    enum estab_state state = sock_state(p, s, &st);
    int result = 0;

    if (how < SHUT_RD || how > SHUT_RDWR)
        return -EINVAL;
    if (s->progress == SS_CONNECTING)
        s->progress = state_in(state, STATES_OPENING | STATES(CLOSED)) ? SS_DISCONNECTING
                                                                       : SS_CONNECTED;
    switch (state) {
    case ESTAB_STATE_CLOSED:
        s->shut |= bits;
        result = -ENOTCONN;
        break;
    case ESTAB_STATE_LISTEN:
        if (!(bits & SHUT_IN))
            break;
        sock_disconnect(p, s, 0);
        break;
    case ESTAB_STATE_SYN_SENT:
        sock_disconnect(p, s, ECONNRESET);
        s->progress = SS_UNCONNECTED;
        break;
    default:
        result = shutdown_connection(p, s, bits);
    }
    sock_changed(p, s, 0);
    return result;
}

int estab_posix_shutdown(estab_posix *p, int fd, int how)
{
    struct sock *s;
    int result;

    enter(p);
    result = sock_find(p, fd, &s);
    if (result == 0)
        result = s->dgram ? dgram_shutdown(p, s, how) : sock_shutdown(p, s, how);
    return leave(p, result);
}

/* ---- close --------------------------------------------------------------------------------------- */

bool sock_acked(const struct estab_posix *p, const struct sock *s)
{
    struct estab_status st;

    return !state_in(sock_state(p, s, &st), STATES_UNACKED) || st.receive_queued > 0;
}

/* CLOSE, and all of it acknowledged, or the time over, or text that nobody will read. */
static void close_lingering(struct estab_posix *p, struct sock *s)
{
    estab_time until = time_now(p) + (estab_time)s->opt.linger.l_linger * ESTAB_SECOND;

    (void)estab_close(p->stack, s->conn, time_now(p));
    p->dirty = true;
    while (!sock_acked(p, s))
        if (wait_turn(p, s, TURN_ACKED, until) < 0)
            return;
}

static void close_connection(struct estab_posix *p, struct sock *s)
{
    struct estab_status st;
    enum estab_state state = sock_state(p, s, &st);

    if (state_in(state, STATES(CLOSED) | STATES(LISTEN)) || !s->opt.linger.l_onoff)
        return;
    if (s->opt.linger.l_linger == 0)
        (void)estab_abort(p->stack, s->conn, time_now(p));
    else if (st.receive_queued == 0 && s->opened)
        close_lingering(p, s);
}

static int sock_close(struct estab_posix *p, struct sock *s)
{
    file_remove(p, s->fd);
    s->fd = -1;
    s->gone = true;
    epoll_sock_closed(p, s);
    wake_all(p, s->waits);
    wake_all(p, p->any);
    close_connection(p, s);
    sock_end(p, s);
    sock_drop(p, s);
    return 0;
}

static int file_close(struct estab_posix *p, int fd)
{
    struct file *f = file_find(p, fd);
    struct epoll *e;

    if (!f)
        return -EBADF;
    if (f->kind == FILE_SOCK)
        return sock_close(p, f->sock);
    e = f->epoll;
    file_remove(p, fd);
    epoll_close(p, e);
    return 0;
}

int estab_posix_close(estab_posix *p, int fd)
{
    enter(p);
    return leave(p, file_close(p, fd));
}
