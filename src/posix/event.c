/* SPDX-License-Identifier: MIT */
/*
 * event.c - from the stack's events to sockets: what changed, and who must hear of it.
 *
 * Most changes of what poll() says come with an event.  Some do not: room in a send buffer that no
 * SEND was refused, our FIN acknowledged.  A socket of which that may be asked is *watched*: each turn
 * compares what poll() says with what it said.
 */
#include "posix/posix.h"

int errno_of(enum estab_error error)
{
    switch (error) {
    case ESTAB_OK:
        return 0;
    case ESTAB_RESET:
        return ECONNRESET;
    case ESTAB_REFUSED:
        return ECONNREFUSED;
    case ESTAB_TIMED_OUT:
        return ETIMEDOUT;
    case ESTAB_ABORTED:
        return ECONNABORTED;
    case ESTAB_UNREACHABLE:
        return EHOSTUNREACH;
    case ESTAB_NO_ROUTE:
        return ENETUNREACH;
    case ESTAB_NO_RESOURCES:
        return ENOBUFS;
    case ESTAB_EXISTS:
        return EADDRINUSE;
    case ESTAB_NO_CONNECTION:
        return ENOTCONN;
    case ESTAB_CLOSING:
        return EPIPE;
    case ESTAB_AGAIN:
        return EAGAIN;
    case ESTAB_REMOTE_UNSPECIFIED:
        return EADDRNOTAVAIL;
    case ESTAB_INVALID:
        return EINVAL;
    case ESTAB_TOO_LONG:
        return EMSGSIZE;
    }
    return EINVAL;
}

int sock_error(struct sock *s)
{
    int error = s->error;

    s->error = 0;
    return -error;
}

void sock_changed(struct estab_posix *p, struct sock *s, uint32_t what)
{
    wake_all(p, s->waits);
    wake_all(p, p->any);
    if (s->interests)
        epoll_sock_changed(p, s, what);
}

/* ---- watched sockets -------------------------------------------------------------------------------- */

void sock_watch(struct estab_posix *p, struct sock *s, uint32_t mask)
{
    s->mask = mask;
    if (s->watched)
        return;
    s->watched = true;
    s->watch_next = p->watched;
    p->watched = s;
}

void sock_unwatch(struct estab_posix *p, struct sock *s)
{
    struct sock **at = &p->watched;

    if (!s->watched)
        return;
    while (*at != s)
        at = &(*at)->watch_next;
    *at = s->watch_next;
    s->watched = false;
}

/* Who is told asks again, and is watched again if that is still of use. */
static void look_at_watched(struct estab_posix *p)
{
    for (struct sock *s = p->watched, *next; s; s = next) {
        uint32_t before = s->mask, mask = sock_mask(p, s);

        next = s->watch_next;
        s->mask = mask;
        if (!(mask & ~before))
            continue;
        sock_unwatch(p, s);
        sock_changed(p, s, mask & ~before);
    }
}

/* ---- events ------------------------------------------------------------------------------------------ */

void listener_refill(struct estab_posix *p, struct sock *s)
{
    struct estab_status st = {.size = sizeof st};
    estab_conn conn;
    struct sock *child;

    s->more = true;
    while (!s->ahead) {
        child = sock_new(p);
        if (!child)
            return; /* accept() tries again */
        if (estab_accept(p->stack, s->listener, &conn) != ESTAB_OK) {
            sock_drop(p, child);
            s->more = false;
            return;
        }
        if (estab_status(p->stack, conn, &st) != ESTAB_OK || !place_set(p, conn, child)) {
            (void)estab_release(p->stack, conn, time_now(p));
            sock_drop(p, child);
            continue;
        }
        child->local = st.local;
        child->remote = st.remote;
        child->opened = true;
        child->progress = SS_CONNECTED;
        child->domain = s->domain;
        child->bound_addr = s->bound_addr;
        child->bound_ipv4 = s->bound_ipv4;
        child->scope = s->scope;
        child->shut = s->shut; /* shut before listen(): so are they, as in Linux */
        child->opt = s->opt;
        if (s->shut & SHUT_OUT)
            (void)estab_close(p->stack, conn, time_now(p));
        s->ahead = child;
    }
}

/* What tcp_reset of Linux makes of the state in which the RST came. */
static int error_of_end(const struct sock *s, enum estab_error error)
{
    if (error == ESTAB_RESET && s->done && !(s->shut & SHUT_OUT))
        return EPIPE; /* CLOSE-WAIT */
    if (error == ESTAB_RESET && !s->opened)
        return ECONNREFUSED;
    if (error == ESTAB_TIMED_OUT && s->soft)
        return s->soft;
    return errno_of(error);
}

/* Text that came before the end can still be read (ESTAB_OPTION_KEEP_TEXT), as in Linux. */
static void keep_text(struct estab_posix *p, struct sock *s)
{
    struct estab_status st = {.size = sizeof st};

    if (s->live && estab_status(p->stack, s->conn, &st) == ESTAB_OK && st.receive_queued > 0)
        return;
    (void)estab_release(p->stack, s->conn, time_now(p));
    place_clear(p, s);
}

static void closed(struct estab_posix *p, struct sock *s, enum estab_error error)
{
    int number = error_of_end(s, error);

    keep_text(p, s);
    if (number && error != ESTAB_ABORTED)
        s->error = number;
    s->shut = SHUT_ALL;
    if (error == ESTAB_OK)
        s->done = true;
}

/* Linux: text that comes after shutdown(SHUT_RDWR) in FIN-WAIT-1 or 2 is answered with a RST, since
 * nobody will read it (RFC 9293 section 3.6.1).  Where a FIN came with it the state has gone on. */
static bool refuses_text(const struct estab_posix *p, const struct sock *s)
{
    struct estab_status st;

    return s->shut == SHUT_ALL && !s->done &&
           state_in(sock_state(p, s, &st), STATES(FIN_WAIT_1) | STATES(FIN_WAIT_2) |
                                               STATES(CLOSING) | STATES(CLOSED));
}

/* Linux: what was shut for writing before it connected sends its FIN when it leaves SYN-RECEIVED, where
 * a socket comes that meets itself.  From SYN-SENT it opens, and is only not written to. */
static void shut_when_opened(struct estab_posix *p, struct sock *s)
{
    if (!(s->shut & SHUT_OUT) || s->local.port != s->remote.port ||
        !address_equal(&s->local.addr, &s->remote.addr))
        return;
    (void)estab_close(p->stack, s->conn, time_now(p));
    p->dirty = true;
}

/* The core has room, and sendbuf.c has none yet: the socket is watched until it has. */
static bool still_held(struct estab_posix *p, struct sock *s)
{
    size_t taken;

    if (!s->live || (sock_mask(p, s) & EPOLLOUT))
        return false;
    (void)!estab_send(p->stack, s->conn, "", 0, ESTAB_HELD, &taken, time_now(p));
    return true;
}

static uint32_t took_event(struct estab_posix *p, struct sock *s, const struct estab_event *event)
{
    uint32_t what = 0;

    if (event->bits & ESTAB_EVENT_OPENED) {
        s->opened = true;
        shut_when_opened(p, s);
        what |= EPOLLOUT | EPOLLWRNORM;
    }
    if (event->bits & ESTAB_EVENT_URGENT)
        urgent_note(p, s);
    if (event->bits & (ESTAB_EVENT_READABLE | ESTAB_EVENT_URGENT))
        what |= EPOLLIN | EPOLLRDNORM | EPOLLPRI | EPOLLRDBAND;
    if ((event->bits & ESTAB_EVENT_WRITABLE) && !still_held(p, s))
        what |= EPOLLOUT | EPOLLWRNORM;
    if (event->bits & ESTAB_EVENT_SOFT_ERROR)
        s->soft = event->error == ESTAB_UNREACHABLE ? EHOSTUNREACH : s->soft;
    if (event->bits & ESTAB_EVENT_PEER_CLOSED) {
        s->done = true;
        s->shut |= SHUT_IN;
        what |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP | EPOLLHUP;
    }
    return what;
}

static void conn_event(struct estab_posix *p, const struct estab_event *event)
{
    struct sock *s = place_find(p, event->conn);
    uint32_t what;

    if (!s) {
        if (p->config.event)
            p->config.event(p->config.event_context, event);
        return;
    }
    if ((event->bits & ESTAB_EVENT_READABLE) && refuses_text(p, s)) {
        (void)estab_release(p->stack, s->conn, time_now(p));
        p->dirty = true;
        closed(p, s, ESTAB_RESET);
        sock_changed(p, s, 0);
        return;
    }
    what = took_event(p, s, event);
    if (what == 0 && event->bits == ESTAB_EVENT_WRITABLE)
        return;
    if (event->bits & ESTAB_EVENT_CLOSED) {
        closed(p, s, event->error);
        what = 0;
    }
    sock_changed(p, s, what);
}

static void listener_event(struct estab_posix *p, const struct estab_event *event)
{
    for (struct sock *s = p->listening; s; s = s->listen_next) {
        if (s->listener.index != event->listener.index ||
            s->listener.generation != event->listener.generation)
            continue;
        s->more = true;
        if (!s->ahead)
            listener_refill(p, s);
        sock_changed(p, s, EPOLLIN | EPOLLRDNORM);
        return;
    }
    if (p->config.event)
        p->config.event(p->config.event_context, event);
}

void work(struct estab_posix *p)
{
    struct estab_event event;

    while (estab_event_next(p->stack, &event)) {
        if (event.listener.generation)
            listener_event(p, &event);
        else if (event.udp.generation)
            dgram_event(p, &event);
        else
            conn_event(p, &event);
    }
}

void estab_posix_work(estab_posix *p)
{
    work(p);
    look_at_watched(p);
    wake_turn(p);
    kick(p); /* an abort; the caller's output comes after this */
}
