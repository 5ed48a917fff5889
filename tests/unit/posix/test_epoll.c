/* SPDX-License-Identifier: MIT */
/*
 * test_epoll.c - epoll sets on Linux's sockets and on ours: level and edge triggered, one-shot,
 * changed, closed, full; in the order in which events come.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "support/socket_world.h"

static int set_new(struct world *w)
{
    return world_slot(w, WORLD_CALL(w, epoll_create1, EPOLL_CLOEXEC));
}

static void control(struct world *w, int set, int op, int slot, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.u32 = (uint32_t)slot};

    world_result(w, "epoll_ctl", WORLD_CALL(w, epoll_ctl, w->fd[set], op, w->fd[slot], &e));
}

static void wait_some(struct world *w, int set, int most)
{
    struct epoll_event e[8];
    int n = WORLD_CALL(w, epoll_wait, w->fd[set], e, most, 0);

    world_result(w, "epoll_wait", n);
    for (int i = 0; i < n; i++)
        world_note(w, "  %u: %#x\n", e[i].data.u32, e[i].events);
}

#define ADD(slot, events) control(w, set, EPOLL_CTL_ADD, slot, events)
#define MOD(slot, events) control(w, set, EPOLL_CTL_MOD, slot, events)
#define DEL(slot)         control(w, set, EPOLL_CTL_DEL, slot, 0)
#define WAIT()            wait_some(w, set, 8)

static struct world_pair pair_of(struct world *w)
{
    struct world_pair c = world_connected(w);
    bool quiet = w->quiet;

    w->quiet = true;
    world_set(w, c.client, IPPROTO_TCP, TCP_NODELAY, 1);
    w->quiet = quiet;
    return c;
}

static void level(struct world *w)
{
    struct world_pair c = pair_of(w);
    int set = set_new(w);

    WAIT();
    ADD(c.server, EPOLLIN);
    WAIT();
    world_send(w, c.client, "abcd", 4, 0);
    WAIT();
    WAIT();
    world_recv(w, c.server, 2, 0);
    WAIT();
    world_recv(w, c.server, 2, 0);
    WAIT();
    ADD(c.client, EPOLLIN | EPOLLOUT);
    WAIT();
    WAIT();
}

static void edge(struct world *w)
{
    struct world_pair c = pair_of(w);
    int set = set_new(w);

    ADD(c.server, EPOLLIN | EPOLLOUT | EPOLLET);
    WAIT();
    WAIT();
    world_send(w, c.client, "abcd", 4, 0);
    WAIT();
    WAIT();
    world_send(w, c.client, "ef", 2, 0); /* what was there is not read, and more came */
    WAIT();
    world_recv(w, c.server, 2, 0);
    WAIT();
    MOD(c.server, EPOLLIN | EPOLLET); /* asks again */
    WAIT();
    WAIT();
    world_recv(w, c.server, 20, 0);
    MOD(c.server, EPOLLIN | EPOLLET);
    WAIT();
}

static void one_shot(struct world *w)
{
    struct world_pair c = pair_of(w);
    int set = set_new(w);

    ADD(c.server, EPOLLIN | EPOLLONESHOT);
    world_send(w, c.client, "a", 1, 0);
    WAIT();
    WAIT();
    world_send(w, c.client, "b", 1, 0);
    WAIT();
    MOD(c.server, EPOLLIN | EPOLLONESHOT | EPOLLET);
    WAIT();
    WAIT();
    world_close_slot(w, c.client);
    WAIT();
    MOD(c.server, EPOLLRDHUP | EPOLLONESHOT);
    WAIT();
}

static void hang_ups(struct world *w, uint32_t manner)
{
    struct world_pair c = pair_of(w);
    int set = set_new(w);

    ADD(c.server, EPOLLIN | EPOLLRDHUP | manner);
    ADD(c.client, EPOLLIN | EPOLLRDHUP | manner);
    world_shutdown(w, c.client, SHUT_WR);
    world_await(w, c.server, TCP_CLOSE_WAIT);
    WAIT();
    WAIT();
    world_shutdown(w, c.server, SHUT_WR);
    world_await(w, c.server, TCP_CLOSE);
    world_await(w, c.client, TCP_CLOSE);
    WAIT();
    WAIT();
}

static void hang_ups_level(struct world *w)
{
    hang_ups(w, 0);
}

static void reset_seen(struct world *w)
{
    struct world_pair c = pair_of(w);
    int set = set_new(w);

    ADD(c.server, EPOLLET);
    ADD(c.client, EPOLLIN | EPOLLET);
    WAIT();
    world_linger(w, c.client, 0);
    world_close_slot(w, c.client);
    WAIT();
    WAIT();
    world_get(w, c.server, SOL_SOCKET, SO_ERROR);
    MOD(c.server, EPOLLIN);
    WAIT();
}

static void listener(struct world *w, uint32_t manner)
{
    int set = set_new(w), l = world_socket(w, SOCK_NONBLOCK);

    ADD(l, EPOLLIN | manner);
    WAIT();
    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 5);
    WAIT();
    world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
    WAIT();
    WAIT();
    world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
    WAIT();
    world_accept(w, l, 0);
    WAIT();
    world_accept(w, l, 0);
    WAIT();
    world_accept(w, l, 0);
}

static void listener_level(struct world *w)
{
    listener(w, 0);
}

static void listener_edge(struct world *w)
{
    listener(w, EPOLLET);
}

static void connecting(struct world *w)
{
    int set = set_new(w), l = world_socket(w, 0), s = world_socket(w, SOCK_NONBLOCK),
        t = world_socket(w, SOCK_NONBLOCK), far = world_socket(w, SOCK_NONBLOCK);

    world_bind(w, l, WORLD_OWN, w->port);
    ADD(far, EPOLLIN | EPOLLOUT);
    WAIT(); /* not connected: it hangs */
    world_connect(w, far, WORLD_FAR, 9);
    WAIT();
    world_connect(w, s, WORLD_OWN, w->port);
    ADD(s, EPOLLIN | EPOLLOUT);
    WAIT();
    DEL(s);
    world_listen(w, l, 3);
    ADD(t, EPOLLOUT | EPOLLET);
    WAIT();
    world_connect(w, t, WORLD_OWN, w->port);
    WAIT();
    WAIT();
}

static void order(struct world *w)
{
    struct world_pair a = pair_of(w), b;
    int set = set_new(w), l = a.listener;

    b.client = world_socket(w, 0);
    world_connect(w, b.client, WORLD_OWN, w->port);
    b.server = world_accept(w, l, 0);
    ADD(a.server, EPOLLIN);
    ADD(b.server, EPOLLIN);
    world_send(w, b.client, "1", 1, 0);
    world_send(w, a.client, "2", 1, 0);
    wait_some(w, set, 1);
    wait_some(w, set, 1);
    wait_some(w, set, 1);
    WAIT();
    world_recv(w, b.server, 1, 0);
    WAIT();
}

static void errors(struct world *w)
{
    struct world_pair c = pair_of(w);
    int set = set_new(w);
    struct epoll_event e = {0};
    char byte;

    ADD(c.server, EPOLLIN);
    ADD(c.server, EPOLLIN);
    DEL(c.server);
    DEL(c.server);
    MOD(c.server, EPOLLIN);
    ADD(set, EPOLLIN);
    control(w, c.server, EPOLL_CTL_ADD, c.client, EPOLLIN);
    control(w, set, 9, c.client, EPOLLIN);
    ADD(c.server, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT);
    ADD(c.server, EPOLLIN | EPOLLEXCLUSIVE);
    MOD(c.server, EPOLLIN);
    world_result(w, "NULL", WORLD_CALL(w, epoll_ctl, w->fd[set], EPOLL_CTL_MOD, w->fd[c.client],
                                       NULL));
    world_result(w, "bad", WORLD_CALL(w, epoll_ctl, w->fd[set], EPOLL_CTL_ADD, 999, &e));
    world_result(w, "bad", WORLD_CALL(w, epoll_ctl, 999, EPOLL_CTL_ADD, w->fd[set], &e));
    world_result(w, "bad", WORLD_CALL(w, epoll_wait, 999, &e, 1, 0));
    world_result(w, "bad", WORLD_CALL(w, epoll_wait, w->fd[c.client], &e, 1, 0));
    world_result(w, "none", WORLD_CALL(w, epoll_wait, w->fd[set], &e, 0, 0));
    world_result(w, "create", WORLD_CALL(w, epoll_create1, 5));
    world_result(w, "read", WORLD_CALL(w, read, w->fd[set], &byte, 1));
    world_result(w, "recv", WORLD_CALL(w, recv, w->fd[set], &byte, 1, 0));
    world_result(w, "write", WORLD_CALL(w, write, w->fd[set], &byte, 1));
    world_result(w, "send", WORLD_CALL(w, send, w->fd[set], &byte, 1, 0));
    world_result(w, "accept", WORLD_CALL(w, accept, w->fd[set], NULL, NULL));
    world_result(w, "shutdown", WORLD_CALL(w, shutdown, w->fd[set], 0));
}

static void closing(struct world *w)
{
    struct world_pair c = pair_of(w);
    int set = set_new(w);

    ADD(c.server, EPOLLIN | EPOLLOUT);
    WAIT();
    world_close_slot(w, c.server); /* leaves its sets */
    WAIT();
    ADD(c.client, EPOLLIN);
    WAIT();
    world_result(w, "close", WORLD_CALL(w, close, w->fd[set]));
    world_recv(w, c.client, 5, 0);
    w->fd[set] = -1;
}

static void two_sets(struct world *w)
{
    struct world_pair c = pair_of(w);
    int set = set_new(w), other = set_new(w);

    ADD(c.server, EPOLLIN | EPOLLET);
    control(w, other, EPOLL_CTL_ADD, c.server, EPOLLIN);
    world_send(w, c.client, "a", 1, 0);
    world_poll(w, set, POLLIN, 0);
    WAIT();
    world_poll(w, set, POLLIN, 0);
    wait_some(w, other, 8);
    world_poll(w, other, POLLIN, 0);
    world_recv(w, c.server, 5, 0);
    world_poll(w, other, POLLIN, 0);
    wait_some(w, other, 8);
}

static void urgent(struct world *w)
{
    struct world_pair c = pair_of(w);
    int set = set_new(w);

    ADD(c.server, EPOLLPRI | EPOLLET);
    WAIT();
    world_send(w, c.client, "U", 1, MSG_OOB);
    WAIT();
    WAIT();
}

/* Text until the sender's buffer is full; room again once it is read. */
static void full(struct world *w, int manner)
{
    static char text[65536];
    struct world_pair c = pair_of(w);
    int set = set_new(w);

    world_set(w, c.client, SOL_SOCKET, SO_SNDBUF, 30000);
    world_nonblock(w, c.client);
    ADD(c.client, EPOLLOUT | (manner ? EPOLLET : 0));
    WAIT();
    while (WORLD_CALL(w, send, w->fd[c.client], text, sizeof text, MSG_NOSIGNAL) > 0)
        world_settle(w);
    world_result(w, "send", WORLD_CALL(w, send, w->fd[c.client], text, 1, 0));
    WAIT();
    while (WORLD_CALL(w, recv, w->fd[c.server], text, sizeof text, MSG_DONTWAIT) > 0)
        world_settle(w);
    for (int i = 0; i < 20; i++) { /* the window's news may wait for a timer */
        world_sleep(w, 10);
        (void)!WORLD_CALL(w, recv, w->fd[c.server], text, sizeof text, MSG_DONTWAIT);
    }
    WAIT();
    WAIT();
}

static void full_level(struct world *w)
{
    full(w, 0);
}

static void full_edge(struct world *w)
{
    full(w, 1);
}

#define PROGRAMS(X)                                                                                \
    X(level) X(edge) X(one_shot) X(hang_ups_level) X(reset_seen) X(listener_level)                 \
    X(listener_edge) X(connecting) X(order) X(errors) X(closing) X(two_sets) X(urgent)             \
    X(full_level) X(full_edge)

static const struct program {
    const char *name;
    void (*run)(struct world *w);
} programs[] = {
#define X(name) {#name, name},
    PROGRAMS(X)
#undef X
};

static void run(struct world *w, int i)
{
    programs[i].run(w);
}

static void sets_are_as_in_linux(void **state)
{
    unsigned different = 0;

    (void)state;
    if (!world_kernel_ready())
        skip();
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        different += world_differ(programs[i].name, run, (int)i);
    assert_int_equal(different, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_as_in_linux),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
