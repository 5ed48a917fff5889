/* SPDX-License-Identifier: MIT */
/*
 * test_options.c - getsockopt, setsockopt, fcntl and ioctl: defaults, values that are cut or refused,
 * lengths; on Linux's sockets and on ours.
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
#include <sys/ioctl.h>

#include "support/socket_world.h"

/* A number, its default, and each of these values set and told. */
struct number_row {
    int level, name;
    bool default_differs; /* the stack's own buffers and clocks; docs/sockets.md */
    int values[8];
    int count;
};

#define ROW(level, name, ...)                                                                      \
    {level, name, false, {__VA_ARGS__}, (int)(sizeof((int[]){__VA_ARGS__}) / sizeof(int))}

static const struct number_row numbers[] = {
    ROW(SOL_SOCKET, SO_REUSEADDR, 1, 0, 7, -1),
    ROW(SOL_SOCKET, SO_REUSEPORT, 1, 0, 7),
    ROW(SOL_SOCKET, SO_KEEPALIVE, 1, 0, 9),
    ROW(SOL_SOCKET, SO_BROADCAST, 1, 0),
    ROW(SOL_SOCKET, SO_OOBINLINE, 1, 0, 2),
    ROW(SOL_SOCKET, SO_PRIORITY, 6, 0, 3),
    ROW(SOL_SOCKET, SO_RCVLOWAT, 1, 0, 500),
    ROW(SOL_SOCKET, SO_SNDLOWAT, 5),
    ROW(SOL_SOCKET, SO_TYPE, 1),
    ROW(SOL_SOCKET, SO_DOMAIN, 1),
    ROW(SOL_SOCKET, SO_PROTOCOL, 1),
    ROW(SOL_SOCKET, SO_ACCEPTCONN, 1),
    ROW(SOL_SOCKET, SO_ERROR, 1),
    ROW(SOL_SOCKET, 999, 1),
    ROW(IPPROTO_TCP, TCP_NODELAY, 1, 0, -3),
    ROW(IPPROTO_TCP, TCP_CORK, 1, 0, 5),
    ROW(IPPROTO_TCP, TCP_MAXSEG, 0, 87, 88, 1000, 32767, 32768, -1),
    ROW(IPPROTO_TCP, TCP_KEEPIDLE, 0, 1, 32767, 32768, -1),
    ROW(IPPROTO_TCP, TCP_KEEPINTVL, 0, 1, 32767, 32768),
    ROW(IPPROTO_TCP, TCP_KEEPCNT, 0, 1, 127, 128),
    ROW(IPPROTO_TCP, TCP_SYNCNT, 0, 1, 127, 128),
    ROW(IPPROTO_TCP, TCP_LINGER2, 0, 5, -1, -7, 120, 121),
    ROW(IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, 1, 2, 3, 4, 5, 30, -1),
    ROW(IPPROTO_TCP, TCP_DEFER_ACCEPT, 100, 200, 1000),
    ROW(IPPROTO_TCP, TCP_WINDOW_CLAMP, 0, 100, 5000, 100000),
    ROW(IPPROTO_TCP, TCP_QUICKACK, 1, 0),
    ROW(IPPROTO_TCP, TCP_USER_TIMEOUT, 0, 5000, -1),
    ROW(IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, 5000, -1),
    ROW(IPPROTO_TCP, TCP_INQ, 0, 1, 2),
    ROW(IPPROTO_TCP, 9999, 1),
    ROW(IPPROTO_IP, IP_TOS, 0, 0x10, 0xb8),
    ROW(IPPROTO_IP, IP_TTL, 1, 64, 255, 0, 256),
    ROW(IPPROTO_IP, IP_MTU_DISCOVER, 0, 1, 2, 3, 5, 6),
    ROW(IPPROTO_IP, IP_RECVERR, 0, 1, 3),
    ROW(7777, 1, 1),
    ROW(IPPROTO_IPV6, IPV6_V6ONLY, 1, 0, 7),
    ROW(IPPROTO_IPV6, IPV6_TCLASS, 0, 0x10, 0xb8, 255, 256, -1, -2),
    ROW(IPPROTO_IPV6, IPV6_UNICAST_HOPS, 1, 64, 255, 0, 256, -1, -2),
    ROW(IPPROTO_IPV6, IPV6_MTU_DISCOVER, 0, 1, 2, 3, 5, 6),
    ROW(IPPROTO_IPV6, IPV6_RECVERR, 0, 1, 3),
    ROW(IPPROTO_IPV6, 9999, 1),
    {SOL_SOCKET, SO_SNDBUF, true, {1, 2303, 2304, 2305, 5000, 100000, 212991, 212992}, 8},
    {SOL_SOCKET, SO_RCVBUF, true, {1, 1151, 1152, 1153, 5000, 100000, 212991, 212992}, 8},
};

#define NUMBERS (sizeof numbers / sizeof numbers[0])

static void number(struct world *w, int i)
{
    const struct number_row *r = &numbers[i];
    int s = world_socket(w, 0);

    if (!r->default_differs)
        world_get(w, s, r->level, r->name);
    for (int k = 0; k < r->count; k++) {
        world_set(w, s, r->level, r->name, r->values[k]);
        world_get(w, s, r->level, r->name);
    }
}

static void same_for(void (*program)(struct world *, int), unsigned count, const char *label)
{
    unsigned different = 0;

    if (!world_kernel_ready())
        skip();
    for (unsigned i = 0; i < count; i++)
        different += world_differ(label, program, (int)i);
    assert_int_equal(different, 0);
}

static void each_number_is_as_in_linux(void **state)
{
    (void)state;
    same_for(number, NUMBERS, "an option");
}

/* ---- lengths, pointers ---------------------------------------------------------------------------------- */

static void one_length(struct world *w, int s, int level, int name, socklen_t length)
{
    uint8_t value[32];
    socklen_t told = length;

    memset(value, 0, sizeof value);
    world_note(w, "%d/%d, %d bytes\n", level, name, (int)length);
    world_result(w, "setsockopt",
                 WORLD_CALL(w, setsockopt, w->fd[s], level, name, value, length));
    world_result(w, "getsockopt",
                 WORLD_CALL(w, getsockopt, w->fd[s], level, name, value, &told));
    world_note(w, "  %u\n", told);
}

static void lengths(struct world *w, int length)
{
    static const int of[][2] = {{SOL_SOCKET, SO_LINGER},
                                {SOL_SOCKET, SO_RCVTIMEO},
                                {SOL_SOCKET, SO_SNDTIMEO}};
    int s = world_socket(w, 0);

    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++)
        one_length(w, s, of[i][0], of[i][1], (socklen_t)(length - 1));
    for (size_t i = 0; i < NUMBERS; i++)
        if (length > 0 || numbers[i].level != IPPROTO_IPV6) /* docs/sockets.md */
            one_length(w, s, numbers[i].level, numbers[i].name, (socklen_t)(length - 1));
}

static void pointers(struct world *w, int argument)
{
    int s = world_socket(w, 0), value = 1;
    socklen_t length = 4;

    (void)argument;
    world_result(w, "get NULL", WORLD_CALL(w, getsockopt, w->fd[s], SOL_SOCKET, SO_TYPE, NULL,
                                           &length));
    world_result(w, "get, no length",
                 WORLD_CALL(w, getsockopt, w->fd[s], SOL_SOCKET, SO_TYPE, &value, NULL));
    world_result(w, "set NULL",
                 WORLD_CALL(w, setsockopt, w->fd[s], SOL_SOCKET, SO_KEEPALIVE, NULL, 4));
    world_result(w, "bad fd", WORLD_CALL(w, getsockopt, 999, SOL_SOCKET, SO_TYPE, &value, &length));
}

static void lengths_are_as_in_linux(void **state)
{
    (void)state;
    same_for(lengths, 26, "lengths less one");
    same_for(pointers, 1, "pointers");
}

/* ---- structs and strings ----------------------------------------------------------------------------------- */

static void linger_of(struct world *w, int s, int on, int seconds)
{
    struct linger l = {on, seconds};
    socklen_t length = sizeof l;

    world_result(w, "linger",
                 WORLD_CALL(w, setsockopt, w->fd[s], SOL_SOCKET, SO_LINGER, &l, sizeof l));
    memset(&l, 0x55, sizeof l);
    world_result(w, "linger",
                 WORLD_CALL(w, getsockopt, w->fd[s], SOL_SOCKET, SO_LINGER, &l, &length));
    world_note(w, "  %d %d\n", l.l_onoff, l.l_linger);
}

static void limit_of(struct world *w, int s, int name, long seconds, long us)
{
    struct timeval t = {.tv_sec = seconds, .tv_usec = us};
    socklen_t length = sizeof t;

    world_result(w, "limit", WORLD_CALL(w, setsockopt, w->fd[s], SOL_SOCKET, name, &t, sizeof t));
    t = (struct timeval){0};
    world_result(w, "limit", WORLD_CALL(w, getsockopt, w->fd[s], SOL_SOCKET, name, &t, &length));
    if (seconds >= 0 && us % 10000 == 0) /* Linux counts in jiffies */
        world_note(w, "  %ld.%06ld\n", (long)t.tv_sec, (long)t.tv_usec);
}

static void congestion_of(struct world *w, int s, const char *name)
{
    char told[32] = "";
    socklen_t length = sizeof told;

    world_result(w, "congestion", WORLD_CALL(w, setsockopt, w->fd[s], IPPROTO_TCP, TCP_CONGESTION,
                                             name, (socklen_t)strlen(name)));
    if (strcmp(name, "reno") != 0 && strcmp(name, "cubic") != 0)
        return;
    world_result(w, "congestion",
                 WORLD_CALL(w, getsockopt, w->fd[s], IPPROTO_TCP, TCP_CONGESTION, told, &length));
    world_note(w, "  %s %u\n", told, length);
}

static void structs(struct world *w, int argument)
{
    int s = world_socket(w, 0);

    (void)argument;
    linger_of(w, s, 1, 7);
    linger_of(w, s, 5, 0);
    linger_of(w, s, 0, 9);
    limit_of(w, s, SO_RCVTIMEO, 3, 200000);
    limit_of(w, s, SO_RCVTIMEO, 0, 0);
    limit_of(w, s, SO_RCVTIMEO, 1, 1000000);
    limit_of(w, s, SO_RCVTIMEO, 1, -1);
    limit_of(w, s, SO_SNDTIMEO, -1, 0);
    limit_of(w, s, SO_SNDTIMEO, 100000, 0);
    congestion_of(w, s, "reno");
    congestion_of(w, s, "cubic");
    congestion_of(w, s, "nonesuch");
    congestion_of(w, s, "");
}

static void structs_are_as_in_linux(void **state)
{
    (void)state;
    same_for(structs, 1, "structs");
}

/* ---- TCP_INFO ------------------------------------------------------------------------------------------------ */

static void info_of(struct world *w, int s)
{
    struct tcp_info i;
    socklen_t length = sizeof i;

    world_result(w, "info", WORLD_CALL(w, getsockopt, w->fd[s], IPPROTO_TCP, TCP_INFO, &i, &length));
    world_note(w, "  %u bytes: state %u ca %u retransmits %u probes %u backoff %u unacked %u "
                  "lost %u retrans %u total %u\n",
               length, i.tcpi_state, i.tcpi_ca_state, i.tcpi_retransmits, i.tcpi_probes,
               i.tcpi_backoff, i.tcpi_unacked, i.tcpi_lost, i.tcpi_retrans, i.tcpi_total_retrans);
}

static void info_lengths(struct world *w, int s)
{
    static const socklen_t lengths_of[] = {0, 1, 8, 100, 104, 192, 232, 280};

    for (size_t k = 0; k < sizeof lengths_of / sizeof lengths_of[0]; k++) {
        uint8_t bytes[512];
        socklen_t length = lengths_of[k];

        world_result(w, "info",
                     WORLD_CALL(w, getsockopt, w->fd[s], IPPROTO_TCP, TCP_INFO, bytes, &length));
        world_note(w, "  %u\n", length);
    }
}

static void info(struct world *w, int argument)
{
    struct world_pair c = world_connected(w);

    (void)argument;
    info_of(w, c.client);
    info_of(w, c.listener == c.client ? c.client : c.server);
    world_send(w, c.client, "hello", 5, 0);
    world_recv(w, c.server, 10, 0);
    world_send(w, c.server, "answer", 6, 0);
    world_recv(w, c.client, 10, 0);
    info_of(w, c.client);
    info_lengths(w, c.client);
}

static void info_is_as_in_linux(void **state)
{
    (void)state;
    same_for(info, 1, "TCP_INFO");
}

/* Every option at its ends, before connect() and before listen(): none of them is in the way. */
static void all_options(struct world *w, int which)
{
    int l = world_socket(w, 0), s = world_socket(w, 0);

    for (size_t i = 0; i < NUMBERS; i++) {
        const struct number_row *r = &numbers[i];
        int value = r->values[which < r->count ? which : r->count - 1];

        if (r->name == TCP_DEFER_ACCEPT && r->level == IPPROTO_TCP)
            continue; /* no text is sent */
        if (r->name == IPV6_V6ONLY && r->level == IPPROTO_IPV6 && w->family == WORLD_MAPPED)
            continue; /* nobody would come */
        world_set(w, l, r->level, r->name, value);
        world_set(w, s, r->level, r->name, value);
    }
    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    world_connect(w, s, WORLD_OWN, w->port);
    world_accept(w, l, 0);
    world_note(w, "state %d\n", world_state(w, s));
}

static void options_hold_from_the_syn_on(void **state)
{
    (void)state;
    same_for(all_options, 8, "options of all kinds");
}

/* ---- fcntl, ioctl --------------------------------------------------------------------------------------------- */

static void flags(struct world *w, int argument)
{
    int s = world_socket(w, argument ? SOCK_NONBLOCK | SOCK_CLOEXEC : 0), on = 1;

    world_result(w, "F_GETFL", WORLD_CALL(w, fcntl, w->fd[s], F_GETFL, 0));
    world_result(w, "F_GETFD", WORLD_CALL(w, fcntl, w->fd[s], F_GETFD, 0));
    world_result(w, "F_SETFL", WORLD_CALL(w, fcntl, w->fd[s], F_SETFL, O_NONBLOCK | O_RDONLY));
    world_result(w, "F_GETFL", WORLD_CALL(w, fcntl, w->fd[s], F_GETFL, 0));
    world_result(w, "F_SETFL", WORLD_CALL(w, fcntl, w->fd[s], F_SETFL, 0));
    world_result(w, "F_GETFL", WORLD_CALL(w, fcntl, w->fd[s], F_GETFL, 0));
    world_result(w, "FIONBIO", WORLD_CALL(w, ioctl, w->fd[s], FIONBIO, &on));
    world_result(w, "F_GETFL", WORLD_CALL(w, fcntl, w->fd[s], F_GETFL, 0));
    world_result(w, "F_SETFD", WORLD_CALL(w, fcntl, w->fd[s], F_SETFD, FD_CLOEXEC));
    world_result(w, "F_GETFD", WORLD_CALL(w, fcntl, w->fd[s], F_GETFD, 0));
    world_result(w, "ioctl", WORLD_CALL(w, ioctl, w->fd[s], 0x1234, &on));
    world_result(w, "fcntl", WORLD_CALL(w, fcntl, 999, F_GETFL, 0));
    world_result(w, "ioctl", WORLD_CALL(w, ioctl, 999, FIONREAD, &on));
}

static void flags_are_as_in_linux(void **state)
{
    (void)state;
    same_for(flags, 2, "flags");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_number_is_as_in_linux), cmocka_unit_test(lengths_are_as_in_linux),
        cmocka_unit_test(structs_are_as_in_linux),    cmocka_unit_test(info_is_as_in_linux),
        cmocka_unit_test(flags_are_as_in_linux),      cmocka_unit_test(options_hold_from_the_syn_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
