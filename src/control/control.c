/* SPDX-License-Identifier: MIT */
/*
 * control.c - the socket, its clients, and their buffers.
 *
 *      request line --> [in] --> answer.h --> [out] --> client
 *
 * A client is read from only while it is owed nothing, and answered only as fast as it reads.  So
 * one that floods waits for its own answers, and one that never reads holds a buffer, no more.
 */
#include "control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/answer.h"
#include "control/sockets.h"
#include "device/error.h"
#include "device/runtime.h"

#define OUT_SIZE (4 * CONTROL_LINE_MAX)
#define ACCEPTS  CONTROL_CLIENTS /* in one turn */

_Static_assert(NAMES_MAX *(NAMES_ADDR_MAX + NAMES_TEXT_MAX + 32) + 512 < CONTROL_LINE_MAX,
               "the names fit into one line");

struct client {
    int fd;        /* -1: free */
    uint64_t used; /* when it last made progress, in turns */
    struct answer answer;
    size_t in_length, out_sent;
    struct text out; /* over out_bytes */
    char in[CONTROL_REQUEST_MAX];
    char out_bytes[OUT_SIZE];
};

struct control {
    struct answer_source source;
    struct socket_name name;
    int place, listener, epoll;
    int spare; /* to be closed where no descriptor is left for a client, who is then dropped */
    uint64_t turns;
    struct client client[CONTROL_CLIENTS];
};

/* ---- opening ------------------------------------------------------------------------------------------- */

static bool watch(const struct control *c, int fd, uint32_t events, void *of, int operation)
{
    struct epoll_event e = {.events = events, .data.ptr = of};
    return epoll_ctl(c->epoll, operation, fd, &e) == 0;
}

static bool open_socket(struct control *c, struct estab_host_error *error)
{
    c->place = runtime_open(true, error);
    if (c->place < 0)
        return false;
    c->listener = sockets_listen(c->place, &c->name, error);
    if (c->listener < 0)
        return false;
    c->epoll = epoll_create1(EPOLL_CLOEXEC);
    c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (c->epoll >= 0 && watch(c, c->listener, EPOLLIN, NULL, EPOLL_CTL_ADD))
        return true;
    host_fail(error, ESTAB_HOST_IO, errno, "the control socket cannot be watched");
    return false;
}

struct control *control_open(const struct control_config *config, struct estab_host_error *error)
{
    struct control *c = calloc(1, sizeof *c);

    if (!c) {
        host_fail(error, ESTAB_HOST_IO, ENOMEM, "a control socket cannot be made");
        return NULL;
    }
    c->source = answer_source_of(config);
    c->place = c->listener = c->epoll = c->spare = -1;
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
        c->client[i].fd = -1;
    if (open_socket(c, error))
        return c;
    control_close(c);
    return NULL;
}

static void drop(struct client *k)
{
    if (k->fd < 0)
        return;
    close(k->fd); /* which also ends its watch */
    k->fd = -1;
    answer_end(&k->answer);
}

void control_leave(struct control *c)
{
    if (!c)
        return;
    for (unsigned i = 0; i < CONTROL_CLIENTS; i++)
        drop(&c->client[i]);
    if (c->listener >= 0)
        close(c->listener);
    if (c->epoll >= 0)
        close(c->epoll);
    if (c->spare >= 0)
        close(c->spare);
    if (c->place >= 0)
        close(c->place);
    free(c);
}

void control_close(struct control *c)
{
    if (c && c->listener >= 0)
        sockets_remove(c->place, &c->name);
    control_leave(c);
}

int control_fd(const struct control *c)
{
    return c->epoll;
}

/* ---- clients ------------------------------------------------------------------------------------------- */

/* A free place, or that of the client that has been idle longest. */
static struct client *find_place(struct control *c)
{
    struct client *best = &c->client[0];

    for (unsigned i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *k = &c->client[i];
        if (k->fd < 0)
            return k;
        if (k->used < best->used)
            best = k;
    }
    drop(best);
    return best;
}

/* The directory keeps others out already; a descriptor may have been handed on. */
static bool may_ask(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof peer;

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 &&
           (peer.uid == geteuid() || peer.uid == 0);
}

/* A client that could not be accepted would be reported for ever: it is sent away instead. */
static void send_away(struct control *c)
{
    int fd;

    close(c->spare);
    fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        close(fd);
    c->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* False: nobody else waits. */
static bool take_client(struct control *c)
{
    int fd = accept4(c->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct client *k;

    if (fd < 0 && (errno == EMFILE || errno == ENFILE) && c->spare >= 0) {
        send_away(c);
        return true;
    }
    if (fd < 0)
        return false;
    if (!may_ask(fd)) {
        close(fd);
        return true;
    }
    k = find_place(c);
    memset(k, 0, offsetof(struct client, in));
    k->fd = fd;
    k->used = c->turns;
    k->out = text_of(k->out_bytes, sizeof k->out_bytes, false);
    if (!watch(c, fd, EPOLLIN, k, EPOLL_CTL_ADD))
        drop(k);
    return true;
}

static void take_clients(struct control *c)
{
    for (unsigned i = 0; i < ACCEPTS && take_client(c); i++)
        continue;
}

/* ---- one client ------------------------------------------------------------------------------------------ */

/* False: it is gone. */
static bool flush_out(struct client *k)
{
    ssize_t n;

    if (k->out_sent == k->out.length)
        return true;
    n = send(k->fd, k->out.p + k->out_sent, k->out.length - k->out_sent, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    k->out_sent += (size_t)n;
    if (k->out_sent == k->out.length) {
        k->out = text_of(k->out_bytes, sizeof k->out_bytes, false);
        k->out_sent = 0;
    }
    return true;
}

static bool owed(const struct client *k)
{
    return k->answer.request != ANSWER_NONE || k->out.length > 0;
}

static bool has_request(const struct client *k)
{
    return memchr(k->in, '\n', k->in_length);
}

/* Takes a line off the input, if there is one. */
static void take_request(struct control *c, struct client *k)
{
    const char *end = memchr(k->in, '\n', k->in_length);
    size_t n = end ? (size_t)(end - k->in) : 0;
    enum answer_request request;

    if (!end)
        return;
    request = answer_request(k->in, n);
    if (request == ANSWER_NONE)
        answer_refuse(&k->out, k->in, n);
    else
        answer_begin(&k->answer, &c->source, request);
    k->in_length -= n + 1;
    memmove(k->in, end + 1, k->in_length);
}

/* False: it is gone, or what it sends cannot become a request any more. */
static bool read_in(struct client *k)
{
    ssize_t n = recv(k->fd, k->in + k->in_length, sizeof k->in - k->in_length, 0);

    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    k->in_length += (size_t)n;
    if (k->in_length < sizeof k->in || has_request(k))
        return true;
    answer_refuse(&k->out, k->in, k->in_length);
    (void)flush_out(k);
    return false;
}

/* What it is owed comes before what it wants next.  False: it is to be dropped. */
static bool serve(struct control *c, struct client *k, estab_time now)
{
    if (!owed(k) && !has_request(k) && !read_in(k))
        return false;
    if (!owed(k))
        take_request(c, k);
    answer_fill(&k->answer, &c->source, &k->out, now);
    return flush_out(k);
}

/* With a request left in its buffer nothing new need come: then the way out is waited for. */
static void serve_client(struct control *c, struct client *k, estab_time now)
{
    k->used = c->turns;
    if (!serve(c, k, now) ||
        !watch(c, k->fd, owed(k) || has_request(k) ? EPOLLOUT : EPOLLIN, k, EPOLL_CTL_MOD))
        drop(k);
}

/* ---- turns ------------------------------------------------------------------------------------------------ */

void control_turn(struct control *c, estab_time now)
{
    struct epoll_event events[CONTROL_CLIENTS + 1];
    int n = epoll_wait(c->epoll, events, CONTROL_CLIENTS + 1, 0);
    bool more = false;

    c->turns++;
    for (int i = 0; i < n; i++) {
        struct client *k = events[i].data.ptr;
        if (!k)
            more = true;
        else if (k->fd >= 0)
            serve_client(c, k, now);
    }
    if (more) /* last, for a new client may take the place of one that was just served */
        take_clients(c);
}

void control_ready(void *control, int fd, short revents, estab_time now)
{
    (void)fd;
    (void)revents;
    control_turn(control, now);
}
