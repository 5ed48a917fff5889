/* SPDX-License-Identifier: MIT */
/* control.c - fcntl and ioctl. */
#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "posix/posix.h"

/* ---- fcntl -------------------------------------------------------------------------------------- */

static int file_control(struct estab_posix *p, int fd, int command, int argument)
{
    struct file *f = file_find(p, fd);
    struct sock *s;

    if (!f)
        return -EBADF;
    s = f->kind == FILE_SOCK ? f->sock : NULL;
    switch (command) {
    case F_GETFL:
        return O_RDWR | (s && s->nonblock ? O_NONBLOCK : 0);
    case F_SETFL:
        if (s)
            s->nonblock = argument & O_NONBLOCK;
        return 0;
    case F_GETFD:
        return s && s->cloexec ? FD_CLOEXEC : 0;
    case F_SETFD:
        if (s)
            s->cloexec = argument & FD_CLOEXEC;
        return 0;
    default:
        return -EINVAL;
    }
}

int estab_posix_fcntl(estab_posix *p, int fd, int command, int argument)
{
    enter(p);
    return leave(p, file_control(p, fd, command, argument));
}

/* ---- ioctl -------------------------------------------------------------------------------------- */

/* tcp_inq: what read() can have, which ends before the mark. */
int sock_inq(const struct estab_posix *p, const struct sock *s)
{
    struct estab_status st;
    uint32_t ahead = urgent_ahead(p, s);

    (void)sock_state(p, s, &st);
    return (int)(!s->opt.oobinline && ahead < st.receive_queued ? ahead : st.receive_queued);
}

/* TCP_CM_INQ: the same, but 1 where only the end of the stream is left to read, as in Linux. */
int sock_inq_hint(const struct estab_posix *p, const struct sock *s)
{
    struct estab_status st;
    enum estab_state state = sock_state(p, s, &st);
    bool ends = state_in(state, STATES(CLOSE_WAIT) | STATES(CLOSING) | STATES(LAST_ACK) |
                                    STATES(TIME_WAIT) | STATES(CLOSED));

    return st.receive_queued == 0 && ends ? 1 : (int)st.receive_queued;
}

/* What is not acknowledged, or not even sent: our FIN counts, as in Linux. */
int sock_outq(const struct estab_posix *p, const struct sock *s, bool not_sent)
{
    struct estab_status st;
    enum estab_state state = sock_state(p, s, &st);
    bool fin = state_in(state, STATES(FIN_WAIT_1) | STATES(CLOSING) | STATES(LAST_ACK));

    if (not_sent)
        return (int)st.not_sent;
    return (int)st.send_queued + fin;
}

static int sock_control(struct estab_posix *p, struct sock *s, unsigned long request, int *value)
{
    if (!value)
        return -EFAULT;
    if (s->dgram)
        return dgram_control(p, s, request, value);
    if (s->listening && request != FIONBIO)
        return request == SIOCATMARK ? (*value = 0) : -EINVAL;
    switch (request) {
    case FIONREAD: /* SIOCINQ */
        *value = sock_inq(p, s);
        return 0;
    case TIOCOUTQ: /* SIOCOUTQ */
        *value = sock_outq(p, s, false);
        return 0;
    case SIOCOUTQNSD:
        *value = sock_outq(p, s, true);
        return 0;
    case SIOCATMARK:
        *value = urgent_at_mark(p, s);
        return 0;
    case FIONBIO:
        s->nonblock = *value != 0;
        return 0;
    default:
        return -ENOTTY;
    }
}

int estab_posix_ioctl(estab_posix *p, int fd, unsigned long request, void *argument)
{
    struct sock *s;
    int result;

    enter(p);
    result = sock_find(p, fd, &s);
    if (result == -ENOTSOCK)
        result = -ENOTTY;
    return leave(p, result < 0 ? result : sock_control(p, s, request, argument));
}
