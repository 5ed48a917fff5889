/* SPDX-License-Identifier: MIT */
/*
 * peer.c - blocking sockets and one poll: as plain as a program that a beginner would write.
 */
#include "cli/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "device/error.h"
#include "packet/address.h"

#define PEER_CHUNK 65536

/* Exit codes, as the command line has them. */
static int code_of(int number)
{
    if (number == 0)
        return 0;
    if (number == ECONNREFUSED || number == ECONNRESET || number == EPIPE)
        return 5;
    return number == ETIMEDOUT ? 6 : 1;
}

union address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

static union address address_of(const struct estab_endpoint *e)
{
    union address a = {.six = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)}};
    memcpy(&a.six.sin6_addr, e->addr.b, 16);
    if (addr_is_ipv4(&e->addr)) {
        a.four = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(e->port)};
        memcpy(&a.four.sin_addr, e->addr.b + 12, 4);
    }
    return a;
}

static socklen_t size_of(const union address *a)
{
    return a->any.sa_family == AF_INET ? sizeof a->four : sizeof a->six;
}

static int bound(const struct estab_endpoint *local)
{
    union address a = address_of(local);
    int on = 1, fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, &a.any, size_of(&a)) == 0)
        return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

/* ---- one connection ----------------------------------------------------------------------------- */

struct talk {
    const struct peer_options *options;
    int fd;
    estab_time close_at;
    uint64_t sent;
    bool finished; /* our FIN is sent */
    bool ended;    /* the peer's FIN is read */
};

/* What poll(2) takes: rounded up, so that it does not wake early and turn around. */
static int until_ms(estab_time when)
{
    estab_time now = estab_now();
    if (when == ESTAB_NEVER)
        return -1;
    return when <= now ? 0 : (int)((when - now + ESTAB_MS - 1) / ESTAB_MS);
}

/* All of it, or -1: an echo has nowhere else to put it. */
static int send_all(int fd, const uint8_t *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent < 0 && errno != EINTR)
            return -1;
        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        }
    }
    return 0;
}

static int hear(struct talk *t)
{
    uint8_t buffer[PEER_CHUNK];
    ssize_t got = recv(t->fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    t->ended = got == 0;
    return t->options->does == PEER_ECHO ? send_all(t->fd, buffer, (size_t)got) : 0;
}

static int say(struct talk *t)
{
    uint8_t buffer[PEER_CHUNK];
    uint64_t left = t->options->bytes - t->sent;
    size_t n = left < sizeof buffer ? (size_t)left : sizeof buffer;
    for (size_t i = 0; i < n; i++)
        buffer[i] = t->options->text ? (uint8_t)t->options->text[t->sent + i]
                                     : peer_byte(t->sent + i);
    ssize_t sent = send(t->fd, buffer, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    t->sent += (uint64_t)sent;
    return 0;
}

static int turn(struct talk *t)
{
    bool talks = t->options->does == PEER_SOURCE && !t->finished;
    if (talks && t->sent == t->options->bytes && !t->options->hold) {
        t->finished = true;
        return shutdown(t->fd, SHUT_WR);
    }
    struct pollfd p = {.fd = t->fd};
    p.events =
        (short)((t->ended ? 0 : POLLIN) | (talks && t->sent < t->options->bytes ? POLLOUT : 0));
    if (poll(&p, 1, until_ms(t->close_at)) < 0)
        return errno == EINTR ? 0 : -1;
    int result = 0;
    if (p.revents & (POLLIN | POLLERR))
        result = hear(t);
    if (result == 0 && p.revents & POLLOUT)
        result = say(t);
    return result;
}

static bool done(struct talk *t)
{
    bool over = t->ended && (t->options->does != PEER_SOURCE || t->finished);
    if (over && !t->options->hold && t->close_at == ESTAB_NEVER)
        t->close_at = estab_now() + t->options->close_ms * ESTAB_MS;
    return estab_now() >= t->close_at;
}

/* 0, or an errno. */
static int converse(const struct peer_options *o, int fd)
{
    struct talk t = {.options = o, .fd = fd, .close_at = ESTAB_NEVER};
    if (o->hold)
        t.close_at = estab_now() + o->hold_ms * ESTAB_MS;
    int result = 0;
    while (result == 0 && !done(&t))
        result = turn(&t);
    int number = result ? errno : 0;
    close(fd);
    return number;
}

/* ---- the two roles -------------------------------------------------------------------------------- */

static int serve(const struct peer_options *o, int listener)
{
    int number = 0;
    for (uint32_t served = 0; o->connections == 0 || served < o->connections; served++) {
        int fd;
        do
            fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
        number = fd < 0 ? errno : converse(o, fd);
        if (fd < 0)
            break;
    }
    return number;
}

static int call(const struct peer_options *o, int *fd)
{
    union address to = address_of(&o->remote);
    struct estab_endpoint from = o->local;
    if (addr_is_unspecified(&from.addr) && to.any.sa_family == AF_INET6)
        from.addr = (struct estab_addr){{0}};
    else if (addr_is_unspecified(&from.addr))
        from.addr = estab_ipv4(0, 0, 0, 0);
    *fd = bound(&from);
    if (*fd >= 0 && connect(*fd, &to.any, size_of(&to)) == 0)
        return 0;
    int number = errno;
    if (*fd >= 0)
        close(*fd);
    return number;
}

static int call_again(const struct peer_options *o)
{
    estab_time patience = estab_now() + o->connect_for_ms * ESTAB_MS;
    struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    int fd, number;
    while ((number = call(o, &fd)) == ECONNREFUSED && estab_now() < patience)
        (void)nanosleep(&pause, NULL);
    return number ? number : converse(o, fd);
}

/* Tells `ready` an errno once it listens or cannot; -1: nobody asks. */
static int run(const struct peer_options *o, int ready)
{
    int listener = -1, number = 0;
    if (o->listens) {
        listener = bound(&o->local);
        number = listener < 0 || listen(listener, 128) != 0 ? errno : 0;
    }
    if (ready >= 0) {
        ssize_t n = write(ready, &number, sizeof number);
        (void)n;
        close(ready);
    }
    if (number)
        return number;
    return o->listens ? serve(o, listener) : call_again(o);
}

int peer_run(const struct peer_options *options)
{
    return code_of(run(options, -1));
}

struct start {
    struct peer_options options;
    int ready;
};

static int run_inside(void *context)
{
    const struct start *s = context;
    return code_of(run(&s->options, s->ready));
}

pid_t peer_start(struct netns *ns, const struct peer_options *options,
                 struct estab_host_error *error)
{
    int pair[2], number = EPROTO;
    if (pipe2(pair, O_CLOEXEC) != 0) {
        host_fail(error, ESTAB_HOST_IO, errno, "the built-in peer cannot be started");
        return -1;
    }
    struct start s = {.options = *options, .ready = pair[1]};
    pid_t pid = netns_call(ns, run_inside, &s, NULL, error);
    close(pair[1]);
    ssize_t got = 0;
    if (pid > 0)
        do
            got = read(pair[0], &number, sizeof number);
        while (got < 0 && errno == EINTR);
    close(pair[0]);
    if (pid < 0 || (got == (ssize_t)sizeof number && number == 0))
        return pid;
    while (!netns_wait(ns, pid, ESTAB_NEVER, NULL))
        ;
    host_fail(error, ESTAB_HOST_IO, number, "the built-in peer cannot listen on port %u",
              options->local.port);
    return -1;
}
