/* SPDX-License-Identifier: MIT */
/*
 * table.c - a stack's sockets: made and freed; descriptors, and the two ends of every call.
 *
 * Limits: config.sockets and config.epolls of each kind, numbers below ESTAB_POSIX_FD_LIMIT.  The two
 * arrays, by descriptor and by handle, grow by doubling to what is used.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "posix/posix.h"

void estab_posix_config_init(struct estab_posix_config *c)
{
    *c = (struct estab_posix_config){
        .size = sizeof *c,
        .first_descriptor = 3,
        .sockets = 65536,
        .epolls = 256,
        .interests = 65536,
        .somaxconn = 4096,
        .port_first = 32768,
        .port_last = 60999,
        .notsent_lowat = UINT32_MAX,
    };
}

static bool config_holds(const struct estab_posix_config *c)
{
    return c->size == sizeof *c && c->waiter.now && c->sockets > 0 && c->somaxconn > 0 &&
           c->first_descriptor >= 0 && c->first_descriptor < ESTAB_POSIX_FD_LIMIT &&
           c->port_first > 0 && c->port_first <= c->port_last;
}

estab_posix *estab_posix_new(estab_stack *stack, const struct estab_posix_config *config)
{
    struct estab_posix *p;

    if (!stack || !config_holds(config)) {
        errno = EINVAL;
        return NULL;
    }
    p = calloc(1, sizeof *p);
    if (!p) {
        errno = ENOMEM;
        return NULL;
    }
    p->stack = stack;
    p->config = *config;
    if (config->stack)
        p->core = *config->stack;
    else
        estab_config_init(&p->core);
    p->port_next = config->port_first;
    return p;
}

static void number_release(struct estab_posix *p, int fd);

void estab_posix_free(estab_posix *p)
{
    if (!p)
        return;
    for (int fd = 0; fd < p->file_count; fd++) {
        if (p->files[fd].kind == FILE_EPOLL)
            epoll_close(p, p->files[fd].epoll);
        if (p->files[fd].kind != FILE_NONE)
            number_release(p, fd);
    }
    for (struct sock *s = p->all, *next; s; s = next) {
        next = s->all_next;
        sendbuf_free(s);
        free(s);
    }
    free(p->files);
    free(p->places);
    free(p->udp_places);
    free(p);
}

/* ---- the ends of a call --------------------------------------------------------------------------- */

void estab_posix_lock(estab_posix *p)
{
    if (p->config.waiter.lock)
        p->config.waiter.lock(p->config.waiter.context);
}

void estab_posix_unlock(estab_posix *p)
{
    if (p->config.waiter.unlock)
        p->config.waiter.unlock(p->config.waiter.context);
}

/* Counted before the lock is there: estab_posix_stop waits for who stands in line for it, too. */
void enter(struct estab_posix *p)
{
    atomic_fetch_add(&p->calls, 1);
    estab_posix_lock(p);
    work(p);
}

ssize_t leave_size(struct estab_posix *p, ssize_t result)
{
    kick(p);
    atomic_fetch_sub(&p->calls, 1);
    estab_posix_unlock(p); /* `p` may be gone from here on */
    if (result >= 0)
        return result;
    errno = (int)-result;
    return -1;
}

int leave(struct estab_posix *p, int result)
{
    return (int)leave_size(p, result);
}

estab_time time_now(const struct estab_posix *p)
{
    return p->config.waiter.now(p->config.waiter.context);
}

/* ---- descriptors ----------------------------------------------------------------------------------- */

static bool files_reach(struct estab_posix *p, int fd)
{
    int n = p->file_count ? p->file_count : 64;
    struct file *more;

    if (fd < p->file_count)
        return true;
    while (n <= fd)
        n *= 2;
    more = realloc(p->files, (size_t)n * sizeof *more);
    if (!more)
        return false;
    memset(more + p->file_count, 0, (size_t)(n - p->file_count) * sizeof *more);
    p->files = more;
    p->file_count = n;
    return true;
}

static int lowest_free(struct estab_posix *p)
{
    int fd = p->file_lowest > p->config.first_descriptor ? p->file_lowest
                                                         : p->config.first_descriptor;

    while (fd < p->file_count && p->files[fd].kind != FILE_NONE)
        fd++;
    p->file_lowest = fd;
    return fd < ESTAB_POSIX_FD_LIMIT ? fd : -EMFILE;
}

static int number_take(struct estab_posix *p)
{
    const struct estab_posix_descriptors *d = &p->config.descriptors;
    int fd;

    if (!d->take)
        return lowest_free(p);
    errno = 0;
    fd = d->take(d->context);
    if (fd < 0)
        return errno ? -errno : -EMFILE;
    if (fd < ESTAB_POSIX_FD_LIMIT && !file_find(p, fd))
        return fd;
    if (d->release)
        d->release(d->context, fd);
    return -EMFILE;
}

static void number_release(struct estab_posix *p, int fd)
{
    if (p->config.descriptors.take && p->config.descriptors.release)
        p->config.descriptors.release(p->config.descriptors.context, fd);
}

int file_add(struct estab_posix *p, struct file file)
{
    int fd = number_take(p);

    if (fd < 0)
        return fd;
    if (!files_reach(p, fd)) {
        number_release(p, fd);
        return -ENOMEM;
    }
    p->files[fd] = file;
    return fd;
}

void file_remove(struct estab_posix *p, int fd)
{
    p->files[fd] = (struct file){.kind = FILE_NONE};
    if (fd < p->file_lowest)
        p->file_lowest = fd;
    number_release(p, fd);
}

struct file *file_find(const struct estab_posix *p, int fd)
{
    return fd >= 0 && fd < p->file_count && p->files[fd].kind != FILE_NONE ? &p->files[fd] : NULL;
}

int sock_find(const struct estab_posix *p, int fd, struct sock **out)
{
    const struct file *f = file_find(p, fd);

    if (!f)
        return -EBADF;
    if (f->kind != FILE_SOCK)
        return -ENOTSOCK;
    *out = f->sock;
    return 0;
}

/* ---- sockets ---------------------------------------------------------------------------------------- */

struct sock *sock_new(struct estab_posix *p)
{
    struct sock *s = p->socks < p->config.sockets ? calloc(1, sizeof *s) : NULL;

    if (!s)
        return NULL;
    s->fd = -1;
    s->refs = 1;
    s->domain = AF_INET;
    options_init(p, &s->opt);
    s->all_next = p->all;
    s->all_link = &p->all;
    if (p->all)
        p->all->all_link = &s->all_next;
    p->all = s;
    p->socks++;
    return s;
}

void sock_hold(struct sock *s)
{
    s->refs++;
}

void sock_drop(struct estab_posix *p, struct sock *s)
{
    if (--s->refs > 0)
        return;
    sock_unwatch(p, s);
    *s->all_link = s->all_next;
    if (s->all_next)
        s->all_next->all_link = s->all_link;
    p->socks--;
    sendbuf_free(s);
    free(s);
}

/* ---- whose connection it is ---------------------------------------------------------------------------- */

static bool places_reach(struct estab_posix *p, uint32_t index)
{
    uint32_t n = p->place_count ? p->place_count : 64;
    struct sock **more;

    if (index < p->place_count)
        return true;
    while (n <= index)
        n *= 2; /* handles are connections + records, far below 2^31 */
    more = realloc(p->places, n * sizeof *more);
    if (!more)
        return false;
    memset(more + p->place_count, 0, (n - p->place_count) * sizeof(struct sock *));
    p->places = more;
    p->place_count = n;
    return true;
}

bool place_set(struct estab_posix *p, estab_conn conn, struct sock *s)
{
    if (!places_reach(p, conn.index))
        return false;
    p->places[conn.index] = s;
    s->conn = conn;
    s->live = true;
    return true;
}

struct sock *place_find(const struct estab_posix *p, estab_conn conn)
{
    struct sock *s = conn.index < p->place_count ? p->places[conn.index] : NULL;

    return s && s->live && s->conn.generation == conn.generation ? s : NULL;
}

void place_clear(struct estab_posix *p, struct sock *s)
{
    if (s->live && p->places[s->conn.index] == s) /* one that ended has left its index to others */
        p->places[s->conn.index] = NULL;
    s->live = false;
}

bool estab_posix_conn(const estab_posix *p, int fd, estab_conn *out)
{
    struct sock *s;

    if (sock_find(p, fd, &s) < 0 || !s->live || s->dgram)
        return false;
    *out = s->conn;
    return true;
}

bool estab_posix_listener(const estab_posix *p, int fd, estab_listener *out)
{
    struct sock *s;

    if (sock_find(p, fd, &s) < 0 || !s->listening)
        return false;
    *out = s->listener;
    return true;
}
