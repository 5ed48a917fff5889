/* SPDX-License-Identifier: MIT */
/* call_poll.c - poll and epoll. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "script/runner.h"

#define POLLED_MAX 64

/* ---- poll ----------------------------------------------------------------------------------------------- */

/* [{fd=4, events=POLLIN, revents=POLLIN}]: revents is what is expected back, 0 if it is not there. */
int64_t call_poll(struct call *c)
{
    struct pollfd set[POLLED_MAX] = {0};
    const struct expr *list = c->argument[0], *e = list->list;
    int64_t n = call_number(c, c->argument[1]);
    int timeout = (int)call_number(c, c->argument[2]), result, error;

    if (n < 0 || n > POLLED_MAX)
        call_wrong(c, c->argument[1], "at most 64 descriptors");
    for (int64_t i = 0; i < n && e && !c->failed; i++, e = e->next) {
        set[i].fd = call_fd(c, call_member(e, "fd"));
        set[i].events = (short)call_number(c, call_member(e, "events"));
    }
    if (c->failed)
        return -1;
    result = estab_posix_poll(c->r->virtual.posix, set, (nfds_t)n, timeout);
    error = errno;
    e = list->list;
    for (int64_t i = 0; i < n && e && result >= 0 && !c->failed; i++, e = e->next) {
        const struct expr *revents = call_member(e, "revents");
        struct expr zero = {.kind = EXPR_INTEGER, .at = e->at};

        call_expect(c, revents ? revents : &zero, "revents", set[i].revents);
    }
    errno = error;
    return result;
}

/* ---- epoll ------------------------------------------------------------------------------------------------ */

int64_t call_epoll_create(struct call *c)
{
    int64_t size = call_number(c, c->argument[0]);

    if (c->failed)
        return -1;
    if (size <= 0) {
        errno = EINVAL;
        return -1;
    }
    return estab_posix_epoll_create1(c->r->virtual.posix, 0);
}

int64_t call_epoll_create1(struct call *c)
{
    int flags = (int)call_number(c, c->argument[0]);

    return c->failed ? -1 : estab_posix_epoll_create1(c->r->virtual.posix, flags);
}

/* {events=EPOLLIN, fd=4}, or ptr, u32, u64: the data is the script's own number. */
static struct epoll_event read_event(struct call *c, const struct expr *e)
{
    static const char *const names[] = {"ptr", "u64", "u32", "fd"};
    struct epoll_event out = {.events = (uint32_t)call_number(c, call_member(e, "events"))};

    for (unsigned i = 0; i < 4; i++) {
        const struct expr *data = call_member(e, names[i]);

        if (data)
            out.data.u64 = (uint64_t)call_number(c, data);
    }
    return out;
}

int64_t call_epoll_ctl(struct call *c)
{
    int set = call_fd(c, c->argument[0]), op = (int)call_number(c, c->argument[1]);
    int fd = call_fd(c, c->argument[2]);
    bool null = c->argument[3]->kind != EXPR_GROUP;
    struct epoll_event event = {0};

    if (!null)
        event = read_event(c, c->argument[3]);
    if (c->failed)
        return -1;
    return estab_posix_epoll_ctl(c->r->virtual.posix, set, op, fd, null ? NULL : &event);
}

static void check_events(struct call *c, const struct expr *e, const struct epoll_event *got)
{
    struct epoll_event want = read_event(c, e);
    char expected[96], actual[96];

    if (c->failed || (want.events == got->events && want.data.u64 == got->data.u64))
        return;
    snprintf(expected, sizeof expected, "events 0x%x, data %llu", want.events,
             (unsigned long long)want.data.u64);
    snprintf(actual, sizeof actual, "events 0x%x, data %llu", got->events,
             (unsigned long long)got->data.u64);
    call_differs(c, e, expected, actual);
}

/* The second argument is what the first event is to be, or a list of all of them. */
int64_t call_epoll_wait(struct call *c)
{
    struct epoll_event got[POLLED_MAX] = {0};
    int set = call_fd(c, c->argument[0]), result, error;
    int64_t most = call_number(c, c->argument[2]);
    int timeout = (int)call_number(c, c->argument[3]);
    const struct expr *e = c->argument[1];

    if (most > POLLED_MAX)
        call_wrong(c, c->argument[2], "at most 64 events");
    if (c->failed)
        return -1;
    result = estab_posix_epoll_wait(c->r->virtual.posix, set, got, (int)most, timeout);
    error = errno;
    e = e->kind == EXPR_LIST ? e->list : e;
    for (int i = 0; i < result && e && e->kind == EXPR_GROUP && !c->failed; i++, e = e->next) {
        check_events(c, e, &got[i]);
        if (c->argument[1]->kind != EXPR_LIST)
            break;
    }
    errno = error;
    return result;
}
