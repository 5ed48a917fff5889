/* SPDX-License-Identifier: MIT */
/*
 * server.c - see server.h.
 *
 * A descriptor is in its worker's slot as long as it is open: the worker takes it out, under the
 * lock, before it closes it.  So server_end never touches one that is another's by now.  Once the
 * server ends, workers leave descriptors open: what is closed nobody can reset any more.
 */
#include "cli/server.h"

#include "capture/names.h"
#include "packet/address.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define STACK_SIZE (256 * 1024)

struct worker {
    struct server *server;
    unsigned slot;
    int fd;
    bool left; /* its thread has ended, or is about to */
    char name[24], remote[NAMES_ADDR_MAX + 10];
};

struct server {
    struct server_config config;
    int fd;
    pthread_t acceptor;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* of what follows */
    bool ending, resetting;
    unsigned busy, accepted;
    struct worker *slot[SERVER_WORKERS];
};

/* ---- for services ---------------------------------------------------------------------------------- */

const struct server_config *worker_config(const struct worker *w)
{
    return &w->server->config;
}

ssize_t worker_receive(struct worker *w, void *bytes, size_t n)
{
    return estab_posix_recv(w->server->config.posix, w->fd, bytes, n, 0);
}

bool worker_send(struct worker *w, const void *bytes, size_t n)
{
    const char *from = bytes;

    while (n > 0) {
        ssize_t sent = estab_posix_send(w->server->config.posix, w->fd, from, n, 0);
        if (sent < 0 && errno == EAGAIN)
            errno = ETIMEDOUT; /* the peer takes nothing, and patience has ended */
        if (sent < 0)
            return false;
        from += sent;
        n -= (size_t)sent;
    }
    return true;
}

void worker_shutdown(struct worker *w)
{
    (void)estab_posix_shutdown(w->server->config.posix, w->fd, SHUT_WR);
}

void worker_patience(struct worker *w, uint32_t ms)
{
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    (void)estab_posix_setsockopt(w->server->config.posix, w->fd, SOL_SOCKET, SO_RCVTIMEO, &t,
                                 sizeof t);
    (void)estab_posix_setsockopt(w->server->config.posix, w->fd, SOL_SOCKET, SO_SNDTIMEO, &t,
                                 sizeof t);
}

void worker_prompt(struct worker *w)
{
    int on = 1;

    (void)estab_posix_setsockopt(w->server->config.posix, w->fd, IPPROTO_TCP, TCP_NODELAY, &on,
                                 sizeof on);
}

void worker_stay(struct worker *w)
{
    struct server *s = w->server;

    pthread_mutex_lock(&s->lock);
    while (!s->ending)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

struct serve_line *worker_line(struct worker *w, const char *event)
{
    return serve_line_new(w->server->config.log, event, w->name, w->remote);
}

static bool ending(struct server *s)
{
    bool is;

    pthread_mutex_lock(&s->lock);
    is = s->ending;
    pthread_mutex_unlock(&s->lock);
    return is;
}

struct serve_line *worker_ended(struct worker *w, const char *how, int number)
{
    struct serve_line *l = worker_line(w, "closed");

    if (number)
        how = strerror(number);
    else if (ending(w->server))
        how = "closed, as the server ends";
    if (!l)
        return NULL;
    text_format(&l->people, "%s", how);
    text_format(&l->object, ",\"how\":\"%s\",\"error\":%s", how, number ? "true" : "false");
    return l;
}

/* ---- workers --------------------------------------------------------------------------------------- */

static void close_descriptor(struct server *s, int fd, bool reset)
{
    static const struct linger now = {.l_onoff = 1};

    if (reset)
        (void)estab_posix_setsockopt(s->config.posix, fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    (void)estab_posix_close(s->config.posix, fd);
}

/* Takes a worker out of its slot, under the lock; it is closed then. */
static void dismiss(struct server *s, struct worker *w)
{
    s->slot[w->slot] = NULL;
    close_descriptor(s, w->fd, s->resetting);
    free(w);
}

static void *work(void *context)
{
    struct worker *w = context;
    struct server *s = w->server;

    s->config.service->serve(w);
    pthread_mutex_lock(&s->lock);
    w->left = true;
    if (!s->ending || s->resetting)
        dismiss(s, w);
    s->busy--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* A connection without a worker; the lock is held.  NULL: no memory. */
static struct worker *hire(struct server *s, int fd, const struct sockaddr_in6 *remote)
{
    struct worker *w = calloc(1, sizeof *w);
    struct estab_addr from;
    char address[NAMES_ADDR_MAX];

    if (!w)
        return NULL;
    w->server = s;
    w->fd = fd;
    snprintf(w->name, sizeof w->name, "worker-%u", ++s->accepted);
    memcpy(from.b, &remote->sin6_addr, sizeof from.b);
    names_addr_text(address, from);
    snprintf(w->remote, sizeof w->remote, addr_is_ipv4(&from) ? "%s:%u" : "[%s]:%u", address,
             ntohs(remote->sin6_port));
    while (s->slot[w->slot])
        w->slot++;
    s->slot[w->slot] = w;
    s->busy++;
    return w;
}

/* Of a connection that finds no thread and no memory the peer hears a RST. */
static void refuse(struct server *s, int fd)
{
    struct serve_line *l = serve_line_new(s->config.log, "refused", NULL, NULL);

    if (l)
        text_add(&l->people, "a connection is reset: there is no memory for one more worker");
    serve_line_tell(l);
    close_descriptor(s, fd, true);
}

static void give(struct server *s, int fd, const struct sockaddr_in6 *remote)
{
    pthread_attr_t attributes;
    pthread_t thread;
    struct worker *w;
    int on = 1;
    bool given;

    /* Who is gone without a word shall not keep a worker for ever. */
    (void)estab_posix_setsockopt(s->config.posix, fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_mutex_lock(&s->lock);
    w = hire(s, fd, remote);
    if (w && s->ending) /* server_end did not see it */
        (void)estab_posix_shutdown(s->config.posix, fd, SHUT_RDWR);
    given = w && pthread_create(&thread, &attributes, work, w) == 0;
    if (w && !given) {
        s->slot[w->slot] = NULL;
        s->busy--;
        free(w);
    }
    pthread_mutex_unlock(&s->lock);
    pthread_attr_destroy(&attributes);
    if (!given)
        refuse(s, fd);
}

/* ---- the acceptor ------------------------------------------------------------------------------------- */

static void tell_full(const struct server *s)
{
    struct serve_line *l = serve_line_new(s->config.log, "full", NULL, NULL);

    if (l) {
        text_format(&l->people,
                    "all %u workers are busy: the next connections wait until one ends, %u at most",
                    s->config.workers, SERVER_BACKLOG);
        text_format(&l->object, ",\"workers\":%u,\"backlog\":%u", s->config.workers,
                    SERVER_BACKLOG);
    }
    serve_line_tell(l);
}

/* Waits for a free worker; false: the server ends. */
static bool await_worker(struct server *s)
{
    bool goes_on;

    pthread_mutex_lock(&s->lock);
    if (s->busy == s->config.workers && !s->ending)
        tell_full(s);
    while (s->busy == s->config.workers && !s->ending)
        pthread_cond_wait(&s->changed, &s->lock);
    goes_on = !s->ending;
    pthread_mutex_unlock(&s->lock);
    return goes_on;
}

static void *accept_all(void *context)
{
    struct server *s = context;

    while (await_worker(s)) {
        struct sockaddr_in6 remote = {0};
        socklen_t length = sizeof remote;
        int fd = estab_posix_accept(s->config.posix, s->fd, (struct sockaddr *)&remote, &length);
        if (fd >= 0)
            give(s, fd, &remote);
        else if (errno != ECONNABORTED && errno != EINTR)
            break; /* it was shut down */
    }
    return NULL;
}

/* ---- the server --------------------------------------------------------------------------------------- */

/* For both families. */
static int open_listener(const struct server_config *c)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(c->port)};
    int on = 1, fd = estab_posix_socket(c->posix, AF_INET6, SOCK_STREAM, 0), number;

    if (fd < 0)
        return -1;
    (void)estab_posix_setsockopt(c->posix, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (estab_posix_bind(c->posix, fd, (const struct sockaddr *)&any, sizeof any) == 0 &&
        estab_posix_listen(c->posix, fd, SERVER_BACKLOG) == 0)
        return fd;
    number = errno;
    (void)estab_posix_close(c->posix, fd);
    errno = number;
    return -1;
}

struct server *server_start(const struct server_config *config)
{
    struct server *s = calloc(1, sizeof *s);
    int number;

    if (!s)
        return NULL;
    s->config = *config;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->fd = open_listener(config);
    number = s->fd < 0 ? errno : pthread_create(&s->acceptor, NULL, accept_all, s);
    if (number == 0)
        return s;
    if (s->fd >= 0)
        (void)estab_posix_close(config->posix, s->fd);
    free(s);
    errno = number;
    return NULL;
}

void server_end(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    s->ending = true;
    (void)estab_posix_shutdown(s->config.posix, s->fd, SHUT_RDWR);
    for (unsigned i = 0; i < SERVER_WORKERS; i++)
        if (s->slot[i])
            (void)estab_posix_shutdown(s->config.posix, s->slot[i]->fd, SHUT_RDWR);
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

void server_reset(struct server *s)
{
    pthread_mutex_lock(&s->lock);
    s->resetting = true;
    for (unsigned i = 0; i < SERVER_WORKERS; i++)
        if (s->slot[i] && s->slot[i]->left)
            dismiss(s, s->slot[i]);
    pthread_mutex_unlock(&s->lock);
}

unsigned server_busy(struct server *s)
{
    unsigned busy;

    pthread_mutex_lock(&s->lock);
    busy = s->busy;
    pthread_mutex_unlock(&s->lock);
    return busy;
}

void server_free(struct server *s)
{
    if (!s)
        return;
    pthread_join(s->acceptor, NULL);
    pthread_mutex_lock(&s->lock);
    while (s->busy > 0)
        pthread_cond_wait(&s->changed, &s->lock);
    for (unsigned i = 0; i < SERVER_WORKERS; i++)
        if (s->slot[i])
            dismiss(s, s->slot[i]);
    pthread_mutex_unlock(&s->lock);
    (void)estab_posix_close(s->config.posix, s->fd);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
