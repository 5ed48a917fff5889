/* SPDX-License-Identifier: MIT */
/*
 * send.c - write, writev, send, sendto, sendmsg.
 *
 * A call that does not wait takes what fits.  One that waits takes all, unless the connection ends or
 * SO_SNDTIMEO runs out; then it answers with what it took, and the next call with the error.
 */
#include <limits.h>
#include <string.h>

#include "posix/posix.h"

ssize_t iov_total(const struct iovec *iov, size_t count)
{
    size_t total = 0;

    for (size_t i = 0; i < count; i++) {
        if (iov[i].iov_len > (size_t)SSIZE_MAX - total)
            return -EINVAL;
        if (!iov[i].iov_base && iov[i].iov_len > 0)
            return -EFAULT;
        total += iov[i].iov_len;
    }
    return (ssize_t)total;
}

/* sk_stream_wait_connect: 0 once text can be sent. */
static int wait_opened(struct estab_posix *p, struct sock *s, estab_time until)
{
    int result;

    while (!(s->live && s->opened)) {
        if (s->error)
            return sock_error(s);
        if (!s->live)
            return -EPIPE;
        result = wait_sock(p, s, until);
        if (result < 0)
            return result;
    }
    return 0;
}

/* Where it stops in the vector. */
struct sending {
    const struct iovec *iov;
    size_t count, at, offset;
    size_t sent, total;
    unsigned flags; /* of the last piece */
};

/* How much of the rest the socket's own bounds let go. */
static size_t send_room(struct estab_posix *p, struct sock *s, const struct sending *g)
{
    struct estab_status st;

    if (!sendbuf_counts(p, s) || !state_in(sock_state(p, s, &st), STATES_CONNECTED))
        return SIZE_MAX;
    return sendbuf_take(p, s, &st, g->total - g->sent);
}

/* Takes what fits.  OK: all; else why not. */
static enum estab_error send_some(struct estab_posix *p, struct sock *s, struct sending *g)
{
    enum estab_error error = ESTAB_OK;
    size_t room = send_room(p, s, g);

    while (error == ESTAB_OK && g->at < g->count) {
        const struct iovec *v = &g->iov[g->at];
        bool last = g->at + 1 == g->count;
        const uint8_t *text = v->iov_base ? v->iov_base : ""; /* NULL, and no bytes */
        size_t taken = 0, n = v->iov_len - g->offset;
        bool held = n > room;

        error = estab_send(p->stack, s->conn, text + g->offset, held ? room : n,
                           held ? ESTAB_HELD : last ? g->flags : ESTAB_MORE, &taken, time_now(p));
        g->sent += taken;
        g->offset += taken;
        room -= taken;
        if (error != ESTAB_OK)
            break;
        g->at++;
        g->offset = 0;
    }
    p->dirty = true;
    return error;
}

/* What was taken does not wait for the rest. */
static void send_push(struct estab_posix *p, struct sock *s, const struct sending *g)
{
    size_t taken;

    if (g->sent > 0 && s->live && !s->opt.cork)
        (void)!estab_send(p->stack, s->conn, "", 0, ESTAB_PUSH, &taken, time_now(p));
}

/* sk_stream_wait_memory: once refused, until the socket is writable.  It is watched also for who does
 * not wait: an edge of EPOLLOUT follows. */
static int wait_writable(struct estab_posix *p, struct sock *s, estab_time until)
{
    uint32_t mask = sock_mask(p, s);
    int result;

    do {
        if (sendbuf_counts(p, s))
            sock_watch(p, s, mask);
        result = wait_sock(p, s, until);
        mask = sock_mask(p, s);
    } while (result == 0 && sendbuf_counts(p, s) && !(mask & (EPOLLOUT | EPOLLERR | EPOLLHUP)));
    return result;
}

static ssize_t send_all(struct estab_posix *p, struct sock *s, struct sending *g, estab_time until)
{
    enum estab_error error;
    int result;

    for (;;) {
        if (s->error || (s->shut & SHUT_OUT) || !s->live)
            return -EPIPE;
        error = send_some(p, s, g);
        if (error == ESTAB_OK)
            return 0;
        send_push(p, s, g);
        if (error == ESTAB_AGAIN)
            result = wait_writable(p, s, until);
        else if (error == ESTAB_NO_RESOURCES)
            result = wait_turn(p, s, TURN_ROOM, until);
        else
            return -EPIPE;
        if (result < 0)
            return result;
    }
}

static ssize_t sock_send(struct estab_posix *p, struct sock *s, const struct iovec *iov,
                         size_t count, int flags)
{
    estab_time until = until_of(p, &s->opt.sndtimeo, s->nonblock || (flags & MSG_DONTWAIT));
    struct sending g = {.iov = iov, .count = count, .total = (size_t)iov_total(iov, count)};
    ssize_t result;

    if (flags & MSG_FASTOPEN)
        return -EOPNOTSUPP;
    g.flags = flags & MSG_MORE ? ESTAB_MORE : ESTAB_PUSH;
    if (flags & MSG_OOB)
        g.flags = ESTAB_URGENT | ESTAB_PUSH;
    sock_hold(s);
    result = wait_opened(p, s, until);
    if (result == 0)
        result = send_all(p, s, &g, until);
    if (result < 0 && g.sent > 0)
        result = 0;
    if (result == -EPIPE && s->error)
        result = sock_error(s);
    sock_drop(p, s);
    return result < 0 ? result : (ssize_t)g.sent;
}

/* ---- the calls ------------------------------------------------------------------------------------- */

static ssize_t send_to(estab_posix *p, int fd, const struct iovec *iov, size_t count, int flags,
                       const struct name *to)
{
    struct sock *s = NULL;
    ssize_t result = iov_total(iov, count);

    if (result >= 0)
        result = sock_find(p, fd, &s);
    if (result < 0)
        return result;
    return s->dgram ? dgram_send(p, s, iov, count, flags, to) : sock_send(p, s, iov, count, flags);
}

/* As in Linux, the address of a stream socket's sendto() is not looked at. */
static ssize_t send_call(estab_posix *p, int fd, const struct iovec *iov, size_t count, int flags,
                         const struct sockaddr *address, socklen_t length)
{
    struct name to = {(struct sockaddr *)(uintptr_t)address, &length};

    enter(p);
    return leave_size(p, send_to(p, fd, iov, count, flags, &to));
}

static ssize_t fail(int number)
{
    errno = number;
    return -1;
}

/* write() to what is no socket is another error than send(). */
ssize_t estab_posix_writev(estab_posix *p, int fd, const struct iovec *iov, int count)
{
    const struct file *f;

    if (count < 0 || count > POSIX_IOV_MAX)
        return fail(EINVAL);
    enter(p);
    f = file_find(p, fd);
    return leave_size(p, f && f->kind == FILE_EPOLL ? -EINVAL
                                                    : send_to(p, fd, iov, (size_t)count, 0, &(struct name){0}));
}

ssize_t estab_posix_write(estab_posix *p, int fd, const void *text, size_t length)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = length};

    return estab_posix_writev(p, fd, &iov, 1);
}

ssize_t estab_posix_send(estab_posix *p, int fd, const void *text, size_t length, int flags)
{
    return estab_posix_sendto(p, fd, text, length, flags, NULL, 0);
}

ssize_t estab_posix_sendto(estab_posix *p, int fd, const void *text, size_t length, int flags,
                           const struct sockaddr *address, socklen_t address_length)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)text, .iov_len = length};

    if ((int)address_length < 0 || address_length > sizeof(struct sockaddr_storage))
        return fail(EINVAL);
    return send_call(p, fd, &iov, 1, flags, address, address_length);
}

ssize_t estab_posix_sendmsg(estab_posix *p, int fd, const struct msghdr *m, int flags)
{
    if (!m)
        return fail(EFAULT);
    if (m->msg_iovlen > POSIX_IOV_MAX)
        return fail(EMSGSIZE);
    if ((int)m->msg_namelen < 0)
        return fail(EINVAL);
    return send_call(p, fd, m->msg_iov, m->msg_iovlen, flags, m->msg_namelen ? m->msg_name : NULL,
                     m->msg_namelen);
}
