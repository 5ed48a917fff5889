/* SPDX-License-Identifier: MIT */
/*
 * test_datagrams.c - programs of calls on UDP sockets, on Linux's and on ours: names, datagrams, ICMP
 * errors, ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/socket_world.h"

/* ---- calls with names --------------------------------------------------------------------------------- */

static long send_to(struct world *w, int slot, const char *text, size_t n, uint32_t address, int port)
{
    struct sockaddr_storage a = world_address(w, address, port);
    long result = WORLD_CALL(w, sendto, w->fd[slot], text, n, MSG_NOSIGNAL, (struct sockaddr *)&a,
                             world_address_length(w));

    world_settle(w);
    world_result(w, "sendto", result);
    return result;
}

/* recvmsg with room for `n` bytes; the port is noted as which slot's it is. */
static long receive(struct world *w, int slot, size_t n, int flags, uint16_t sender)
{
    char text[256], from[64];
    struct sockaddr_storage a = {0};
    struct iovec iov[2] = {{text, n / 2}, {text + n / 2, n - n / 2}};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = iov, .msg_iovlen = 2};
    long result;

    memset(text, '.', sizeof text);
    result = WORLD_CALL(w, recvmsg, w->fd[slot], &m, flags | MSG_DONTWAIT);
    world_result(w, "recvmsg", result);
    if (result >= 0)
        world_note(w, "  '%.*s' from %s, %s, %u bytes; flags %#x\n", (int)n, text,
                   world_address_text(&a, from), world_port_of(&a) == sender ? "its port" : "another",
                   m.msg_namelen, (unsigned)m.msg_flags);
    return result;
}

static uint16_t port_of(struct world *w, int slot)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;

    (void)WORLD_CALL(w, getsockname, w->fd[slot], (struct sockaddr *)&a, &n);
    return world_port_of(&a);
}

static void addresses(struct world *w, int slot)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    char text[64];

    world_result(w, "getsockname", WORLD_CALL(w, getsockname, w->fd[slot], (struct sockaddr *)&a, &n));
    world_note(w, "  %s, port %s\n", world_address_text(&a, text), world_port_of(&a) ? "chosen" : "0");
    world_getname(w, slot, true);
}

/* A server on w->port, and a client. */
struct ends {
    int server, client;
};

static struct ends two(struct world *w, bool connected)
{
    struct ends e = {world_datagram(w, SOCK_NONBLOCK), world_datagram(w, SOCK_NONBLOCK)};

    world_bind(w, e.server, WORLD_OWN, w->port);
    if (connected)
        world_connect(w, e.client, WORLD_OWN, w->port);
    return e;
}

/* ---- programs ------------------------------------------------------------------------------------------- */

static void socket_arguments(struct world *w, int argument)
{
    static const int of[][3] = {
        {AF_INET, SOCK_DGRAM, 0},  {AF_INET, SOCK_DGRAM, IPPROTO_UDP}, {AF_INET, SOCK_DGRAM, IPPROTO_TCP},
        {AF_INET, SOCK_DGRAM, -1}, {AF_INET, SOCK_DGRAM, 263},         {AF_INET6, SOCK_DGRAM, 0},
        {AF_UNSPEC, SOCK_DGRAM, 0}, {AF_INET, SOCK_DGRAM | 0x40, 0},
    };

    (void)argument;
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        int fd = WORLD_CALL(w, socket, of[i][0], of[i][1], of[i][2]);

        world_result(w, "socket", fd < 0 ? fd : 0);
        if (fd >= 0)
            world_slot(w, fd);
    }
}

static void there_and_back(struct world *w, int connected)
{
    struct ends e = two(w, connected);
    uint16_t client;

    addresses(w, e.client);
    if (connected)
        world_send(w, e.client, "hello", 5, 0);
    else
        send_to(w, e.client, "hello", 5, WORLD_OWN, w->port);
    addresses(w, e.client);
    client = port_of(w, e.client);
    world_poll(w, e.server, POLLIN | POLLOUT | POLLRDHUP, 0);
    world_ioctl(w, e.server, FIONREAD, "FIONREAD");
    receive(w, e.server, 100, 0, client);
    send_to(w, e.server, "answer", 6, WORLD_OWN, client);
    receive(w, e.client, 100, 0, w->port);
    receive(w, e.client, 100, 0, w->port);
    world_poll(w, e.client, POLLIN | POLLOUT, 0);
}

/* Datagrams of many lengths into rooms of many: what is cut, and what the flags make of it. */
static void pieces(struct world *w, int flags)
{
    static const size_t rooms[] = {0, 1, 5, 6, 7, 100};
    struct ends e = two(w, true);
    uint16_t client = port_of(w, e.client);

    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0]; i++) {
        world_send(w, e.client, "abcdef", 6, 0);
        world_send(w, e.client, "", 0, 0);
        world_send(w, e.client, "gh", 2, 0);
        receive(w, e.server, rooms[i], flags | MSG_PEEK, client);
        for (unsigned k = 0; k < 4; k++)
            receive(w, e.server, rooms[i], flags, client);
        world_recv(w, e.server, rooms[i], flags);
    }
}

static void reads_and_writes(struct world *w, int argument)
{
    struct ends e = two(w, true);
    struct iovec iov[3] = {{"one ", 4}, {NULL, 0}, {"two", 3}};
    char text[10];

    (void)argument;
    world_result(w, "writev", WORLD_CALL(w, writev, w->fd[e.client], iov, 3));
    world_result(w, "write", WORLD_CALL(w, write, w->fd[e.client], "three", 5));
    world_settle(w);
    world_result(w, "read 0", WORLD_CALL(w, read, w->fd[e.server], text, 0));
    world_recv(w, e.server, 100, 0);
    world_result(w, "read", WORLD_CALL(w, read, w->fd[e.server], text, 3));
    world_result(w, "read", WORLD_CALL(w, read, w->fd[e.server], text, 3));
}

static void bad_destinations(struct world *w, int connected)
{
    struct ends e = two(w, connected);
    struct sockaddr_storage a = world_address(w, WORLD_OWN, w->port);
    socklen_t length = world_address_length(w);
    static char text[70000];

    if (!connected)
        world_send(w, e.client, "x", 1, 0);
    send_to(w, e.client, "x", 1, WORLD_OWN, 0);
    send_to(w, e.client, "x", 1, WORLD_NOWHERE, 9);
    for (socklen_t n = 0; n <= length; n += 4)
        world_result(w, "sendto", WORLD_CALL(w, sendto, w->fd[e.client], "x", 1, 0,
                                             (struct sockaddr *)&a, n));
    a.ss_family = AF_UNSPEC;
    world_result(w, "unspecified", WORLD_CALL(w, sendto, w->fd[e.client], "x", 1, 0,
                                              (struct sockaddr *)&a, length));
    a.ss_family = AF_UNIX;
    world_result(w, "family", WORLD_CALL(w, sendto, w->fd[e.client], "x", 1, 0,
                                         (struct sockaddr *)&a, length));
    world_settle(w);
    world_send(w, e.server, "x", 1, MSG_OOB);
    for (unsigned i = 0; i < 4; i++) {
        static const size_t lengths[][4] = {
            [WORLD_IPV4] = {65507, 65508, 65535, 65536},
            [WORLD_IPV6] = {65487, 65528, 65535, 65536}, /* between, Linux sends fragments */
            [WORLD_MAPPED] = {65507, 65508, 65535, 65536},
        };

        send_to(w, e.server, text, lengths[w->family][i], WORLD_OWN, w->port);
    }
}

static void calls_of_streams(struct world *w, int argument)
{
    struct ends e = two(w, false);

    (void)argument;
    world_listen(w, e.server, 3);
    world_accept(w, e.server, 0);
    world_get(w, e.server, SOL_SOCKET, SO_TYPE);
    world_get(w, e.server, SOL_SOCKET, SO_PROTOCOL);
    world_get(w, e.server, SOL_SOCKET, SO_RCVBUF);
    world_get(w, e.server, SOL_SOCKET, SO_SNDBUF);
    world_get(w, e.server, SOL_SOCKET, SO_ACCEPTCONN);
    world_get(w, e.server, IPPROTO_TCP, 1);
    world_set(w, e.server, IPPROTO_TCP, 1, 1);
    world_get(w, e.server, IPPROTO_UDP, 77);
    world_set(w, e.server, IPPROTO_IP, IP_TTL, 3);
    world_get(w, e.server, IPPROTO_IP, IP_TTL);
    world_set(w, e.server, SOL_SOCKET, SO_RCVBUF, 1000);
    world_get(w, e.server, SOL_SOCKET, SO_RCVBUF);
    world_ioctl(w, e.server, SIOCATMARK, "SIOCATMARK");
}

/* Who is connected hears of a port that nobody has, once; each bit of `how` is another way to hear. */
static void refused(struct world *w, int how)
{
    int s = world_datagram(w, SOCK_NONBLOCK);

    if (how & 8)
        world_set(w, s, IPPROTO_IP, IP_RECVERR, 1);
    if (how & 4)
        world_bind(w, s, WORLD_OWN, 0);
    else
        world_connect(w, s, WORLD_OWN, w->port);
    for (unsigned i = 0; i < 2; i++) {
        send_to(w, s, "anybody?", 8, WORLD_OWN, w->port);
        if (!(how & 8)) /* an error queue, which we do not have, is told of by POLLERR until it is read */
            world_poll(w, s, POLLIN | POLLOUT, 0);
        if ((how & 3) == 0)
            world_recv(w, s, 10, 0);
        else if ((how & 3) == 1)
            world_get(w, s, SOL_SOCKET, SO_ERROR);
        else if ((how & 3) == 2)
            send_to(w, s, "anybody?", 8, WORLD_OWN, w->port);
    }
    world_recv(w, s, 10, 0);
    world_recv(w, s, 10, 0);
    world_get(w, s, SOL_SOCKET, SO_ERROR);
}

/* An error is told before datagrams that wait. */
static void error_before_text(struct world *w, int argument)
{
    struct ends e = two(w, true);
    uint16_t client = port_of(w, e.client);

    (void)argument;
    send_to(w, e.server, "first", 5, WORLD_OWN, client);
    world_close_slot(w, e.server);
    world_send(w, e.client, "gone?", 5, 0);
    world_poll(w, e.client, POLLIN | POLLOUT, 0);
    receive(w, e.client, 100, 0, w->port);
    receive(w, e.client, 100, 0, w->port);
    receive(w, e.client, 100, 0, w->port);
}

static void connecting_chooses_senders(struct world *w, int argument)
{
    struct ends e = two(w, true);
    int other = world_datagram(w, SOCK_NONBLOCK);
    struct sockaddr_in none = {.sin_family = AF_UNSPEC};
    uint16_t client = port_of(w, e.client);

    (void)argument;
    send_to(w, other, "stranger", 8, WORLD_OWN, client);
    receive(w, e.client, 100, 0, port_of(w, other));
    world_connect(w, e.client, WORLD_OWN, port_of(w, other)); /* again, to another */
    send_to(w, other, "friend", 6, WORLD_OWN, client);
    send_to(w, e.server, "stranger now", 12, WORLD_OWN, client);
    receive(w, e.client, 100, 0, port_of(w, other));
    receive(w, e.client, 100, 0, w->port);
    world_result(w, "disconnect", WORLD_CALL(w, connect, w->fd[e.client], (struct sockaddr *)&none,
                                             sizeof none));
    addresses(w, e.client);
    world_send(w, e.client, "x", 1, 0);
    world_result(w, "disconnect", WORLD_CALL(w, connect, w->fd[e.server], (struct sockaddr *)&none,
                                             sizeof none));
    addresses(w, e.server); /* what bind() chose stays */
}

static void a_route_gives_the_address(struct world *w, int argument)
{
    int s = world_datagram(w, 0);

    (void)argument;
    world_connect(w, s, WORLD_FAR, w->port);
    addresses(w, s);
    world_connect(w, s, WORLD_NOWHERE, w->port);
    addresses(w, s);
    world_bind(w, s, WORLD_OWN, w->port); /* it has a port */
}

static void shut(struct world *w, int how)
{
    struct ends e = two(w, how & 4);
    uint16_t client;

    send_to(w, e.client, "before", 6, WORLD_OWN, w->port);
    client = port_of(w, e.client);
    send_to(w, e.server, "waits", 5, WORLD_OWN, client);
    world_shutdown(w, e.client, how & 3);
    world_poll(w, e.client, POLLIN | POLLOUT | POLLRDHUP, 0);
    receive(w, e.client, 100, 0, w->port);
    world_recv(w, e.client, 100, 0);
    if ((how & 3) != SHUT_WR && (how & 3) <= SHUT_RDWR) { /* one that waits hears of it */
        (void)WORLD_CALL(w, fcntl, w->fd[e.client], F_SETFL, 0);
        world_recv(w, e.client, 100, 0);
    }
    send_to(w, e.client, "after", 5, WORLD_OWN, w->port);
    receive(w, e.server, 100, 0, client);
    receive(w, e.server, 100, 0, client);
}

/* Two sockets and one port: `i` says which of them reuse, and are for any address. */
static void two_of_a_port(struct world *w, int i)
{
    int a = world_datagram(w, SOCK_NONBLOCK), b = world_datagram(w, SOCK_NONBLOCK);
    int c = world_datagram(w, SOCK_NONBLOCK);

    world_set(w, a, SOL_SOCKET, i & 16 ? SO_REUSEPORT : SO_REUSEADDR, i & 1);
    world_set(w, b, SOL_SOCKET, i & 16 ? SO_REUSEPORT : SO_REUSEADDR, i >> 1 & 1);
    world_bind(w, a, i & 4 ? INADDR_ANY : WORLD_OWN, w->port);
    world_bind(w, b, i & 8 ? INADDR_ANY : WORLD_OWN, w->port);
    if (i & 16) /* Linux spreads senders over those */
        return;
    send_to(w, c, "whose?", 6, WORLD_OWN, w->port);
    receive(w, a, 100, 0, port_of(w, c));
    receive(w, b, 100, 0, port_of(w, c));
    send_to(w, c, "whose?", 6, WORLD_FAR_OWN, w->port);
    receive(w, a, 100, 0, port_of(w, c));
    receive(w, b, 100, 0, port_of(w, c));
}

/* A TCP socket's port is another. */
static void ports_of_both_kinds(struct world *w, int argument)
{
    int a = world_datagram(w, 0), b = world_socket(w, 0);

    (void)argument;
    world_bind(w, a, WORLD_OWN, w->port);
    world_bind(w, b, WORLD_OWN, w->port);
    world_listen(w, b, 3);
    world_bind(w, a, WORLD_OWN, w->port + 1);
    world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
}

static void timeouts_pass(struct world *w, int argument)
{
    struct timeval limit = {.tv_usec = 20000};
    int s = world_datagram(w, 0);

    (void)argument;
    world_bind(w, s, WORLD_OWN, w->port);
    world_result(w, "limit", WORLD_CALL(w, setsockopt, w->fd[s], SOL_SOCKET, SO_RCVTIMEO, &limit,
                                        sizeof limit));
    world_recv(w, s, 10, 0);
    world_poll(w, s, POLLIN, 10);
}

/* ---- the runs ------------------------------------------------------------------------------------------- */

static void compare(const char *label, void (*program)(struct world *w, int argument), int from, int to)
{
    unsigned differ = 0;

    if (!world_kernel_ready())
        skip();
    for (int i = from; i < to; i++)
        differ += world_differ(label, program, i);
    assert_int_equal(differ, 0);
}

#define COMPARED(program, from, to)                                                                \
    static void program##_compared(void **state)                                                   \
    {                                                                                              \
        (void)state;                                                                               \
        compare(#program, program, from, to);                                                      \
    }

COMPARED(socket_arguments, 0, 1)
COMPARED(there_and_back, 0, 2)
COMPARED(reads_and_writes, 0, 1)
COMPARED(bad_destinations, 0, 2)
COMPARED(calls_of_streams, 0, 1)
COMPARED(refused, 0, 16)
COMPARED(error_before_text, 0, 1)
COMPARED(connecting_chooses_senders, 0, 1)
COMPARED(a_route_gives_the_address, 0, 1)
COMPARED(shut, 0, 8)
COMPARED(two_of_a_port, 0, 32)
COMPARED(ports_of_both_kinds, 0, 1)
COMPARED(timeouts_pass, 0, 1)

static void pieces_compared(void **state)
{
    static const int flags[] = {0, MSG_TRUNC, MSG_WAITALL};

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        compare("pieces", pieces, flags[i], flags[i] + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(socket_arguments_compared),
        cmocka_unit_test(there_and_back_compared),
        cmocka_unit_test(pieces_compared),
        cmocka_unit_test(reads_and_writes_compared),
        cmocka_unit_test(bad_destinations_compared),
        cmocka_unit_test(calls_of_streams_compared),
        cmocka_unit_test(refused_compared),
        cmocka_unit_test(error_before_text_compared),
        cmocka_unit_test(connecting_chooses_senders_compared),
        cmocka_unit_test(a_route_gives_the_address_compared),
        cmocka_unit_test(shut_compared),
        cmocka_unit_test(two_of_a_port_compared),
        cmocka_unit_test(ports_of_both_kinds_compared),
        cmocka_unit_test(timeouts_pass_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
