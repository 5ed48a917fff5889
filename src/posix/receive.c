/* SPDX-License-Identifier: MIT */
/*
 * receive.c - read, readv, recv, recvfrom, recvmsg.
 *
 * The order of Linux's tcp_recvmsg: text first, as much as is asked for; then the end of the peer's
 * text; then a pending error; then what shutdown() has closed; then to wait.
 */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "posix/posix.h"

#define DISCARD_BYTES 4096

#ifndef TCP_CM_INQ
#define TCP_CM_INQ 36
#endif

struct receiving {
    const struct iovec *iov;
    size_t count, total;
    size_t got; /* in all */
    bool peek, discard;
};

/* Room at `got`; its length in *n. */
static uint8_t *room_at(const struct receiving *r, size_t *n)
{
    size_t skip = r->got;

    for (size_t i = 0; i < r->count; i++) {
        if (skip < r->iov[i].iov_len) {
            *n = r->iov[i].iov_len - skip;
            return (uint8_t *)r->iov[i].iov_base + skip;
        }
        skip -= r->iov[i].iov_len;
    }
    *n = 0;
    return NULL;
}

/* Takes up to `most` bytes of text; how many. */
static size_t take(struct estab_posix *p, struct sock *s, void *to, size_t most, unsigned flags)
{
    struct estab_received got;

    if (!s->live ||
        estab_receive(p->stack, s->conn, to, most, flags, &got, time_now(p)) != ESTAB_OK)
        return 0;
    p->dirty = p->dirty || !(flags & ESTAB_PEEK); /* the window may be worth telling */
    return got.length;
}

/* The mark: text before it is one read, and its byte is not in the text. */
static size_t up_to_mark(struct estab_posix *p, struct sock *s, size_t n, bool *stop)
{
    uint32_t ahead;
    uint8_t byte;

    if (!s->urgent.noted)
        return n;
    ahead = urgent_ahead(p, s);
    if (ahead == 0 && !s->opt.oobinline && take(p, s, &byte, 1, 0) == 1)
        s->urgent.noted = false;
    else if (ahead > 0 && ahead < n) {
        *stop = true;
        return ahead;
    }
    return n;
}

static void take_text(struct estab_posix *p, struct sock *s, struct receiving *r)
{
    uint8_t waste[DISCARD_BYTES];
    bool stop = r->got > 0 && urgent_at_mark(p, s);

    while (!stop && r->got < r->total) {
        size_t n = r->total - r->got < sizeof waste ? r->total - r->got : sizeof waste, took;
        uint8_t *to = r->discard ? waste : room_at(r, &n); /* thrown away, there may be no room */

        n = up_to_mark(p, s, n, &stop);
        took = take(p, s, to, n, 0);
        r->got += took;
        urgent_passed(p, s);
        if (took < n)
            break;
    }
}

void sock_scatter(const struct iovec *iov, size_t count, const uint8_t *from, size_t n)
{
    size_t done = 0;

    for (size_t i = 0; i < count && done < n; i++) {
        size_t piece = iov[i].iov_len < n - done ? iov[i].iov_len : n - done;

        if (piece)
            memcpy(iov[i].iov_base, from + done, piece);
        done += piece;
    }
}

/* Leaves the text where it is.  The stack gives it in one piece, from the first byte on; the byte of
 * the mark is left out. */
static int peek_text(struct estab_posix *p, struct sock *s, struct receiving *r)
{
    struct estab_status st = {.size = sizeof st};
    uint32_t ahead = urgent_ahead(p, s);
    size_t n = r->total, skip = 0;
    uint8_t *text;

    if (!s->live || estab_status(p->stack, s->conn, &st) != ESTAB_OK)
        return 0;
    if (s->urgent.noted && ahead == 0 && !s->opt.oobinline)
        skip = 1;
    else if (s->urgent.noted && ahead > 0 && ahead < n)
        n = ahead;
    n = n + skip < st.receive_queued ? n + skip : st.receive_queued;
    if (n <= skip)
        return 0;
    text = malloc(n);
    if (!text)
        return -ENOMEM;
    n = take(p, s, text, n, ESTAB_PEEK);
    r->got = n > skip ? n - skip : 0;
    if (!r->discard && n > skip)
        sock_scatter(r->iov, r->count, text + skip, r->got);
    free(text);
    return 0;
}

/* No more text is on hand: 1 the call ends with what it has, 0 it waits, or an error. */
static int nothing_more(struct sock *s, bool some)
{
    if (some)
        return s->error || s->done || (s->shut & SHUT_IN) || !s->live;
    if (s->done)
        return 1;
    if (s->error)
        return sock_error(s);
    if (s->shut & SHUT_IN)
        return 1;
    return s->live ? 0 : -ENOTCONN;
}

static bool some_text(struct estab_posix *p, struct sock *s)
{
    uint8_t byte;

    return take(p, s, &byte, 1, ESTAB_PEEK) == 1;
}

static int receive_loop(struct estab_posix *p, struct sock *s, struct receiving *r, size_t target,
                        estab_time until)
{
    int result = 0;

    for (;;) {
        if (r->peek)
            result = peek_text(p, s, r);
        else
            take_text(p, s, r);
        if (r->total == 0 && some_text(p, s))
            return 0;
        if (result < 0 || r->got >= target || (r->got > 0 && urgent_at_mark(p, s)))
            return result;
        result = nothing_more(s, r->got > 0);
        if (result != 0)
            return result;
        result = wait_sock(p, s, until);
        if (result < 0)
            return result;
    }
}

static ssize_t sock_receive(struct estab_posix *p, struct sock *s, const struct iovec *iov,
                            size_t count, int flags, int *msg_flags)
{
    estab_time until = until_of(p, &s->opt.rcvtimeo, s->nonblock || (flags & MSG_DONTWAIT));
    struct receiving r = {.iov = iov,
                          .count = count,
                          .peek = flags & MSG_PEEK,
                          .discard = flags & MSG_TRUNC};
    size_t target;
    int result;

    for (size_t i = 0; i < count; i++)
        r.total += iov[i].iov_len;
    if (flags & MSG_ERRQUEUE)
        return -EAGAIN;
    if (s->listening)
        return -ENOTCONN;
    if (flags & MSG_OOB)
        return urgent_receive(p, s, iov, flags, msg_flags);
    target = flags & MSG_WAITALL || r.total < (size_t)s->opt.rcvlowat ? r.total
                                                                      : (size_t)s->opt.rcvlowat;
    sock_hold(s);
    result = receive_loop(p, s, &r, target ? target : 1, until);
    sock_drop(p, s);
    return result < 0 && r.got == 0 ? result : (ssize_t)r.got;
}

/* ---- the calls --------------------------------------------------------------------------------------- */

/* What read() says of the descriptor before it looks for text, and recv() does not: 1, or the answer. */
static ssize_t read_first(const estab_posix *p, int fd, size_t length)
{
    const struct file *f = file_find(p, fd);

    if (!f)
        return -EBADF;
    if (f->kind == FILE_EPOLL)
        return -EINVAL;
    return length ? 1 : 0; /* nothing is asked for, and nothing said of the connection */
}

static ssize_t receive_from(estab_posix *p, int fd, const struct iovec *iov, size_t count,
                            int flags, int *msg_flags, int *inq, const struct name *from)
{
    struct sock *s = NULL;
    ssize_t result = flags & MSG_TRUNC ? 0 : iov_total(iov, count); /* what is cut has no place */

    if (result >= 0)
        result = sock_find(p, fd, &s);
    if (result < 0)
        return result;
    if (s->dgram)
        return dgram_receive(p, s, iov, count, flags, msg_flags, from);
    if (from->length)
        *from->length = 0; /* as in Linux, a stream names no address */
    sock_hold(s);
    result = sock_receive(p, s, iov, count, flags, msg_flags);
    if (result >= 0 && inq && s->opt.inq)
        *inq = sock_inq_hint(p, s);
    sock_drop(p, s);
    return result;
}

static ssize_t receive_call(estab_posix *p, int fd, const struct iovec *iov, size_t count,
                            int flags, int *msg_flags, int *inq, const struct name *from)
{
    enter(p);
    return leave_size(p, receive_from(p, fd, iov, count, flags, msg_flags, inq, from));
}

static const struct name nameless = {NULL, NULL};

static ssize_t fail(int number)
{
    errno = number;
    return -1;
}

ssize_t estab_posix_readv(estab_posix *p, int fd, const struct iovec *iov, int count)
{
    int msg_flags = 0;
    ssize_t result;

    if (count < 0 || count > POSIX_IOV_MAX)
        return fail(EINVAL);
    result = iov_total(iov, (size_t)count);
    if (result < 0)
        return fail((int)-result);
    enter(p);
    result = read_first(p, fd, (size_t)result);
    if (result == 1)
        result = receive_from(p, fd, iov, (size_t)count, 0, &msg_flags, NULL, &nameless);
    return leave_size(p, result);
}

ssize_t estab_posix_read(estab_posix *p, int fd, void *to, size_t size)
{
    struct iovec iov = {.iov_base = to, .iov_len = size};

    return estab_posix_readv(p, fd, &iov, 1);
}

ssize_t estab_posix_recv(estab_posix *p, int fd, void *to, size_t size, int flags)
{
    return estab_posix_recvfrom(p, fd, to, size, flags, NULL, NULL);
}

/* A stream's length becomes 0 if there was text; an error leaves it as it was. */
ssize_t estab_posix_recvfrom(estab_posix *p, int fd, void *to, size_t size, int flags,
                             struct sockaddr *address, socklen_t *length)
{
    struct iovec iov = {.iov_base = to, .iov_len = size};
    socklen_t told = length ? *length : 0;
    struct name from = {address && length ? address : NULL, address && length ? &told : NULL};
    int msg_flags = 0;
    ssize_t n = receive_call(p, fd, &iov, 1, flags, &msg_flags, NULL, &from);

    if (n >= 0 && from.length)
        *length = told;
    return n;
}

static void put_inq(struct msghdr *m, int inq)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);

    if (!c || m->msg_controllen < CMSG_SPACE(sizeof inq)) {
        m->msg_flags |= MSG_CTRUNC;
        m->msg_controllen = 0;
        return;
    }
    *c = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof inq), .cmsg_level = IPPROTO_TCP, .cmsg_type = TCP_CM_INQ};
    memcpy(CMSG_DATA(c), &inq, sizeof inq);
    m->msg_controllen = CMSG_SPACE(sizeof inq);
}

ssize_t estab_posix_recvmsg(estab_posix *p, int fd, struct msghdr *m, int flags)
{
    int msg_flags = 0, inq = -1;
    struct name from;
    socklen_t told;
    ssize_t n;

    if (!m)
        return fail(EFAULT);
    if (m->msg_iovlen > POSIX_IOV_MAX)
        return fail(EMSGSIZE);
    told = m->msg_name ? m->msg_namelen : 0;
    from = (struct name){m->msg_name, &told};
    n = receive_call(p, fd, m->msg_iov, m->msg_iovlen, flags, &msg_flags, &inq, &from);
    if (n < 0)
        return n;
    m->msg_namelen = told;
    m->msg_flags = msg_flags | (flags & MSG_CMSG_CLOEXEC);
    if (inq >= 0)
        put_inq(m, inq);
    else
        m->msg_controllen = 0;
    return n;
}
