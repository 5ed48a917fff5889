/* SPDX-License-Identifier: MIT */
/*
 * test_sequences.c - programs of several calls, on Linux's sockets and on ours: ports, text, urgent
 * text, ends, backlogs.
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
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/socket_world.h"

/* ---- sockets and ports ----------------------------------------------------------------------------------- */

static void socket_arguments(struct world *w)
{
    static const int of[][3] = {
        {AF_INET, SOCK_STREAM, 0},        {AF_INET, SOCK_STREAM, IPPROTO_TCP},
        {AF_INET, SOCK_STREAM, IPPROTO_UDP}, {AF_INET, SOCK_STREAM, -1},
        {AF_INET, SOCK_STREAM, 263},      {AF_INET, 77, 0},
        {AF_INET, SOCK_STREAM | 0x40, 0}, {77, SOCK_STREAM, 0},
        {AF_INET, SOCK_SEQPACKET, 0},     {AF_INET6, SOCK_STREAM, 0},
        {AF_UNSPEC, SOCK_STREAM, 0},      {AF_INET, -1, 0},
    };

    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        int fd = WORLD_CALL(w, socket, of[i][0], of[i][1], of[i][2]);

        world_note(w, "%d, %#x, %d: ", of[i][0], (unsigned)of[i][1], of[i][2]);
        world_result(w, "socket", fd < 0 ? fd : 0);
        if (fd >= 0)
            world_slot(w, fd);
    }
}

static void bad_descriptors(struct world *w)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t n = sizeof a;
    char c;

    world_result(w, "bind", WORLD_CALL(w, bind, 999, (struct sockaddr *)&a, n));
    world_result(w, "listen", WORLD_CALL(w, listen, -1, 1));
    world_result(w, "accept", WORLD_CALL(w, accept, 999, NULL, NULL));
    world_result(w, "connect", WORLD_CALL(w, connect, 999, (struct sockaddr *)&a, n));
    world_result(w, "read", WORLD_CALL(w, read, 999, &c, 1));
    world_result(w, "write", WORLD_CALL(w, write, 999, &c, 1));
    world_result(w, "recv", WORLD_CALL(w, recv, 999, &c, 1, 0));
    world_result(w, "send", WORLD_CALL(w, send, 999, &c, 1, 0));
    world_result(w, "shutdown", WORLD_CALL(w, shutdown, 999, 0));
    world_result(w, "close", WORLD_CALL(w, close, 999));
    world_result(w, "getsockname", WORLD_CALL(w, getsockname, 999, (struct sockaddr *)&a, &n));
}

static void bind_lengths(struct world *w)
{
    struct sockaddr_storage a = world_address(w, INADDR_ANY, w->port);
    socklen_t length = world_address_length(w);
    int s = world_socket(w, 0);

    for (socklen_t n = 0; n <= length; n += 4)
        world_result(w, "bind", WORLD_CALL(w, bind, w->fd[s], (struct sockaddr *)&a, n));
    world_result(w, "bind", WORLD_CALL(w, bind, w->fd[s], (struct sockaddr *)&a, 4000));
    world_result(w, "again", WORLD_CALL(w, bind, w->fd[s], (struct sockaddr *)&a, length));
    s = world_socket(w, 0);
    a.ss_family = w->family == WORLD_IPV4 ? AF_INET6 : AF_INET;
    world_result(w, "family", WORLD_CALL(w, bind, w->fd[s], (struct sockaddr *)&a, length));
}

static void name_lengths(struct world *w)
{
    uint8_t bytes[40];
    int s = world_socket(w, 0);

    world_bind(w, s, WORLD_OWN, w->port);
    for (socklen_t n = 0; n <= 32; n += 4) {
        socklen_t told = n;

        memset(bytes, 0xaa, sizeof bytes);
        world_result(w, "getsockname", WORLD_CALL(w, getsockname, w->fd[s],
                                                  (struct sockaddr *)(void *)bytes, &told));
        world_note(w, "  %u; %02x %02x\n", told, bytes[4], bytes[n]);
    }
}

static void bind_to_any_port(struct world *w)
{
    int a = world_socket(w, 0), b = world_socket(w, 0);

    world_bind(w, a, WORLD_OWN, 0);
    world_getname(w, a, false);
    world_bind(w, b, INADDR_ANY, 0);
    world_getname(w, b, false);
}

/* Two sockets and one port: `i` says which of them reuse, are for any address, listen. */
static void two_of_a_port(struct world *w, int i)
{
    int a = world_socket(w, 0), b = world_socket(w, 0);

    world_set(w, a, SOL_SOCKET, i & 32 ? SO_REUSEPORT : SO_REUSEADDR, i & 1);
    world_set(w, b, SOL_SOCKET, i & 32 ? SO_REUSEPORT : SO_REUSEADDR, i >> 1 & 1);
    world_bind(w, a, i & 4 ? INADDR_ANY : WORLD_OWN, w->port);
    if (i & 8)
        world_listen(w, a, 3);
    world_bind(w, b, i & 16 ? INADDR_ANY : WORLD_OWN, w->port);
    if (!(i & 32)) { /* one listener has the port in the stack */
        world_listen(w, b, 3);
        world_listen(w, a, 3);
    }
}

static void other_address_same_port(struct world *w)
{
    int a = world_socket(w, 0), b = world_socket(w, 0);

    world_bind(w, a, WORLD_OWN, w->port);
    world_listen(w, a, 3);
    world_bind(w, b, WORLD_FAR_OWN, w->port);
    world_listen(w, b, 3);
    world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
    world_connect(w, world_socket(w, 0), WORLD_FAR_OWN, w->port);
    world_accept(w, a, 0);
    world_accept(w, b, 0);
}

/* After a connection that we closed first, its port rests in TIME-WAIT. */
static void rebind_after(struct world *w, bool reuse, bool still_open)
{
    struct world_pair c = world_connected(w);
    int again = world_socket(w, 0);

    world_close_slot(w, c.listener);
    if (!still_open) {
        world_shutdown(w, c.server, SHUT_WR);
        world_await(w, c.client, TCP_CLOSE_WAIT);
        world_close_slot(w, c.client);
        world_await(w, c.server, TCP_CLOSE);
        world_close_slot(w, c.server);
    }
    world_set(w, again, SOL_SOCKET, SO_REUSEADDR, reuse);
    world_bind(w, again, INADDR_ANY, w->port);
    world_listen(w, again, 1);
}

static void rebind(struct world *w, int i)
{
    rebind_after(w, i & 1, i & 2);
}

static void connect_from_bound(struct world *w)
{
    int l = world_socket(w, 0), s = world_socket(w, 0), other = world_socket(w, 0);

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    world_set(w, s, SOL_SOCKET, SO_REUSEADDR, 1);
    world_set(w, other, SOL_SOCKET, SO_REUSEADDR, 1);
    world_bind(w, s, WORLD_OWN, w->port + 3000);
    world_bind(w, other, WORLD_OWN, w->port + 3000);
    world_connect(w, s, WORLD_OWN, w->port);
    world_connect(w, other, WORLD_OWN, w->port);
    world_getname(w, s, false);
    world_getname(w, s, true);
}

static void connect_nowhere(struct world *w)
{
    int s = world_socket(w, SOCK_NONBLOCK);

    world_connect(w, s, WORLD_MULTICAST, 9);
    world_connect(w, s, 0xffffffffu, 9);       /* broadcast */
    world_connect(w, s, WORLD_FAR | 0xff, 9);  /* that of the link */
    world_connect(w, s, WORLD_NOWHERE, 9);
    world_connect(w, s, WORLD_FAR, 9);
}

/* ---- text ------------------------------------------------------------------------------------------------------ */

static void flags_of_receive(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "abcdefghij", 10, 0);
    world_recv(w, c.server, 4, MSG_PEEK);
    world_recv(w, c.server, 100, MSG_PEEK | MSG_DONTWAIT);
    world_recv(w, c.server, 3, MSG_TRUNC);
    world_recv(w, c.server, 100, MSG_PEEK | MSG_TRUNC);
    world_ioctl(w, c.server, FIONREAD, "FIONREAD");
    world_recv(w, c.server, 7, MSG_WAITALL);
    world_recv(w, c.server, 7, MSG_WAITALL | MSG_DONTWAIT);
    world_send(w, c.client, "klm", 3, 0);
    world_recv(w, c.server, 7, MSG_WAITALL | MSG_DONTWAIT);
    world_recv(w, c.server, 0, MSG_DONTWAIT);
}

static void low_water(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_set(w, c.client, IPPROTO_TCP, TCP_NODELAY, 1);
    world_set(w, c.server, SOL_SOCKET, SO_RCVLOWAT, 8);
    world_send(w, c.client, "abcde", 5, 0);
    world_poll(w, c.server, POLLIN, 0);
    world_recv(w, c.server, 2, MSG_DONTWAIT);
    world_send(w, c.client, "fghij", 5, 0);
    world_poll(w, c.server, POLLIN, 0);
    world_recv(w, c.server, 20, 0);
    world_send(w, c.client, "k", 1, 0);
    world_set(w, c.server, SOL_SOCKET, SO_RCVLOWAT, 1);
    world_poll(w, c.server, POLLIN, 0);
}

static void vectors(struct world *w)
{
    struct world_pair c = world_connected(w);
    volatile int negative = -1, many = 1025; /* the compiler knows writev, and would object */
    char a[4] = "", b[8] = "";
    struct iovec out[] = {{"one ", 4}, {NULL, 0}, {"two", 3}};
    struct iovec in[] = {{a, 3}, {b, 0}, {b, 7}};
    struct msghdr m = {.msg_iov = in, .msg_iovlen = 3, .msg_name = a, .msg_namelen = 4};

    world_result(w, "writev", WORLD_CALL(w, writev, w->fd[c.client], out, 3));
    world_result(w, "recvmsg", WORLD_CALL(w, recvmsg, w->fd[c.server], &m, MSG_PEEK));
    world_note(w, "  %s|%s, flags %#x, name %u\n", a, b, (unsigned)m.msg_flags, m.msg_namelen);
    memset(b, 0, sizeof b);
    world_result(w, "readv", WORLD_CALL(w, readv, w->fd[c.server], in, 3));
    world_note(w, "  %s|%s\n", a, b);
    world_result(w, "writev", WORLD_CALL(w, writev, w->fd[c.client], out, negative));
    world_result(w, "writev", WORLD_CALL(w, writev, w->fd[c.client], out, many));
    m = (struct msghdr){.msg_iov = in, .msg_iovlen = 1025};
    world_result(w, "sendmsg", WORLD_CALL(w, sendmsg, w->fd[c.client], &m, 0));
    world_result(w, "sendmsg", WORLD_CALL(w, sendmsg, w->fd[c.client], NULL, 0));
    out[1].iov_len = 5;
    world_result(w, "send NULL", WORLD_CALL(w, send, w->fd[c.client], NULL, 5, 0));
}

static void sendto_and_from(struct world *w)
{
    struct world_pair c = world_connected(w);
    struct sockaddr_storage a = world_address(w, INADDR_ANY, 0), from = {0};
    socklen_t length = sizeof from;
    char text[8] = "";

    world_result(w, "sendto", WORLD_CALL(w, sendto, w->fd[c.client], "abc", 3, 0,
                                         (struct sockaddr *)&a, world_address_length(w)));
    world_result(w, "recvfrom", WORLD_CALL(w, recvfrom, w->fd[c.server], text, 8, 0,
                                           (struct sockaddr *)&from, &length));
    world_note(w, "  %s %u\n", text, length);
}

static void inq(struct world *w)
{
    struct world_pair c = world_connected(w);
    char text[4], control[64];
    struct iovec in = {text, 4};
    struct msghdr m = {
        .msg_iov = &in, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *h;
    int told = -1;

    world_set(w, c.server, IPPROTO_TCP, TCP_INQ, 1);
    world_send(w, c.client, "abcdefghij", 10, 0);
    world_result(w, "recvmsg", WORLD_CALL(w, recvmsg, w->fd[c.server], &m, 0));
    h = CMSG_FIRSTHDR(&m);
    if (h)
        memcpy(&told, CMSG_DATA(h), sizeof told);
    world_note(w, "  %zu bytes, level %d type %d: %d\n", (size_t)m.msg_controllen,
               h ? h->cmsg_level : -1, h ? h->cmsg_type : -1, told);
}

/* MSG_TRUNC throws text away, and so needs no place for it. */
static void thrown_away(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "abcdefghij", 10, 0);
    world_result(w, "recv", WORLD_CALL(w, recv, w->fd[c.server], NULL, 4, MSG_TRUNC));
    world_result(w, "recv", WORLD_CALL(w, recv, w->fd[c.server], NULL, 3, MSG_TRUNC | MSG_PEEK));
    world_recv(w, c.server, 100, 0);
    world_result(w, "recv", WORLD_CALL(w, recv, w->fd[c.server], NULL, 0, MSG_DONTWAIT));
    world_result(w, "read", WORLD_CALL(w, read, w->fd[c.server], NULL, 0));
}

/* ---- urgent text -------------------------------------------------------------------------------------------------- */

static void urgent(struct world *w, int inline_)
{
    struct world_pair c = world_connected(w);

    world_set(w, c.client, IPPROTO_TCP, TCP_NODELAY, 1);
    world_set(w, c.server, SOL_SOCKET, SO_OOBINLINE, inline_);
    world_send(w, c.client, "abc", 3, 0);
    world_send(w, c.client, "dU", 2, MSG_OOB);
    world_send(w, c.client, "xyz", 3, 0);
    world_poll(w, c.server, POLLIN | POLLPRI, 0);
    world_ioctl(w, c.server, SIOCATMARK, "SIOCATMARK");
    world_recv(w, c.server, 1, MSG_OOB | MSG_PEEK);
    world_recv(w, c.server, 2, 0);
    world_recv(w, c.server, 20, MSG_PEEK);
    world_recv(w, c.server, 20, 0);
    world_ioctl(w, c.server, SIOCATMARK, "SIOCATMARK");
    world_recv(w, c.server, 1, MSG_OOB);
    world_recv(w, c.server, 1, MSG_OOB);
    world_poll(w, c.server, POLLIN | POLLPRI, 0);
    world_recv(w, c.server, 20, MSG_PEEK);
    world_recv(w, c.server, 20, 0);
    world_poll(w, c.server, POLLIN | POLLPRI, 0);
    world_recv(w, c.server, 1, MSG_OOB | MSG_DONTWAIT);
    world_recv(w, c.server, 20, MSG_DONTWAIT);
}

static void urgent_alone(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "U", 1, MSG_OOB);
    world_poll(w, c.server, POLLIN | POLLPRI, 0);
    world_ioctl(w, c.server, SIOCATMARK, "SIOCATMARK");
    world_recv(w, c.server, 20, MSG_DONTWAIT);
    world_recv(w, c.server, 1, MSG_OOB);
    world_send(w, c.client, "V", 1, MSG_OOB);
    world_recv(w, c.server, 1, MSG_OOB);
    world_recv(w, c.server, 20, MSG_DONTWAIT);
}

static void urgent_twice(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "aU", 2, MSG_OOB);
    world_send(w, c.client, "bV", 2, MSG_OOB);
    world_recv(w, c.server, 1, MSG_OOB);
    world_recv(w, c.server, 20, 0);
    world_recv(w, c.server, 20, MSG_DONTWAIT);
}

/* ---- ends ----------------------------------------------------------------------------------------------------------- */

static void end_with_text(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "last", 4, 0);
    world_shutdown(w, c.client, SHUT_WR);
    world_await(w, c.server, TCP_CLOSE_WAIT);
    world_poll(w, c.server, POLLIN | POLLOUT | POLLRDHUP, 0);
    world_ioctl(w, c.server, FIONREAD, "FIONREAD");
    world_recv(w, c.server, 2, 0);
    world_recv(w, c.server, 20, MSG_WAITALL);
    world_recv(w, c.server, 20, 0);
    world_send(w, c.server, "answer", 6, 0);
    world_recv(w, c.client, 20, 0);
    world_close_slot(w, c.server);
    world_recv(w, c.client, 20, 0);
    world_await(w, c.client, TCP_CLOSE);
}

/* RFC 9293 section 3.6.1: what nobody received is answered with a RST. */
static void close_with_text_unread(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_send(w, c.client, "unread", 6, 0);
    world_close_slot(w, c.server);
    world_poll(w, c.client, POLLIN | POLLOUT | POLLRDHUP, 0);
    world_recv(w, c.client, 10, 0);
    world_recv(w, c.client, 10, 0);
    world_send(w, c.client, "x", 1, 0);
}

static void text_for_nobody(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_close_slot(w, c.server);
    world_await(w, c.client, TCP_CLOSE_WAIT);
    world_send(w, c.client, "x", 1, 0);
    world_poll(w, c.client, POLLIN | POLLOUT | POLLRDHUP, 0);
    world_send(w, c.client, "x", 1, 0);
    world_send(w, c.client, "x", 1, 0);
    world_get(w, c.client, SOL_SOCKET, SO_ERROR);
    world_recv(w, c.client, 10, 0);
}

static void text_after_both_were_shut(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_shutdown(w, c.server, SHUT_RDWR);
    world_await(w, c.server, TCP_FIN_WAIT2);
    world_send(w, c.client, "x", 1, 0);
    world_poll(w, c.server, POLLIN | POLLOUT | POLLRDHUP, 0);
    world_poll(w, c.client, POLLIN | POLLOUT | POLLRDHUP, 0);
    world_recv(w, c.server, 10, MSG_DONTWAIT);
    world_recv(w, c.client, 10, MSG_DONTWAIT);
}

static void text_after_reading_was_shut(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_shutdown(w, c.server, SHUT_RD);
    world_recv(w, c.server, 10, 0);
    world_send(w, c.client, "still", 5, 0);
    world_recv(w, c.server, 10, 0);
    world_recv(w, c.server, 10, 0);
    world_send(w, c.server, "and back", 8, 0);
    world_recv(w, c.client, 10, 0);
}

static void close_lingering(struct world *w)
{
    struct world_pair c = world_connected(w);

    world_linger(w, c.client, 5);
    world_send(w, c.client, "text", 4, 0);
    world_close_slot(w, c.client);
    world_recv(w, c.server, 10, 0);
    world_recv(w, c.server, 10, 0);
}

static void close_a_listener(struct world *w)
{
    int l = world_socket(w, 0), s = world_socket(w, 0);

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    world_connect(w, s, WORLD_OWN, w->port);
    world_close_slot(w, l);
    world_poll(w, s, POLLIN | POLLOUT | POLLRDHUP, 0);
    world_recv(w, s, 10, 0);
    world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
}

static void shut_a_listener(struct world *w)
{
    int l = world_socket(w, SOCK_NONBLOCK), s = world_socket(w, 0);

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    world_connect(w, s, WORLD_OWN, w->port);
    world_shutdown(w, l, SHUT_WR);
    world_poll(w, l, POLLIN | POLLOUT, 0);
    world_shutdown(w, l, SHUT_RD);
    world_poll(w, l, POLLIN | POLLOUT, 0);
    world_accept(w, l, 0);
    world_recv(w, s, 10, 0);
    world_listen(w, l, 3);
    world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
    world_accept(w, l, 0);
}

static void accept_what_has_ended(struct world *w)
{
    int l = world_socket(w, 0), s = world_socket(w, 0), a;

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    world_connect(w, s, WORLD_OWN, w->port);
    world_send(w, s, "bye", 3, 0);
    world_close_slot(w, s);
    world_poll(w, l, POLLIN, 0);
    a = world_accept(w, l, 0);
    world_recv(w, a, 10, 0);
    world_recv(w, a, 10, 0);
}

static void accept_what_was_reset(struct world *w)
{
    int l = world_socket(w, 0), s = world_socket(w, 0), a;

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    world_connect(w, s, WORLD_OWN, w->port);
    world_linger(w, s, 0);
    world_close_slot(w, s);
    world_poll(w, l, POLLIN, 0);
    a = world_accept(w, l, 0);
    world_recv(w, a, 10, 0);
    world_recv(w, a, 10, 0);
}

static void accept_inherits(struct world *w)
{
    int l = world_socket(w, SOCK_NONBLOCK), a;

    world_set(w, l, SOL_SOCKET, SO_KEEPALIVE, 1);
    world_set(w, l, IPPROTO_TCP, TCP_NODELAY, 1);
    world_set(w, l, IPPROTO_TCP, TCP_KEEPIDLE, 77);
    world_set(w, l, SOL_SOCKET, SO_RCVBUF, 30000);
    world_linger(w, l, 9);
    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
    a = world_accept(w, l, 0);
    world_get(w, a, SOL_SOCKET, SO_KEEPALIVE);
    world_get(w, a, IPPROTO_TCP, TCP_NODELAY);
    world_get(w, a, IPPROTO_TCP, TCP_KEEPIDLE);
    world_get(w, a, SOL_SOCKET, SO_RCVBUF);
    world_get(w, a, SOL_SOCKET, SO_ACCEPTCONN);
    world_result(w, "F_GETFL", WORLD_CALL(w, fcntl, w->fd[a], F_GETFL, 0));
}

/* A socket that was refused can try again, and one that was closed by its peer cannot. */
static void connect_again(struct world *w)
{
    int s = world_socket(w, 0), l;

    world_connect(w, s, WORLD_OWN, w->port);
    world_connect(w, s, WORLD_OWN, w->port);
    l = world_socket(w, 0);
    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, 3);
    world_connect(w, s, WORLD_OWN, w->port);
    world_connect(w, s, WORLD_OWN, w->port);
    world_send(w, s, "hi", 2, 0);
    world_recv(w, world_accept(w, l, 0), 10, 0);
}

/* With a backlog of n, Linux lets n + 1 wait. */
static void backlog(struct world *w, int n)
{
    int l = world_socket(w, SOCK_NONBLOCK);

    world_bind(w, l, WORLD_OWN, w->port);
    world_listen(w, l, n);
    for (int i = 0; i <= n; i++)
        world_connect(w, world_socket(w, 0), WORLD_OWN, w->port);
    for (int i = 0; i <= n + 1; i++)
        world_accept(w, l, 0);
}

static void mapped(struct world *w)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(w->port)}, told;
    int l = world_slot(w, WORLD_CALL(w, socket, AF_INET6, SOCK_STREAM, 0)), s, k;
    socklen_t n = sizeof told;
    char text[INET6_ADDRSTRLEN];

    world_result(w, "bind", WORLD_CALL(w, bind, w->fd[l], (struct sockaddr *)&a, sizeof a));
    world_get(w, l, IPPROTO_IPV6, IPV6_V6ONLY);
    world_set(w, l, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    world_listen(w, l, 3);
    s = world_socket(w, 0);
    world_connect(w, s, WORLD_OWN, w->port);
    k = world_slot(w, WORLD_CALL(w, accept, w->fd[l], (struct sockaddr *)&told, &n));
    world_note(w, "accept: %u %s\n", n, inet_ntop(AF_INET6, &told.sin6_addr, text, sizeof text));
    world_result(w, "getsockname",
                 WORLD_CALL(w, getsockname, w->fd[k], (struct sockaddr *)&told, &n));
    world_note(w, "  %u %s\n", n, inet_ntop(AF_INET6, &told.sin6_addr, text, sizeof text));
    s = world_slot(w, WORLD_CALL(w, socket, AF_INET6, SOCK_STREAM, 0));
    inet_pton(AF_INET6, "::ffff:127.0.0.1", &a.sin6_addr);
    world_result(w, "connect", WORLD_CALL(w, connect, w->fd[s], (struct sockaddr *)&a, sizeof a));
    s = world_slot(w, WORLD_CALL(w, socket, AF_INET6, SOCK_STREAM, 0));
    world_set(w, s, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    world_result(w, "bind", WORLD_CALL(w, bind, w->fd[s], (struct sockaddr *)&a, sizeof a));
    inet_pton(AF_INET6, "2001:db8::1", &a.sin6_addr);
    world_result(w, "bind", WORLD_CALL(w, bind, w->fd[s], (struct sockaddr *)&a, sizeof a));
    world_result(w, "connect", WORLD_CALL(w, connect, w->fd[s], (struct sockaddr *)&a, sizeof a));
    world_result(w, "short", WORLD_CALL(w, bind, w->fd[s], (struct sockaddr *)&a, 16));
}

/* ---- the run ---------------------------------------------------------------------------------------------------------- */

#define PROGRAMS(X)                                                                                \
    X(socket_arguments) X(bad_descriptors) X(bind_lengths) X(name_lengths) X(bind_to_any_port)     \
    X(other_address_same_port) X(connect_from_bound) X(connect_nowhere) X(flags_of_receive)        \
    X(low_water) X(thrown_away) X(vectors) X(sendto_and_from) X(inq) X(urgent_alone) X(urgent_twice)              \
    X(end_with_text) X(close_with_text_unread) X(text_for_nobody) X(text_after_both_were_shut)     \
    X(text_after_reading_was_shut) X(close_lingering) X(close_a_listener) X(shut_a_listener)       \
    X(accept_what_has_ended) X(accept_what_was_reset) X(accept_inherits) X(connect_again) X(mapped)

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

static void sequences_are_as_in_linux(void **state)
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
    for (int i = 0; i < 64; i++)
        different += world_differ("two_of_a_port", two_of_a_port, i);
    for (int i = 0; i < 4; i++)
        different += world_differ("rebind", rebind, i);
    for (int i = 0; i < 2; i++)
        different += world_differ("urgent", urgent, i);
    for (int i = 1; i < 4; i++)
        different += world_differ("backlog", backlog, i);
    assert_int_equal(different, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sequences_are_as_in_linux),
        cmocka_unit_test(variants_are_as_in_linux),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
