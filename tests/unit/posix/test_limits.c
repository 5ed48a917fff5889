/* SPDX-License-Identifier: MIT */
/*
 * test_limits.c - what is bounded says so: sockets, sets, interests, descriptors; the hook that hands
 * out descriptors; and that all is given back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "support/socket_world.h"

static struct world *w;

static estab_time now_of(void *context)
{
    return ((struct world *)context)->now;
}

static int set_up(void **state)
{
    (void)state;
    w = malloc(sizeof *w);
    assert_non_null(w);
    world_open(w, false);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    world_close(w);
    free(w);
    return 0;
}

static struct estab_posix_config config(void)
{
    struct estab_posix_config c;

    estab_posix_config_init(&c);
    c.waiter = (struct estab_posix_waiter){.context = w, .now = now_of};
    return c;
}

#define REFUSED(call, number)                                                                      \
    do {                                                                                           \
        errno = 0;                                                                                 \
        assert_int_equal(call, -1);                                                                \
        assert_int_equal(errno, number);                                                           \
    } while (0)

static void a_bad_configuration_is_refused(void **state)
{
    struct estab_posix_config c = config();

    (void)state;
    c.size--;
    assert_null(estab_posix_new(w->stack, &c));
    assert_int_equal(errno, EINVAL);
    c = config();
    c.waiter.now = NULL;
    assert_null(estab_posix_new(w->stack, &c));
    c = config();
    c.sockets = 0;
    assert_null(estab_posix_new(w->stack, &c));
    c = config();
    c.port_last = c.port_first - 1;
    assert_null(estab_posix_new(w->stack, &c));
    assert_null(estab_posix_new(NULL, &c));
}

static void sockets_and_sets_are_counted(void **state)
{
    struct estab_posix_config c = config();
    estab_posix *p;
    int fd;

    (void)state;
    c.sockets = 3;
    c.epolls = 2;
    p = estab_posix_new(w->stack, &c);
    assert_non_null(p);
    for (int i = 3; i < 6; i++)
        assert_int_equal(estab_posix_socket(p, AF_INET, SOCK_STREAM, 0), i);
    REFUSED(estab_posix_socket(p, AF_INET, SOCK_STREAM, 0), EMFILE);
    assert_int_equal(estab_posix_epoll_create1(p, 0), 6);
    assert_int_equal(estab_posix_epoll_create1(p, 0), 7);
    REFUSED(estab_posix_epoll_create1(p, 0), EMFILE);
    assert_int_equal(estab_posix_close(p, 4), 0);
    assert_int_equal(estab_posix_close(p, 6), 0);
    fd = estab_posix_epoll_create1(p, 0); /* the lowest that is free */
    assert_int_equal(fd, 4);
    assert_int_equal(estab_posix_socket(p, AF_INET, SOCK_STREAM, 0), 6);
    estab_posix_free(p);
}

static void interests_are_counted(void **state)
{
    struct estab_posix_config c = config();
    struct epoll_event e = {.events = EPOLLIN};
    estab_posix *p;
    int set, s[3];

    (void)state;
    c.interests = 2;
    p = estab_posix_new(w->stack, &c);
    assert_non_null(p);
    set = estab_posix_epoll_create1(p, 0);
    for (int i = 0; i < 3; i++)
        s[i] = estab_posix_socket(p, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(estab_posix_epoll_ctl(p, set, EPOLL_CTL_ADD, s[0], &e), 0);
    assert_int_equal(estab_posix_epoll_ctl(p, set, EPOLL_CTL_ADD, s[1], &e), 0);
    REFUSED(estab_posix_epoll_ctl(p, set, EPOLL_CTL_ADD, s[2], &e), ENOSPC);
    assert_int_equal(estab_posix_close(p, s[0]), 0);
    assert_int_equal(estab_posix_epoll_ctl(p, set, EPOLL_CTL_ADD, s[2], &e), 0);
    estab_posix_free(p);
}

/* A connection that has no room for its socket stays in the stack, and is there when there is room. */
static void accept_without_room(void **state)
{
    struct estab_posix_config c = config();
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(w->port)};
    estab_posix *p;
    int l, spare;

    (void)state;
    c.sockets = 2;
    estab_posix_free(w->p); /* one user of the stack's events */
    w->p = p = estab_posix_new(w->stack, &c);
    assert_non_null(p);
    l = world_socket(w, SOCK_NONBLOCK);
    spare = world_socket(w, SOCK_NONBLOCK);
    assert_int_equal(estab_posix_bind(p, w->fd[l], (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(estab_posix_listen(p, w->fd[l], 4), 0);
    assert_int_equal(world_connect(w, spare, WORLD_OWN, w->port), -1); /* under way */
    world_settle(w);
    assert_int_equal(world_poll(w, l, POLLIN, 0), POLLIN);
    REFUSED(estab_posix_accept(p, w->fd[l], NULL, NULL), EMFILE);
    world_close_slot(w, spare);
    assert_true(world_accept(w, l, 0) >= 0);
}

static int given, taken_back;

static int take(void *context)
{
    (void)context;
    if (given == 3) {
        errno = ENFILE;
        return -1;
    }
    return 1000 + 7 * given++;
}

static void release(void *context, int fd)
{
    (void)context;
    assert_int_equal(fd % 7, 1000 % 7);
    taken_back++;
}

static void descriptors_come_from_the_hook(void **state)
{
    struct estab_posix_config c = config();
    estab_posix *p;

    (void)state;
    given = taken_back = 0;
    c.descriptors = (struct estab_posix_descriptors){.take = take, .release = release};
    p = estab_posix_new(w->stack, &c);
    assert_non_null(p);
    assert_int_equal(estab_posix_socket(p, AF_INET, SOCK_STREAM, 0), 1000);
    assert_int_equal(estab_posix_epoll_create1(p, 0), 1007);
    assert_int_equal(estab_posix_socket(p, AF_INET, SOCK_STREAM, 0), 1014);
    REFUSED(estab_posix_socket(p, AF_INET, SOCK_STREAM, 0), ENFILE);
    assert_int_equal(estab_posix_close(p, 1000), 0);
    assert_int_equal(taken_back, 1);
    REFUSED(estab_posix_close(p, 1000), EBADF);
    estab_posix_free(p);
    assert_int_equal(taken_back, 3);
}

/* After everything was closed, and TIME-WAIT is over, the stack has nothing left of it. */
static void all_is_given_back(void **state)
{
    struct estab_counters n = {.size = sizeof n};

    (void)state;
    for (int i = 0; i < 10; i++) {
        struct world_pair c = world_connected(w);

        world_send(w, c.client, "text", 4, 0);
        if (i % 2)
            world_recv(w, c.server, 10, 0); /* else a RST ends it */
        world_close_slot(w, c.server);
        world_close_slot(w, c.client);
        world_close_slot(w, c.listener);
        w->slots = 0;
        w->port++;
    }
    world_sleep(w, 300000);
    estab_counters(w->stack, &n);
    assert_int_equal(n.connections + n.records + n.listeners, 0);
    assert_int_equal(n.chunks_used + n.chunks_promised, 0);
}

#define LIMIT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIMIT_TEST(a_bad_configuration_is_refused), LIMIT_TEST(sockets_and_sets_are_counted),
        LIMIT_TEST(interests_are_counted),          LIMIT_TEST(accept_without_room),
        LIMIT_TEST(descriptors_come_from_the_hook), LIMIT_TEST(all_is_given_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
