/* SPDX-License-Identifier: MIT */
/*
 * epoll.c - epoll sets, as Linux has them.
 *
 * An interest is on its set's ready list if its socket may be ready: it was when it was added or
 * modified, or something that it asks for has happened since.  epoll_wait() goes through that list in
 * order and asks each socket.  One that is not ready leaves the list; one that is, and is
 * level-triggered, goes to its end and is asked again next time; edge-triggered it leaves, and comes
 * back with the next event; one-shot it is deaf until EPOLL_CTL_MOD.
 *
 * Not as Linux: a set cannot be in a set, and EPOLLEXCLUSIVE wakes all.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "posix/posix.h"

#define EVENTS_ALWAYS (EPOLLERR | EPOLLHUP)
#define EVENTS_MANNER (EPOLLET | EPOLLONESHOT | EPOLLWAKEUP | EPOLLEXCLUSIVE)
#define EVENTS_EXCLUSIVE_MAY                                                                       \
    (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

struct interest {
    struct epoll *epoll;
    struct sock *sock;
    uint32_t events;
    epoll_data_t data;
    bool ready;
    struct interest *sock_next;  /* of the same socket */
    struct interest *next;       /* of the same set */
    struct interest *ready_next;
};

struct epoll {
    struct interest *interests;
    struct interest *ready_head, *ready_tail;
    unsigned ready;
    struct wait *waits;
    unsigned refs;
    bool gone;
};

/* ---- the ready list --------------------------------------------------------------------------------- */

static void ready_append(struct interest *i)
{
    struct epoll *e = i->epoll;

    if (i->ready)
        return;
    i->ready = true;
    i->ready_next = NULL;
    if (e->ready_tail)
        e->ready_tail->ready_next = i;
    else
        e->ready_head = i;
    e->ready_tail = i;
    e->ready++;
}

static struct interest *ready_take(struct epoll *e)
{
    struct interest *i = e->ready_head;

    e->ready_head = i->ready_next;
    if (!e->ready_head)
        e->ready_tail = NULL;
    i->ready = false;
    e->ready--;
    return i;
}

static void ready_remove(struct interest *i)
{
    struct epoll *e = i->epoll;
    struct interest *last = NULL;

    if (!i->ready)
        return;
    for (struct interest **at = &e->ready_head; *at != i; at = &(*at)->ready_next)
        last = *at;
    if (last)
        last->ready_next = i->ready_next;
    else
        e->ready_head = i->ready_next;
    if (e->ready_tail == i)
        e->ready_tail = last;
    i->ready = false;
    e->ready--;
}

/* ---- interests ---------------------------------------------------------------------------------------- */

static struct interest *interest_find(const struct epoll *e, const struct sock *s)
{
    for (struct interest *i = s->interests; i; i = i->sock_next)
        if (i->epoll == e)
            return i;
    return NULL;
}

static void interest_free(struct estab_posix *p, struct interest *i)
{
    struct interest **of_sock = &i->sock->interests, **of_set = &i->epoll->interests;

    ready_remove(i);
    while (*of_sock != i)
        of_sock = &(*of_sock)->sock_next;
    *of_sock = i->sock_next;
    while (*of_set != i)
        of_set = &(*of_set)->next;
    *of_set = i->next;
    p->interests--;
    free(i);
}

static void interest_ask(struct estab_posix *p, struct interest *i)
{
    if (!(sock_ask(p, i->sock) & i->events))
        return;
    ready_append(i);
    wake_all(p, i->epoll->waits);
    wake_all(p, p->any);
}

static int interest_add(struct estab_posix *p, struct epoll *e, struct sock *s,
                        const struct epoll_event *event)
{
    struct interest *i;

    if ((event->events & EPOLLEXCLUSIVE) && (event->events & ~EVENTS_EXCLUSIVE_MAY))
        return -EINVAL;
    if (interest_find(e, s))
        return -EEXIST;
    if (p->interests >= p->config.interests)
        return -ENOSPC;
    i = calloc(1, sizeof *i);
    if (!i)
        return -ENOMEM;
    *i = (struct interest){.epoll = e,
                           .sock = s,
                           .events = event->events | EVENTS_ALWAYS,
                           .data = event->data,
                           .sock_next = s->interests,
                           .next = e->interests};
    s->interests = i;
    e->interests = i;
    p->interests++;
    interest_ask(p, i);
    return 0;
}

static int interest_modify(struct estab_posix *p, struct epoll *e, struct sock *s,
                           const struct epoll_event *event)
{
    struct interest *i = interest_find(e, s);

    if (event->events & EPOLLEXCLUSIVE)
        return -EINVAL;
    if (!i)
        return -ENOENT;
    if (i->events & EPOLLEXCLUSIVE)
        return -EINVAL;
    i->events = event->events | EVENTS_ALWAYS;
    i->data = event->data;
    interest_ask(p, i);
    return 0;
}

static int interest_remove(struct estab_posix *p, struct epoll *e, struct sock *s)
{
    struct interest *i = interest_find(e, s);

    if (!i)
        return -ENOENT;
    interest_free(p, i);
    return 0;
}

void epoll_sock_changed(struct estab_posix *p, struct sock *s, uint32_t what)
{
    for (struct interest *i = s->interests; i; i = i->sock_next) {
        if (!(i->events & ~(uint32_t)EVENTS_MANNER)) /* one-shot, and it was told */
            continue;
        if (what && !(i->events & what))
            continue;
        ready_append(i);
        wake_all(p, i->epoll->waits);
    }
}

void epoll_sock_closed(struct estab_posix *p, struct sock *s)
{
    while (s->interests)
        interest_free(p, s->interests);
}

/* ---- sets ---------------------------------------------------------------------------------------------- */

static int epoll_new(struct estab_posix *p)
{
    struct epoll *e;
    int fd;

    if (p->epolls >= p->config.epolls)
        return -EMFILE;
    e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->refs = 1;
    fd = file_add(p, (struct file){.kind = FILE_EPOLL, {.epoll = e}});
    if (fd < 0)
        free(e);
    else
        p->epolls++;
    return fd;
}

static void epoll_drop(struct estab_posix *p, struct epoll *e)
{
    if (--e->refs > 0)
        return;
    p->epolls--;
    free(e);
}

void epoll_close(struct estab_posix *p, struct epoll *e)
{
    while (e->interests)
        interest_free(p, e->interests);
    e->gone = true;
    wake_all(p, e->waits);
    epoll_drop(p, e);
}

uint32_t epoll_mask(struct estab_posix *p, struct epoll *e)
{
    for (struct interest *i = e->ready_head; i; i = i->ready_next)
        if (sock_ask(p, i->sock) & i->events)
            return EPOLLIN | EPOLLRDNORM;
    return 0;
}

void epoll_wake(struct estab_posix *p, struct epoll *e)
{
    wake_all(p, e->waits);
}

static int epoll_find(const struct estab_posix *p, int fd, struct epoll **out)
{
    const struct file *f = file_find(p, fd);

    if (!f)
        return -EBADF;
    if (f->kind != FILE_EPOLL)
        return -EINVAL;
    *out = f->epoll;
    return 0;
}

int estab_posix_epoll_create1(estab_posix *p, int flags)
{
    enter(p);
    return leave(p, flags & ~EPOLL_CLOEXEC ? -EINVAL : epoll_new(p));
}

static int epoll_control(struct estab_posix *p, int epfd, int op, int fd,
                         const struct epoll_event *event)
{
    struct epoll *e;
    const struct file *f = file_find(p, fd);
    int result;

    if (!event && op != EPOLL_CTL_DEL)
        return -EFAULT;
    if (!file_find(p, epfd) || !f)
        return -EBADF;
    result = epoll_find(p, epfd, &e);
    if (result < 0 || f->kind != FILE_SOCK)
        return -EINVAL;
    switch (op) {
    case EPOLL_CTL_ADD:
        return interest_add(p, e, f->sock, event);
    case EPOLL_CTL_MOD:
        return interest_modify(p, e, f->sock, event);
    case EPOLL_CTL_DEL:
        return interest_remove(p, e, f->sock);
    default:
        return -EINVAL;
    }
}

int estab_posix_epoll_ctl(estab_posix *p, int epfd, int op, int fd, struct epoll_event *event)
{
    enter(p);
    return leave(p, epoll_control(p, epfd, op, fd, event));
}

/* ---- epoll_wait ----------------------------------------------------------------------------------------- */

static int collect(struct estab_posix *p, struct epoll *e, struct epoll_event *out, int most)
{
    int n = 0;

    for (unsigned left = e->ready; left > 0 && n < most; left--) {
        struct interest *i = ready_take(e);
        uint32_t mask = sock_ask(p, i->sock) & i->events;

        if (!mask)
            continue;
        out[n++] = (struct epoll_event){.events = mask, .data = i->data};
        if (i->events & EPOLLONESHOT)
            i->events &= EVENTS_MANNER;
        else if (!(i->events & EPOLLET))
            ready_append(i);
    }
    return n;
}

static int epoll_wait_for(struct estab_posix *p, int epfd, struct epoll_event *out, int most,
                          int timeout_ms)
{
    estab_time until = until_ms(p, timeout_ms);
    struct epoll *e;
    int result;

    if (most <= 0 || most > ESTAB_POSIX_FD_LIMIT)
        return -EINVAL;
    if (!out)
        return -EFAULT;
    result = epoll_find(p, epfd, &e);
    if (result < 0)
        return result;
    e->refs++;
    do {
        result = collect(p, e, out, most);
        if (result > 0)
            break;
        result = wait_in(p, &e->waits, until);
        if (e->gone)
            result = -EBADF;
    } while (result == 0);
    epoll_drop(p, e);
    return result == -EAGAIN ? 0 : result;
}

int estab_posix_epoll_wait(estab_posix *p, int epfd, struct epoll_event *out, int most,
                           int timeout_ms)
{
    enter(p);
    return leave(p, epoll_wait_for(p, epfd, out, most, timeout_ms));
}
