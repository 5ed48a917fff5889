/* SPDX-License-Identifier: MIT */
/*
 * test_ends.c - how connections end, on Linux's sockets and on ours: text before a RST in each state,
 * what is accepted after its end, SO_LINGER, sockets shut before they connect, backlogs that change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>

#include "support/socket_world.h"

#define ALL_EVENTS (POLLIN | POLLOUT | POLLPRI | POLLRDHUP)

/* Everything that is left to be seen of a socket. */
static void see(struct world *w, int s)
{
    world_note(w, "state %d\n", world_state(w, s));
    world_poll(w, s, ALL_EVENTS, 0);
    world_ioctl(w, s, FIONREAD, "FIONREAD");
    world_recv(w, s, 4, MSG_PEEK | MSG_DONTWAIT);
    world_recv(w, s, 4, MSG_DONTWAIT);
    world_poll(w, s, ALL_EVENTS, 0);
    world_getname(w, s, true);
    world_recv(w, s, 100, MSG_DONTWAIT);
    world_poll(w, s, ALL_EVENTS, 0);
    world_recv(w, s, 100, MSG_DONTWAIT);
    world_recv(w, s, 100, MSG_DONTWAIT);
    world_send(w, s, "x", 1, MSG_DONTWAIT);
    world_get(w, s, SOL_SOCKET, SO_ERROR);
    world_connect(w, s, WORLD_OWN, w->port);
}

static void reset(struct world *w, int s)
{
    world_linger(w, s, 0);
    world_close_slot(w, s);
}

/* ---- text before a RST ----------------------------------------------------------------------------------- */

enum { IN_ESTABLISHED, IN_FIN_WAIT_2, IN_CLOSE_WAIT, IN_LAST_ACK, READING_SHUT, STATES_OF_END };

static void text_before_a_reset(struct world *w, int i)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "before the end", 14, 0);
    switch (i) {
    case IN_FIN_WAIT_2:
        world_shutdown(w, c.server, SHUT_WR);
        world_await(w, c.server, TCP_FIN_WAIT2);
        break;
    case IN_CLOSE_WAIT: /* the peer's end of reading is closed as well: it answers with a RST */
        world_close_slot(w, c.client);
        world_await(w, c.server, TCP_CLOSE_WAIT);
        world_send(w, c.server, "who?", 4, 0);
        see(w, c.server);
        return;
    case IN_LAST_ACK:
        world_shutdown(w, c.client, SHUT_WR);
        world_await(w, c.server, TCP_CLOSE_WAIT);
        world_shutdown(w, c.server, SHUT_WR);
        world_await(w, c.server, TCP_CLOSE);
        break;
    case READING_SHUT:
        world_shutdown(w, c.server, SHUT_RD);
        break;
    default:
        break;
    }
    reset(w, c.client);
    see(w, c.server);
}

static void error_is_asked_for_first(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "text", 4, 0);
    reset(w, c.client);
    world_get(w, c.server, SOL_SOCKET, SO_ERROR);
    see(w, c.server);
}

static void send_before_the_text_is_read(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "text", 4, 0);
    reset(w, c.client);
    world_send(w, c.server, "x", 1, 0);
    world_send(w, c.server, "x", 1, 0);
    see(w, c.server);
}

static void waitall_before_a_reset(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "text", 4, 0);
    reset(w, c.client);
    world_recv(w, c.server, 10, MSG_WAITALL);
    world_recv(w, c.server, 10, MSG_WAITALL);
    world_recv(w, c.server, 10, MSG_WAITALL);
}

static void urgent_before_a_reset(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "abcU", 4, MSG_OOB);
    reset(w, c.client);
    world_poll(w, c.server, ALL_EVENTS, 0);
    world_recv(w, c.server, 1, MSG_OOB);
    see(w, c.server);
}

static void disconnect_after_a_reset(struct world *w)
{
    struct world_pair c = world_connected(w);
    struct sockaddr none = {.sa_family = AF_UNSPEC};

    world_send(w, c.client, "text", 4, 0);
    reset(w, c.client);
    world_result(w, "AF_UNSPEC", WORLD_CALL(w, connect, w->fd[c.server], &none, sizeof none));
    see(w, c.server);
    world_recv(w, world_accept(w, c.listener, SOCK_NONBLOCK), 10, 0);
}

/* The text is there no more, and neither is what it filled. */
static void many_that_nobody_reads(struct world *w)
{
    int l = world_socket(w, 0);

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    for (int i = 0; i < 8; i++) {
        int s = world_socket(w, 0), a;

        world_connect(w, s, WORLD_OWN, w->port);
        a = world_accept(w, l, 0);
        world_send(w, s, "text", 4, 0);
        reset(w, s);
        if (i & 1)
            world_recv(w, a, 2, 0);
        world_close_slot(w, a);
    }
}

/* ---- accepted after its end -------------------------------------------------------------------------------- */

static void accept_several_dead(struct world *w)
{
    int l = world_socket(w, SOCK_NONBLOCK), s[4];

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 5);
    for (int i = 0; i < 4; i++) {
        s[i] = world_socket(w, 0);
        world_connect(w, s[i], WORLD_OWN, w->port);
        if (i & 1)
            world_send(w, s[i], "text", 4, 0);
    }
    for (int i = 0; i < 3; i++)
        reset(w, s[i]);
    for (int i = 0; i < 5; i++) {
        int a;

        world_poll(w, l, POLLIN, 0);
        a = world_accept(w, l, SOCK_NONBLOCK);
        if (a < 0)
            break;
        world_getname(w, a, false);
        see(w, a);
    }
}

static void close_with_dead_in_the_queue(struct world *w)
{
    int l = world_socket(w, 0), s[3];

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 5);
    for (int i = 0; i < 3; i++) {
        s[i] = world_socket(w, 0);
        world_connect(w, s[i], WORLD_OWN, w->port);
        world_send(w, s[i], "text", 4, 0);
    }
    reset(w, s[1]);
    reset(w, s[2]);
    world_close_slot(w, l);
    see(w, s[0]);
    l = world_socket(w, 0);
    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 5);
}

/* ---- the backlog, changed ------------------------------------------------------------------------------------ */

static void backlog_grows(struct world *w, int n)
{
    int l = world_socket(w, SOCK_NONBLOCK);

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 1);
    world_listen(w, l, n);
    for (int i = 0; i <= n; i++)
        world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
    for (int i = 0; i <= n + 1; i++)
        world_accept(w, l, 0);
}

/* Who waits already stays, and then there is no room: the SYN is not answered. */
static void backlog_shrinks(struct world *w)
{
    int l = world_socket(w, SOCK_NONBLOCK), late;

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 5);
    for (int i = 0; i < 4; i++)
        world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
    world_listen(w, l, 1);
    late = world_socket(w, SOCK_NONBLOCK);
    world_connect(w, late, WORLD_OWN, w->port);
    world_note(w, "state %d\n", world_state(w, late));
    for (int i = 0; i < 5; i++)
        world_accept(w, l, 0);
}

/* ---- shut before it connects --------------------------------------------------------------------------------- */

static void shut_before_connect(struct world *w, int how)
{
    int l = world_socket(w, 0), s = world_socket(w, 0), a;

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    world_shutdown(w, s, how);
    world_poll(w, s, ALL_EVENTS, 0);
    world_send(w, s, "x", 1, 0);
    world_connect(w, s, WORLD_OWN, w->port);
    world_note(w, "state %d\n", world_state(w, s));
    world_poll(w, s, ALL_EVENTS, 0);
    world_send(w, s, "x", 1, 0);
    a = world_accept(w, l, SOCK_NONBLOCK);
    world_recv(w, a, 10, MSG_DONTWAIT);
    world_send(w, a, "y", 1, 0);
    world_recv(w, s, 10, MSG_DONTWAIT);
    world_recv(w, s, 10, MSG_DONTWAIT);
    world_shutdown(w, s, SHUT_WR);
    world_await(w, s, TCP_FIN_WAIT2);
    world_recv(w, a, 10, MSG_DONTWAIT);
    world_close_slot(w, s);
    world_send(w, a, "z", 1, 0);
    see(w, a);
}

static void shut_before_listen(struct world *w, int how)
{
    int l = world_socket(w, SOCK_NONBLOCK), s = world_socket(w, 0), a;

    world_shutdown(w, l, how);
    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    world_connect(w, s, WORLD_OWN, w->port);
    world_poll(w, l, ALL_EVENTS, 0);
    a = world_accept(w, l, SOCK_NONBLOCK);
    if (a < 0)
        return;
    world_poll(w, a, ALL_EVENTS, 0);
    world_send(w, a, "x", 1, 0);
    world_recv(w, a, 1, 0);
}

/* ---- SO_LINGER --------------------------------------------------------------------------------------------------- */

/* `i`: on or off; 0, 2 or a negative number of seconds; text unread or not; shut for writing or not. */
static void lingers(struct world *w, int i)
{
    static const int seconds[] = {0, 2, -1};
    struct linger linger = {i & 1, seconds[(i >> 1) % 3]};
    struct world_pair c = world_connected(w);
    bool unread = i / 6 & 1, shut = i / 12 & 1;

    world_result(w, "set", WORLD_CALL(w, setsockopt, w->fd[c.client], SOL_SOCKET, SO_LINGER,
                                      &linger, sizeof linger));
    if (unread)
        world_send(w, c.server, "unread", 6, 0);
    world_send(w, c.client, "text", 4, 0);
    if (shut)
        world_shutdown(w, c.client, SHUT_WR);
    world_close_slot(w, c.client);
    see(w, c.server);
}

static void linger_in_syn_sent(struct world *w, int seconds)
{
    int s = world_socket(w, SOCK_NONBLOCK);

    world_linger(w, s, seconds);
    world_connect(w, s, WORLD_FAR, 9);
    world_close_slot(w, s);
}

/* ---- the same pair again ------------------------------------------------------------------------------------- */

/* The client closes first, and rests in TIME-WAIT; another socket with its port connects. */
static void pair_again(struct world *w)
{
    int l = world_socket(w, SOCK_NONBLOCK), s, a;

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    for (int i = 0; i < 3; i++) {
        s = world_socket(w, 0);
        world_set(w, s, SOL_SOCKET, SO_REUSEADDR, 1);
        world_bind(w, s, WORLD_OWN, w->port + 3000);
        world_connect(w, s, WORLD_OWN, w->port);
        a = world_accept(w, l, 0);
        world_send(w, s, "once", 4, 0);
        world_recv(w, a, 10, 0);
        world_shutdown(w, s, SHUT_WR);
        world_await(w, a, TCP_CLOSE_WAIT);
        world_close_slot(w, a);
        world_await(w, s, TCP_CLOSE);
        if (i & 1)
            world_close_slot(w, s);
    }
}

/* A socket that meets itself, twice. */
static void itself_again(struct world *w)
{
    for (int i = 0; i < 2; i++) {
        int s = world_socket(w, 0);

        world_set(w, s, SOL_SOCKET, SO_REUSEADDR, 1);
        world_bind(w, s, WORLD_OWN, w->port);
        world_connect(w, s, WORLD_OWN, w->port);
        world_send(w, s, "me", 2, 0);
        world_recv(w, s, 10, 0);
        world_close_slot(w, s);
    }
}

/* ---- the run ---------------------------------------------------------------------------------------------------------- */

#define PROGRAMS(X)                                                                                \
    X(error_is_asked_for_first) X(send_before_the_text_is_read) X(waitall_before_a_reset)          \
    X(urgent_before_a_reset) X(disconnect_after_a_reset) X(many_that_nobody_reads)                 \
    X(accept_several_dead) X(close_with_dead_in_the_queue) X(backlog_shrinks) X(pair_again)        \
    X(itself_again)

static const struct program {
    const char *name;
    void (*run)(struct world *w);
} programs[] = {
#define X(name) {#name, name},
    PROGRAMS(X)
#undef X
};

static const struct variants {
    const char *name;
    void (*run)(struct world *w, int i);
    int first, end;
} variants[] = {
    {"text_before_a_reset", text_before_a_reset, 0, STATES_OF_END},
    {"backlog_grows", backlog_grows, 2, 6},
    {"shut_before_connect", shut_before_connect, SHUT_RD, SHUT_RDWR + 1},
    {"shut_before_listen", shut_before_listen, SHUT_RD, SHUT_RDWR + 1},
    {"lingers", lingers, 0, 24},
    {"linger_in_syn_sent", linger_in_syn_sent, 0, 2},
};

static void run(struct world *w, int i)
{
    programs[i].run(w);
}

static void ends_are_as_in_linux(void **state)
{
    unsigned different = 0;

    (void)state;
    if (!world_kernel_ready())
        skip();
    for (size_t i = 0; i < sizeof programs / sizeof programs[0]; i++)
        different += world_differ(programs[i].name, run, (int)i);
    assert_int_equal(different, 0);
}

static void variants_are_as_in_linux(void **state)
{
    unsigned different = 0;

    (void)state;
    if (!world_kernel_ready())
        skip();
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
        for (int k = variants[i].first; k < variants[i].end; k++)
            different += world_differ(variants[i].name, variants[i].run, k);
    assert_int_equal(different, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_are_as_in_linux),
        cmocka_unit_test(variants_are_as_in_linux),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
