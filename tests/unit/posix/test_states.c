/* SPDX-License-Identifier: MIT */
/*
 * test_states.c - every call in every state, on Linux's sockets and on ours: the same result, the same
 * errno, and the same answers afterwards.
 *
 * A state is what a socket has come to; each call meets a fresh one.  What follows the call (poll, the
 * pending error, one more receive and send, names) shows what it left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/socket_world.h"

/* ---- states ------------------------------------------------------------------------------------------ */

typedef int make_state(struct world *w);

static int fresh(struct world *w)
{
    return world_socket(w, 0);
}

static int bound(struct world *w)
{
    int s = world_socket(w, 0);

    world_bind(w, s, INADDR_ANY, w->port);
    return s;
}

static int listening(struct world *w)
{
    int s = bound(w);

    world_listen(w, s, 5);
    return s;
}

static int listening_with_one(struct world *w)
{
    int s = listening(w);

    world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
    return s;
}

static int opening(struct world *w)
{
    int s = world_socket(w, SOCK_NONBLOCK);

    world_connect(w, s, WORLD_FAR, 9);
    return s;
}

static int refused(struct world *w)
{
    int s = world_socket(w, SOCK_NONBLOCK);

    world_connect(w, s, WORLD_OWN, w->port);
    return s;
}

static int refused_and_told(struct world *w)
{
    int s = refused(w);

    world_get(w, s, SOL_SOCKET, SO_ERROR);
    return s;
}

static int refused_blocking(struct world *w)
{
    int s = world_socket(w, 0);

    world_connect(w, s, WORLD_OWN, w->port);
    return s;
}

static int established(struct world *w)
{
    return world_connected(w).client;
}

static int accepted(struct world *w)
{
    return world_connected(w).server;
}

/* Opened while nobody waited: connect() has not told yet. */
static int opened_untold(struct world *w)
{
    int l = listening(w), s = world_socket(w, SOCK_NONBLOCK);

    (void)l;
    world_connect(w, s, WORLD_OWN, w->port);
    return s;
}

static int with_text(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.server, "hello", 5, 0);
    return c.client;
}

static int fin_wait_2(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_shutdown(w, c.client, SHUT_WR);
    world_await(w, c.client, TCP_FIN_WAIT2);
    return c.client;
}

static int close_wait(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_shutdown(w, c.server, SHUT_WR);
    world_await(w, c.client, TCP_CLOSE_WAIT);
    return c.client;
}

static int close_wait_with_text(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.server, "hello", 5, 0);
    world_shutdown(w, c.server, SHUT_WR);
    world_await(w, c.client, TCP_CLOSE_WAIT);
    return c.client;
}

static int time_wait(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_shutdown(w, c.client, SHUT_WR);
    world_await(w, c.server, TCP_CLOSE_WAIT);
    world_shutdown(w, c.server, SHUT_WR);
    world_await(w, c.client, TCP_CLOSE);
    return c.client;
}

static int last_ack_done(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_shutdown(w, c.client, SHUT_WR);
    world_await(w, c.server, TCP_CLOSE_WAIT);
    world_shutdown(w, c.server, SHUT_WR);
    world_await(w, c.server, TCP_CLOSE);
    return c.server;
}

static int reset(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_linger(w, c.server, 0);
    world_close_slot(w, c.server);
    return c.client;
}

static int reset_and_told(struct world *w)
{
    int s = reset(w);

    world_get(w, s, SOL_SOCKET, SO_ERROR);
    return s;
}

static int reset_in_close_wait(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_shutdown(w, c.server, SHUT_WR);
    world_await(w, c.client, TCP_CLOSE_WAIT);
    world_linger(w, c.server, 0);
    world_close_slot(w, c.server);
    return c.client;
}

static int shut_for_reading(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_shutdown(w, c.client, SHUT_RD);
    return c.client;
}

/* ---- calls --------------------------------------------------------------------------------------------- */

typedef void make_call(struct world *w, int s);

#define NONBLOCKING(w, s)                                                                          \
    (void)WORLD_CALL(w, fcntl, (w)->fd[s], F_SETFL, O_NONBLOCK)

static void call_nothing(struct world *w, int s)
{
    (void)s;
    world_note(w, "-\n");
}

static void call_bind(struct world *w, int s)
{
    world_bind(w, s, WORLD_OWN, w->port + 1000);
}

static void call_bind_foreign(struct world *w, int s)
{
    world_bind(w, s, WORLD_FAR, w->port + 1000);
}

static void call_listen(struct world *w, int s)
{
    world_listen(w, s, 3);
    world_get(w, s, SOL_SOCKET, SO_ACCEPTCONN);
}

static void call_accept(struct world *w, int s)
{
    NONBLOCKING(w, s);
    world_accept(w, s, 0);
    world_accept(w, s, SOCK_NONBLOCK);
}

static void call_accept_flags(struct world *w, int s)
{
    world_accept(w, s, 0x40);
}

static void call_connect(struct world *w, int s)
{
    NONBLOCKING(w, s);
    world_connect(w, s, WORLD_FAR, 9);
    world_connect(w, s, WORLD_FAR, 9);
}

static void call_connect_refused(struct world *w, int s)
{
    NONBLOCKING(w, s);
    world_connect(w, s, WORLD_OWN, w->port + 2000);
    world_connect(w, s, WORLD_OWN, w->port + 2000);
    world_connect(w, s, WORLD_OWN, w->port + 2000);
}

static void call_connect_short(struct world *w, int s)
{
    struct sockaddr_storage a = world_address(w, INADDR_ANY, 0);

    world_result(w, "connect", WORLD_CALL(w, connect, w->fd[s], (struct sockaddr *)&a, 8));
    world_result(w, "connect", WORLD_CALL(w, connect, w->fd[s], (struct sockaddr *)&a, 1));
}

static void call_connect_family(struct world *w, int s)
{
    struct sockaddr_in6 a = {.sin6_family = w->family == WORLD_IPV4 ? AF_INET6 : AF_INET};

    NONBLOCKING(w, s);
    world_result(w, "connect", WORLD_CALL(w, connect, w->fd[s], (struct sockaddr *)&a, sizeof a));
}

static void call_disconnect(struct world *w, int s)
{
    struct sockaddr a = {.sa_family = AF_UNSPEC};

    world_result(w, "connect", WORLD_CALL(w, connect, w->fd[s], &a, sizeof a));
    world_getname(w, s, false);
}

static void call_shutdown_rd(struct world *w, int s)
{
    world_shutdown(w, s, SHUT_RD);
}

static void call_shutdown_wr(struct world *w, int s)
{
    world_shutdown(w, s, SHUT_WR);
    world_shutdown(w, s, SHUT_WR);
}

static void call_shutdown_rdwr(struct world *w, int s)
{
    world_shutdown(w, s, SHUT_RDWR);
}

static void call_shutdown_bad(struct world *w, int s)
{
    world_shutdown(w, s, 3);
    world_shutdown(w, s, -1);
}

static void call_send(struct world *w, int s)
{
    world_send(w, s, "text", 4, MSG_DONTWAIT);
}

static void call_send_nothing(struct world *w, int s)
{
    world_send(w, s, "", 0, MSG_DONTWAIT);
}

static void call_send_oob(struct world *w, int s)
{
    world_send(w, s, "u", 1, MSG_DONTWAIT | MSG_OOB);
}

static void call_recv(struct world *w, int s)
{
    world_recv(w, s, 3, MSG_DONTWAIT);
    world_recv(w, s, 30, MSG_DONTWAIT);
    world_recv(w, s, 30, MSG_DONTWAIT);
}

static void call_recv_nothing(struct world *w, int s)
{
    world_recv(w, s, 0, MSG_DONTWAIT);
    NONBLOCKING(w, s);
    world_result(w, "read", WORLD_CALL(w, read, w->fd[s], NULL, 0));
}

static void call_peek(struct world *w, int s)
{
    world_recv(w, s, 30, MSG_DONTWAIT | MSG_PEEK);
    world_recv(w, s, 30, MSG_DONTWAIT | MSG_PEEK);
}

static void call_recv_oob(struct world *w, int s)
{
    world_recv(w, s, 1, MSG_DONTWAIT | MSG_OOB);
}

static void call_recv_trunc(struct world *w, int s)
{
    world_recv(w, s, 4, MSG_DONTWAIT | MSG_TRUNC);
}

static void call_recv_errqueue(struct world *w, int s)
{
    world_recv(w, s, 4, MSG_DONTWAIT | MSG_ERRQUEUE);
}

static void call_names(struct world *w, int s)
{
    world_getname(w, s, false);
    world_getname(w, s, true);
}

static void call_ioctls(struct world *w, int s)
{
    world_ioctl(w, s, SIOCINQ, "SIOCINQ");
    if (world_state(w, s) != TCP_CLOSE) { /* where Linux tells what is left of sequence numbers */
        world_ioctl(w, s, SIOCOUTQ, "SIOCOUTQ");
        world_ioctl(w, s, SIOCOUTQNSD, "SIOCOUTQNSD");
    }
    world_ioctl(w, s, SIOCATMARK, "SIOCATMARK");
}

static void call_window_clamp_zero(struct world *w, int s)
{
    world_set(w, s, IPPROTO_TCP, TCP_WINDOW_CLAMP, 0);
}

static void call_close(struct world *w, int s)
{
    world_close_slot(w, s);
    world_result(w, "close", WORLD_CALL(w, close, w->fd[s]));
}

/* ---- every one in every one ------------------------------------------------------------------------------ */

#define STATE_ROWS(X)                                                                              \
    X(fresh) X(bound) X(listening) X(listening_with_one) X(opening) X(refused) X(refused_and_told) \
    X(refused_blocking) X(established) X(accepted) X(opened_untold) X(with_text) X(fin_wait_2)     \
    X(close_wait) X(close_wait_with_text) X(time_wait) X(last_ack_done) X(reset)                   \
    X(reset_and_told) X(reset_in_close_wait) X(shut_for_reading)

#define CALL_ROWS(X)                                                                               \
    X(nothing) X(bind) X(bind_foreign) X(listen) X(accept) X(accept_flags) X(connect)              \
    X(connect_refused) X(connect_short) X(connect_family) X(disconnect) X(shutdown_rd)             \
    X(shutdown_wr) X(shutdown_rdwr) X(shutdown_bad) X(send) X(send_nothing) X(send_oob) X(recv)    \
    X(recv_nothing) X(peek) X(recv_oob) X(recv_trunc) X(recv_errqueue) X(names) X(ioctls)          \
    X(window_clamp_zero) X(close)

static const struct state_row {
    const char *name;
    make_state *make;
} states[] = {
#define X(name) {#name, name},
    STATE_ROWS(X)
#undef X
};

static const struct call_row {
    const char *name;
    make_call *make;
} calls[] = {
#define X(name) {#name, call_##name},
    CALL_ROWS(X)
#undef X
};

#define STATES (sizeof states / sizeof states[0])
#define CALLS  (sizeof calls / sizeof calls[0])

/* The state that is left, and what the socket still says. */
static void aftermath(struct world *w, int s)
{
    if (w->fd[s] < 0)
        return;
    world_poll(w, s, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0);
    if (world_state(w, s) == TCP_FIN_WAIT1) /* Linux may delay the acknowledgment of a FIN */
        world_await(w, s, TCP_FIN_WAIT2);
    world_note(w, "state %d\n", world_state(w, s));
    world_recv(w, s, 20, MSG_DONTWAIT);
    world_send(w, s, "more", 4, MSG_DONTWAIT);
    world_get(w, s, SOL_SOCKET, SO_ERROR);
    world_recv(w, s, 20, MSG_DONTWAIT);
    world_getname(w, s, false);
    world_getname(w, s, true);
    world_poll(w, s, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0);
}

static void one(struct world *w, int index)
{
    const struct state_row *state = &states[(size_t)index / CALLS];
    const struct call_row *call = &calls[(size_t)index % CALLS];
    int s = state->make(w);

    world_note(w, "%s in %s\n", call->name, state->name);
    call->make(w, s);
    aftermath(w, s);
}

static void every_call_in_every_state(void **context)
{
    unsigned different = 0;

    (void)context;
    if (!world_kernel_ready())
        skip();
    for (size_t i = 0; i < STATES * CALLS; i++)
        different += world_differ("a call in a state", one, (int)i);
    assert_int_equal(different, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_in_every_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
