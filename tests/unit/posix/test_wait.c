/* SPDX-License-Identifier: MIT */
/*
 * test_wait.c - calls that wait, in virtual time: when each returns, to the millisecond, and with what;
 * and what ends a wait from outside.
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
static struct world_pair pair;
static char text[200000];

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
    w->ends = false;
    world_close(w);
    free(w);
    return 0;
}

static void limit(int slot, int option, unsigned ms)
{
    struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

    assert_int_equal(
        estab_posix_setsockopt(w->p, w->fd[slot], SOL_SOCKET, option, &t, sizeof t), 0);
}

/* The result, its errno, and the time since the call began. */
#define TOOK(call, result, number, ms)                                                             \
    do {                                                                                           \
        unsigned began_ = world_ms(w);                                                             \
        errno = 0;                                                                                 \
        assert_int_equal(call, result);                                                            \
        if ((result) < 0)                                                                          \
            assert_int_equal(errno, number);                                                       \
        assert_int_equal(world_ms(w) - began_, ms);                                                \
    } while (0)

#define RECV(slot, n, flags) estab_posix_recv(w->p, w->fd[slot], text, n, flags)
#define SEND(slot, n, flags) estab_posix_send(w->p, w->fd[slot], text, n, flags)

/* ---- what others do meanwhile ---------------------------------------------------------------------------- */

static void peer_sends_five(struct world *of)
{
    assert_int_equal(estab_posix_send(of->p, of->fd[pair.server], "hello", 5, 0), 5);
}

static void peer_closes(struct world *of)
{
    assert_int_equal(estab_posix_close(of->p, of->fd[pair.server]), 0);
    of->fd[pair.server] = -1;
}

static void peer_resets(struct world *of)
{
    struct linger l = {1, 0};

    (void)estab_posix_setsockopt(of->p, of->fd[pair.server], SOL_SOCKET, SO_LINGER, &l, sizeof l);
    peer_closes(of);
}

static void peer_reads_all(struct world *of)
{
    while (estab_posix_recv(of->p, of->fd[pair.server], text, sizeof text, MSG_DONTWAIT) > 0)
        continue;
    world_at(of, 1, peer_reads_all);
}

static void we_close(struct world *of)
{
    assert_int_equal(estab_posix_close(of->p, of->fd[pair.client]), 0);
    of->fd[pair.client] = -1;
}

static void we_shut_reading(struct world *of)
{
    assert_int_equal(estab_posix_shutdown(of->p, of->fd[pair.client], SHUT_RD), 0);
}

static void listener_is_shut(struct world *of)
{
    assert_int_equal(estab_posix_shutdown(of->p, of->fd[pair.listener], SHUT_RDWR), 0);
}

static void somebody_connects(struct world *of)
{
    (void)world_connect(of, world_socket(of, SOCK_NONBLOCK), WORLD_OWN, of->port);
}

static void all_ends(struct world *of)
{
    of->ends = true;
}

/* ---- receiving ------------------------------------------------------------------------------------------- */

static void receive_waits(void **state)
{
    (void)state;
    pair = world_connected(w);
    limit(pair.client, SO_RCVTIMEO, 300);
    TOOK(RECV(pair.client, 10, 0), -1, EAGAIN, 300);
    TOOK(RECV(pair.client, 10, MSG_DONTWAIT), -1, EAGAIN, 0);
    world_at(w, 120, peer_sends_five);
    TOOK(RECV(pair.client, 10, 0), 5, 0, 120);
    world_at(w, 80, peer_closes);
    TOOK(RECV(pair.client, 10, 0), 0, 0, 80);
}

static void receive_of_all(void **state)
{
    (void)state;
    pair = world_connected(w);
    world_at(w, 100, peer_sends_five);
    world_at(w, 200, peer_sends_five);
    world_at(w, 300, peer_sends_five);
    TOOK(RECV(pair.client, 12, MSG_WAITALL), 12, 0, 300);
    limit(pair.client, SO_RCVTIMEO, 500);
    world_at(w, 100, peer_sends_five);
    TOOK(RECV(pair.client, 12, MSG_WAITALL), 8, 0, 500);
    world_at(w, 100, peer_sends_five);
    world_at(w, 150, peer_closes);
    TOOK(RECV(pair.client, 12, MSG_WAITALL), 5, 0, 150);
}

static void receive_waits_for_low_water(void **state)
{
    int eight = 8;

    (void)state;
    pair = world_connected(w);
    assert_int_equal(estab_posix_setsockopt(w->p, w->fd[pair.client], SOL_SOCKET, SO_RCVLOWAT,
                                            &eight, sizeof eight),
                     0);
    world_at(w, 50, peer_sends_five);
    world_at(w, 90, peer_sends_five);
    TOOK(RECV(pair.client, 20, 0), 10, 0, 90);
}

static void peek_waits_for_all(void **state)
{
    (void)state;
    pair = world_connected(w);
    (void)world_set(w, pair.server, IPPROTO_TCP, TCP_NODELAY, 1);
    world_at(w, 10, peer_sends_five);
    world_at(w, 30, peer_sends_five);
    TOOK(RECV(pair.client, 10, MSG_PEEK | MSG_WAITALL), 10, 0, 30);
    TOOK(RECV(pair.client, 10, MSG_WAITALL), 10, 0, 0);
}

static void receive_is_ended(void **state)
{
    (void)state;
    pair = world_connected(w);
    world_at(w, 40, peer_resets);
    TOOK(RECV(pair.client, 10, 0), -1, ECONNRESET, 40);
    pair = (struct world_pair){.client = world_socket(w, 0)};
    w->port++;
    pair = world_connected(w);
    world_at(w, 40, we_shut_reading);
    TOOK(RECV(pair.client, 10, 0), 0, 0, 40);
    w->port++;
    pair = world_connected(w);
    world_at(w, 40, we_close);
    TOOK(RECV(pair.client, 10, 0), -1, EBADF, 40);
}

/* The peer's window, and our buffer. */
static void fill(void)
{
    int rounds = 0;

    while (SEND(pair.client, sizeof text, MSG_DONTWAIT) > 0) {
        world_sleep(w, 300);
        assert_true(++rounds < 100);
    }
}

/* ---- sending --------------------------------------------------------------------------------------------- */

static void send_waits_for_room(void **state)
{
    (void)state;
    pair = world_connected(w);
    limit(pair.client, SO_SNDTIMEO, 400);
    fill();
    TOOK(SEND(pair.client, 1, MSG_DONTWAIT), -1, EAGAIN, 0);
    TOOK(SEND(pair.client, 1, 0), -1, EAGAIN, 400);
    world_at(w, 100, peer_reads_all);
    errno = 0;
    assert_int_equal(SEND(pair.client, sizeof text, 0), sizeof text);
}

static void send_is_ended(void **state)
{
    (void)state;
    pair = world_connected(w);
    fill();
    world_at(w, 70, peer_resets);
    TOOK(SEND(pair.client, 10, 0), -1, ECONNRESET, 70);
    TOOK(SEND(pair.client, 10, 0), -1, EPIPE, 0);
}

/* ---- opening --------------------------------------------------------------------------------------------- */

static void connect_times_out(void **state)
{
    struct sockaddr_in far = {.sin_family = AF_INET,
                              .sin_port = htons(9),
                              .sin_addr.s_addr = htonl(WORLD_FAR)};
    int s = world_socket(w, 0), one = 1;
    struct sockaddr *to = (struct sockaddr *)&far;

    (void)state;
    limit(s, SO_SNDTIMEO, 250);
    TOOK(estab_posix_connect(w->p, w->fd[s], to, sizeof far), -1, EINPROGRESS, 250);
    TOOK(estab_posix_connect(w->p, w->fd[s], to, sizeof far), -1, EALREADY, 250);
    TOOK(SEND(s, 1, 0), -1, EAGAIN, 250);
    s = world_socket(w, 0);
    assert_int_equal(estab_posix_setsockopt(w->p, w->fd[s], IPPROTO_TCP, TCP_SYNCNT, &one, 4), 0);
    /* A SYN, and a second one after 1 s; both had no answer after 2 s more. */
    TOOK(estab_posix_connect(w->p, w->fd[s], to, sizeof far), -1, ETIMEDOUT, 3000);
}

static void accept_waits(void **state)
{
    (void)state;
    pair = world_connected(w);
    limit(pair.listener, SO_RCVTIMEO, 600);
    TOOK(estab_posix_accept(w->p, w->fd[pair.listener], NULL, NULL), -1, EAGAIN, 600);
    world_at(w, 220, somebody_connects);
    {
        unsigned began = world_ms(w);
        int fd = estab_posix_accept(w->p, w->fd[pair.listener], NULL, NULL);

        assert_true(fd >= 0);
        assert_int_equal(world_ms(w) - began, 220);
        (void)world_slot(w, fd);
    }
    world_at(w, 10, listener_is_shut);
    TOOK(estab_posix_accept(w->p, w->fd[pair.listener], NULL, NULL), -1, EINVAL, 10);
}

/* ---- poll and epoll --------------------------------------------------------------------------------------- */

static void poll_waits(void **state)
{
    struct pollfd f = {.events = POLLIN};
    struct epoll_event e = {.events = EPOLLIN};
    int set = estab_posix_epoll_create1(w->p, 0);

    (void)state;
    pair = world_connected(w);
    f.fd = w->fd[pair.client];
    TOOK(estab_posix_poll(w->p, &f, 1, 0), 0, 0, 0);
    TOOK(estab_posix_poll(w->p, &f, 1, 30), 0, 0, 30);
    TOOK(estab_posix_poll(w->p, NULL, 0, 25), 0, 0, 25);
    assert_int_equal(estab_posix_epoll_ctl(w->p, set, EPOLL_CTL_ADD, f.fd, &e), 0);
    TOOK(estab_posix_epoll_wait(w->p, set, &e, 1, 35), 0, 0, 35);
    world_at(w, 5, peer_sends_five);
    TOOK(estab_posix_poll(w->p, &f, 1, -1), 1, 0, 5);
    TOOK(estab_posix_epoll_wait(w->p, set, &e, 1, -1), 1, 0, 0);
    TOOK(RECV(pair.client, 10, 0), 5, 0, 0);
    world_at(w, 15, peer_sends_five);
    TOOK(estab_posix_epoll_wait(w->p, set, &e, 1, 1000), 1, 0, 15);
    assert_int_equal(estab_posix_close(w->p, set), 0);
}

/* ---- close ------------------------------------------------------------------------------------------------ */

static void fill_and_linger(int seconds)
{
    struct linger l = {1, seconds};

    pair = world_connected(w);
    assert_int_equal(estab_posix_setsockopt(w->p, w->fd[pair.client], SOL_SOCKET, SO_LINGER, &l,
                                            sizeof l),
                     0);
    fill();
}

static void close_lingers(void **state)
{
    unsigned began;

    (void)state;
    fill_and_linger(2);
    TOOK(estab_posix_close(w->p, w->fd[pair.client]), 0, 0, 2000); /* nobody reads */
    w->fd[pair.client] = -1;
    w->port++;
    fill_and_linger(20);
    world_at(w, 500, peer_reads_all);
    began = world_ms(w);
    assert_int_equal(estab_posix_close(w->p, w->fd[pair.client]), 0);
    w->fd[pair.client] = -1;
    assert_in_range(world_ms(w) - began, 500, 5000); /* as soon as all is acknowledged */
}

/* ---- what ends every wait ----------------------------------------------------------------------------------- */

static void a_waiter_gives_up(void **state)
{
    struct pollfd f = {.events = POLLIN};

    (void)state;
    pair = world_connected(w);
    f.fd = w->fd[pair.client];
    world_at(w, 60, all_ends);
    TOOK(RECV(pair.client, 10, 0), -1, EINTR, 60);
    TOOK(estab_posix_accept(w->p, w->fd[pair.listener], NULL, NULL), -1, EINTR, 0);
    TOOK(estab_posix_poll(w->p, &f, 1, 1000), -1, EINTR, 0);
}

static estab_time fixed_now(void *context)
{
    return ((struct world *)context)->now;
}

static void without_a_waiter_nothing_waits(void **state)
{
    struct estab_posix_config c;
    estab_posix *p;
    struct sockaddr_in far = {.sin_family = AF_INET,
                              .sin_port = htons(9),
                              .sin_addr.s_addr = htonl(WORLD_FAR)};
    int s;

    (void)state;
    estab_posix_config_init(&c);
    c.waiter = (struct estab_posix_waiter){.context = w, .now = fixed_now};
    p = estab_posix_new(w->stack, &c);
    assert_non_null(p);
    s = estab_posix_socket(p, AF_INET, SOCK_STREAM, 0);
    assert_int_equal(estab_posix_connect(p, s, (struct sockaddr *)&far, sizeof far), -1);
    assert_int_equal(errno, EINPROGRESS);
    assert_int_equal(estab_posix_recv(p, s, text, 1, 0), -1);
    assert_int_equal(errno, EAGAIN);
    assert_int_equal(estab_posix_close(p, s), 0);
    estab_posix_free(p);
}

#define WAIT_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WAIT_TEST(receive_waits),
        WAIT_TEST(receive_of_all),
        WAIT_TEST(receive_waits_for_low_water),
        WAIT_TEST(peek_waits_for_all),
        WAIT_TEST(receive_is_ended),
        WAIT_TEST(send_waits_for_room),
        WAIT_TEST(send_is_ended),
        WAIT_TEST(connect_times_out),
        WAIT_TEST(accept_waits),
        WAIT_TEST(poll_waits),
        WAIT_TEST(close_lingers),
        WAIT_TEST(a_waiter_gives_up),
        WAIT_TEST(without_a_waiter_nothing_waits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
