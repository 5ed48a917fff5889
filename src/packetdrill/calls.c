/* SPDX-License-Identifier: MIT */
/* calls.c - the interface's calls, as those of sockets. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>

#include "packetdrill/adapter.h"

/* Without a stack no descriptor exists yet. */
static estab_posix *posix_of(void *u)
{
    struct adapter *a = u;
    bool ok;

    pthread_mutex_lock(&a->mutex);
    ok = adapter_start(a);
    pthread_mutex_unlock(&a->mutex);
    return ok ? a->virtual.posix : NULL;
}

/* CALL(type of the result, name, parameters, arguments) */
#define CALL(type, name, parameters, arguments)                                                    \
    static type call_##name parameters                                                             \
    {                                                                                              \
        estab_posix *p = posix_of(u);                                                              \
        return p ? estab_posix_##name arguments : -1;                                              \
    }

CALL(int, socket, (void *u, int domain, int type, int protocol), (p, domain, type, protocol))
CALL(int, bind, (void *u, int fd, const struct sockaddr *to, socklen_t n), (p, fd, to, n))
CALL(int, listen, (void *u, int fd, int backlog), (p, fd, backlog))
CALL(int, accept, (void *u, int fd, struct sockaddr *from, socklen_t *n), (p, fd, from, n))
CALL(int, connect, (void *u, int fd, const struct sockaddr *to, socklen_t n), (p, fd, to, n))
CALL(int, close, (void *u, int fd), (p, fd))
CALL(int, shutdown, (void *u, int fd, int how), (p, fd, how))
CALL(ssize_t, read, (void *u, int fd, void *out, size_t n), (p, fd, out, n))
CALL(ssize_t, readv, (void *u, int fd, const struct iovec *v, int count), (p, fd, v, count))
CALL(ssize_t, recv, (void *u, int fd, void *out, size_t n, int flags), (p, fd, out, n, flags))
CALL(ssize_t, recvfrom,
     (void *u, int fd, void *out, size_t n, int flags, struct sockaddr *from, socklen_t *length),
     (p, fd, out, n, flags, from, length))
CALL(ssize_t, recvmsg, (void *u, int fd, struct msghdr *m, int flags), (p, fd, m, flags))
CALL(ssize_t, write, (void *u, int fd, const void *text, size_t n), (p, fd, text, n))
CALL(ssize_t, writev, (void *u, int fd, const struct iovec *v, int count), (p, fd, v, count))
CALL(ssize_t, send, (void *u, int fd, const void *text, size_t n, int flags),
     (p, fd, text, n, flags))
CALL(ssize_t, sendto,
     (void *u, int fd, const void *text, size_t n, int flags, const struct sockaddr *to,
      socklen_t length),
     (p, fd, text, n, flags, to, length))
CALL(ssize_t, sendmsg, (void *u, int fd, const struct msghdr *m, int flags), (p, fd, m, flags))
CALL(int, getsockopt, (void *u, int fd, int level, int option, void *value, socklen_t *n),
     (p, fd, level, option, value, n))
CALL(int, setsockopt, (void *u, int fd, int level, int option, const void *value, socklen_t n),
     (p, fd, level, option, value, n))
CALL(int, poll, (void *u, struct pollfd *set, nfds_t n, int timeout_ms), (p, set, n, timeout_ms))
CALL(int, epoll_create1, (void *u, int flags), (p, flags))
CALL(int, epoll_ctl, (void *u, int set, int op, int fd, struct epoll_event *event),
     (p, set, op, fd, event))
CALL(int, epoll_wait, (void *u, int set, struct epoll_event *out, int most, int timeout_ms),
     (p, set, out, most, timeout_ms))

static int call_epoll_create(void *u, int size)
{
    if (size > 0)
        return call_epoll_create1(u, 0);
    errno = EINVAL;
    return -1;
}

/* Not all commands have an argument. */
static int call_fcntl(void *u, int fd, int command, ...)
{
    estab_posix *p = posix_of(u);
    int argument = 0;
    va_list rest;

    va_start(rest, command);
    if (command == F_SETFL || command == F_SETFD)
        argument = va_arg(rest, int);
    va_end(rest);
    return p ? estab_posix_fcntl(p, fd, command, argument) : -1;
}

static int call_ioctl(void *u, int fd, unsigned long request, ...)
{
    estab_posix *p = posix_of(u);
    void *argument;
    va_list rest;

    va_start(rest, request);
    argument = va_arg(rest, void *);
    va_end(rest);
    return p ? estab_posix_ioctl(p, fd, request, argument) : -1;
}

static int call_pipe(void *u, int fd[2])
{
    (void)u;
    (void)fd;
    errno = ENOSYS;
    return -1;
}

static int call_splice(void *u, int in, loff_t *in_at, int out, loff_t *out_at, size_t n,
                       unsigned flags)
{
    (void)in;
    (void)in_at;
    (void)out;
    (void)out_at;
    (void)n;
    (void)flags;
    return call_pipe(u, NULL);
}

void adapter_socket_calls(struct packetdrill_interface *t)
{
    t->socket = call_socket;
    t->bind = call_bind;
    t->listen = call_listen;
    t->accept = call_accept;
    t->connect = call_connect;
    t->close = call_close;
    t->shutdown = call_shutdown;
    t->read = call_read;
    t->readv = call_readv;
    t->recv = call_recv;
    t->recvfrom = call_recvfrom;
    t->recvmsg = call_recvmsg;
    t->write = call_write;
    t->writev = call_writev;
    t->send = call_send;
    t->sendto = call_sendto;
    t->sendmsg = call_sendmsg;
    t->fcntl = call_fcntl;
    t->ioctl = call_ioctl;
    t->getsockopt = call_getsockopt;
    t->setsockopt = call_setsockopt;
    t->poll = call_poll;
    t->epoll_create = call_epoll_create;
    t->epoll_ctl = call_epoll_ctl;
    t->epoll_wait = call_epoll_wait;
    t->pipe = call_pipe;
    t->splice = call_splice;
}
