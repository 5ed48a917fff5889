/* SPDX-License-Identifier: MIT */
/*
 * wait.c - a call that cannot complete: it joins a list, gives up the lock, and tries again when
 * something wakes it.
 *
 * The lists: of a socket, of an epoll set, of those that any event may concern (poll), and of those
 * that each turn of the loop looks at, since no event tells (a close that lingers).
 */
#include "posix/posix.h"

estab_time until_ms(const struct estab_posix *p, int timeout_ms)
{
    if (timeout_ms < 0)
        return ESTAB_NEVER;
    return timeout_ms ? time_now(p) + (estab_time)timeout_ms * ESTAB_MS : 0;
}

estab_time until_of(const struct estab_posix *p, const struct timeval *limit, bool nonblock)
{
    estab_time seconds = (estab_time)limit->tv_sec;

    if (nonblock)
        return 0;
    if ((limit->tv_sec == 0 && limit->tv_usec == 0) || seconds > UINT32_MAX)
        return ESTAB_NEVER;
    return time_now(p) + seconds * ESTAB_SECOND + (estab_time)limit->tv_usec * ESTAB_US;
}

static void list_remove(struct wait **list, struct wait *w)
{
    while (*list && *list != w)
        list = &(*list)->next;
    if (*list)
        *list = w->next;
}

static void wake(struct estab_posix *p, struct wait *w)
{
    if (w->wait.woken)
        return;
    w->wait.woken = true;
    if (p->config.waiter.wake)
        p->config.waiter.wake(p->config.waiter.context, &w->wait);
}

void wake_all(struct estab_posix *p, struct wait *list)
{
    for (struct wait *w = list; w; w = w->next)
        wake(p, w);
}

static uint32_t chunks_in_use(const struct estab_posix *p)
{
    struct estab_counters c = {.size = sizeof c};

    estab_counters(p->stack, &c);
    return c.chunks_used + c.chunks_promised;
}

void wake_turn(struct estab_posix *p)
{
    for (struct wait *w = p->turn; w; w = w->next)
        if (w->turn == TURN_ACKED ? sock_acked(p, w->sock) : chunks_in_use(p) < w->chunks)
            wake(p, w);
}

void kick(struct estab_posix *p)
{
    if (p->dirty && p->config.waiter.kick)
        p->config.waiter.kick(p->config.waiter.context);
    p->dirty = false;
}

static int wait_as(struct estab_posix *p, struct wait *w, struct wait **list)
{
    bool goes_on;

    if (!p->config.waiter.wait || w->wait.until <= time_now(p))
        return -EAGAIN;
    kick(p);
    w->next = *list;
    *list = w;
    goes_on = p->config.waiter.wait(p->config.waiter.context, &w->wait);
    list_remove(list, w);
    return goes_on ? 0 : -EINTR;
}

int wait_in(struct estab_posix *p, struct wait **list, estab_time until)
{
    struct wait w = {.wait = {.until = until}};

    return wait_as(p, &w, list);
}

static int wait_held(struct estab_posix *p, struct sock *s, struct wait *w, struct wait **list)
{
    bool closing = s->gone; /* the close itself waits */
    int result;

    sock_hold(s);
    result = wait_as(p, w, list);
    if (s->gone && !closing)
        result = -EBADF;
    sock_drop(p, s);
    return result;
}

int wait_sock(struct estab_posix *p, struct sock *s, estab_time until)
{
    struct wait w = {.wait = {.until = until}};

    return wait_held(p, s, &w, &s->waits);
}

int wait_turn(struct estab_posix *p, struct sock *s, enum turn turn, estab_time until)
{
    struct wait w = {
        .wait = {.until = until}, .sock = s, .turn = turn, .chunks = chunks_in_use(p)};

    return wait_held(p, s, &w, &p->turn);
}
