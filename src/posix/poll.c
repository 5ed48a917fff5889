/* SPDX-License-Identifier: MIT */
/* poll.c - poll: what each descriptor is ready for, now or as soon as one is. */
#include "posix/posix.h"

#define EVENTS_ALWAYS (POLLERR | POLLHUP | POLLNVAL)

static short one(struct estab_posix *p, const struct pollfd *of)
{
    struct file *f = of->fd >= 0 ? file_find(p, of->fd) : NULL;
    uint32_t mask;

    if (of->fd < 0)
        return 0;
    if (!f)
        return POLLNVAL;
    mask = f->kind == FILE_SOCK ? sock_ask(p, f->sock) : epoll_mask(p, f->epoll);
    return (short)(mask & ((uint32_t)(uint16_t)of->events | EVENTS_ALWAYS));
}

static int look(struct estab_posix *p, struct pollfd *fds, nfds_t n)
{
    int ready = 0;

    for (nfds_t i = 0; i < n; i++) {
        fds[i].revents = one(p, &fds[i]);
        ready += fds[i].revents != 0;
    }
    return ready;
}

static int poll_all(struct estab_posix *p, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    estab_time until = until_ms(p, timeout_ms);
    int ready, result;

    if (n > ESTAB_POSIX_FD_LIMIT)
        return -EINVAL;
    if (!fds && n > 0)
        return -EFAULT;
    for (;;) {
        ready = look(p, fds, n);
        if (ready > 0)
            return ready;
        result = wait_in(p, &p->any, until);
        if (result < 0)
            return result == -EAGAIN ? 0 : result;
    }
}

int estab_posix_poll(estab_posix *p, struct pollfd *fds, nfds_t n, int timeout_ms)
{
    enter(p);
    return leave(p, poll_all(p, fds, n, timeout_ms));
}
