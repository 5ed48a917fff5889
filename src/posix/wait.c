/* SPDX-License-Identifier: MIT */
/*
 * wait.c - a call that cannot complete: it joins a list, gives up the lock, and tries again when
 * something wakes it.
 *
 * The lists: of a socket, of an epoll set, of those that any event may concern (poll), and of those
 * that must look again in every turn of the loop, since no event tells (a close that lingers).
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

void wake_all(struct estab_posix *p, struct wait *list)
{
    for (struct wait *w = list; w; w = w->next) {
        if (w->wait.woken)
            continue;
        w->wait.woken = true;
        if (p->config.waiter.wake)
            p->config.waiter.wake(p->config.waiter.context, &w->wait);
    }
}

/* What the call did so far must reach the stack's loop before the call sleeps. */
static void kick(struct estab_posix *p)
{
    if (p->dirty && p->config.waiter.kick)
        p->config.waiter.kick(p->config.waiter.context);
    p->dirty = false;
}

int wait_in(struct estab_posix *p, struct wait **list, estab_time until)
{
    struct wait w = {.wait = {.until = until}};
    bool goes_on;

    if (!p->config.waiter.wait || until <= time_now(p))
        return -EAGAIN;
    kick(p);
    w.next = *list;
    *list = &w;
    goes_on = p->config.waiter.wait(p->config.waiter.context, &w.wait);
    list_remove(list, &w);
    return goes_on ? 0 : -EINTR;
}

static int wait_held(struct estab_posix *p, struct sock *s, struct wait **list, estab_time until)
{
    int result;

    sock_hold(s);
    result = wait_in(p, list, until);
    if (s->gone)
        result = -EBADF;
    sock_drop(p, s);
    return result;
}

int wait_sock(struct estab_posix *p, struct sock *s, estab_time until)
{
    return wait_held(p, s, &s->waits, until);
}

int wait_turn(struct estab_posix *p, struct sock *s, estab_time until)
{
    return wait_held(p, s, &p->turn, until);
}
