/* SPDX-License-Identifier: MIT */
/* socket_calls.c - the calls of socket_world.h, each with its line in the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "support/socket_world.h"

#define STATE_TRIES 10000

int world_slot(struct world *w, int fd)
{
    assert_true(w->slots < WORLD_SLOTS);
    w->fd[w->slots] = fd;
    return w->slots++;
}

static int domain(const struct world *w)
{
    return w->family == WORLD_IPV4 ? AF_INET : AF_INET6;
}

int world_socket(struct world *w, int flags)
{
    return world_slot(w, WORLD_CALL(w, socket, domain(w), SOCK_STREAM | flags, 0));
}

int world_datagram(struct world *w, int flags)
{
    return world_slot(w, WORLD_CALL(w, socket, domain(w), SOCK_DGRAM | flags, 0));
}

int world_bind(struct world *w, int slot, uint32_t address, int port)
{
    struct sockaddr_storage a = world_address(w, address, port);
    int result = WORLD_CALL(w, bind, w->fd[slot], (struct sockaddr *)&a, world_address_length(w));

    world_result(w, "bind", result);
    return result;
}

int world_listen(struct world *w, int slot, int backlog)
{
    int result = WORLD_CALL(w, listen, w->fd[slot], backlog);

    world_result(w, "listen", result);
    return result;
}

int world_connect(struct world *w, int slot, uint32_t address, int port)
{
    struct sockaddr_storage a = world_address(w, address, port);
    int result =
        WORLD_CALL(w, connect, w->fd[slot], (struct sockaddr *)&a, world_address_length(w));

    world_result(w, "connect", result);
    return result;
}

int world_accept(struct world *w, int slot, int flags)
{
    struct sockaddr_storage a = {0};
    socklen_t length = sizeof a;
    char text[64];
    int fd = WORLD_CALL(w, accept4, w->fd[slot], (struct sockaddr *)&a, &length, flags);

    world_result(w, "accept", fd < 0 ? fd : 0);
    if (fd < 0)
        return -1;
    world_note(w, "  from %s, %u bytes\n", world_address_text(&a, text), length);
    return world_slot(w, fd);
}

int world_shutdown(struct world *w, int slot, int how)
{
    int result = WORLD_CALL(w, shutdown, w->fd[slot], how);

    world_result(w, "shutdown", result);
    return result;
}

int world_close_slot(struct world *w, int slot)
{
    int result = WORLD_CALL(w, close, w->fd[slot]);

    w->fd[slot] = -1;
    world_result(w, "close", result);
    return result;
}

long world_send(struct world *w, int slot, const char *text, size_t n, int flags)
{
    long result = WORLD_CALL(w, send, w->fd[slot], text, n, flags | MSG_NOSIGNAL);

    world_result(w, "send", result);
    return result;
}

long world_recv(struct world *w, int slot, size_t n, int flags)
{
    char text[4096];
    long result;

    assert_true(n < sizeof text);
    memset(text, '.', sizeof text);
    result = WORLD_CALL(w, recv, w->fd[slot], text, n, flags);
    world_result(w, "recv", result);
    if (result > 0)
        world_note(w, "  '%.*s'\n", (int)(n < 40 ? n : 40), text);
    return result;
}

int world_poll(struct world *w, int slot, int events, int timeout_ms)
{
    struct pollfd f = {.fd = w->fd[slot], .events = (short)events};
    int result = WORLD_CALL(w, poll, &f, 1, timeout_ms);

    world_result(w, "poll", result);
    world_note(w, "  %#x\n", (unsigned)f.revents);
    return f.revents;
}

int world_set(struct world *w, int slot, int level, int name, int value)
{
    int result = WORLD_CALL(w, setsockopt, w->fd[slot], level, name, &value, sizeof value);

    world_note(w, "%d/%d <- %d: ", level, name, value);
    world_result(w, "setsockopt", result);
    return result;
}

int world_get(struct world *w, int slot, int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;
    int result = WORLD_CALL(w, getsockopt, w->fd[slot], level, name, &value, &length);

    world_note(w, "%d/%d: ", level, name);
    world_result(w, "getsockopt", result);
    if (result == 0 && level == SOL_SOCKET && name == SO_ERROR)
        world_note(w, "  %s\n", value ? strerrorname_np(value) : "0");
    else if (result == 0)
        world_note(w, "  %d (%u)\n", value, length);
    return value;
}

int world_ioctl(struct world *w, int slot, unsigned long request, const char *name)
{
    int value = -1;
    int result = WORLD_CALL(w, ioctl, w->fd[slot], request, &value);

    world_result(w, name, result);
    if (result == 0)
        world_note(w, "  %d\n", value);
    return value;
}

int world_getname(struct world *w, int slot, bool peer)
{
    struct sockaddr_storage a = {0};
    socklen_t length = sizeof a;
    char text[64];
    int result = peer ? WORLD_CALL(w, getpeername, w->fd[slot], (struct sockaddr *)&a, &length)
                      : WORLD_CALL(w, getsockname, w->fd[slot], (struct sockaddr *)&a, &length);

    world_result(w, peer ? "getpeername" : "getsockname", result);
    if (result == 0) /* which port was chosen is nobody's business */
        world_note(w, "  %d %s %s (%u)\n", a.ss_family, world_address_text(&a, text),
                   world_port_of(&a) == 0         ? "0"
                   : world_port_of(&a) == w->port ? "the port"
                                                  : "some port",
                   length);
    return result;
}

void world_nonblock(struct world *w, int slot)
{
    int flags = WORLD_CALL(w, fcntl, w->fd[slot], F_GETFL, 0);

    assert_int_equal(WORLD_CALL(w, fcntl, w->fd[slot], F_SETFL, flags | O_NONBLOCK), 0);
}

void world_linger(struct world *w, int slot, int seconds)
{
    struct linger l = {1, seconds};

    world_result(w, "linger",
                 WORLD_CALL(w, setsockopt, w->fd[slot], SOL_SOCKET, SO_LINGER, &l, sizeof l));
}

int world_state(struct world *w, int slot)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    assert_int_equal(WORLD_CALL(w, getsockopt, w->fd[slot], IPPROTO_TCP, TCP_INFO, &info, &length),
                     0);
    return info.tcpi_state;
}

void world_await(struct world *w, int slot, int state)
{
    for (int i = 0; i < STATE_TRIES; i++) {
        world_settle(w);
        if (world_state(w, slot) == state)
            return;
        world_sleep(w, 1);
    }
    fail_msg("%s: state %d, where %d was to come", w->name, world_state(w, slot), state);
}

void world_leave(struct world *w, int slot, int state)
{
    for (int i = 0; i < STATE_TRIES; i++) {
        world_settle(w);
        if (world_state(w, slot) != state)
            return;
        world_sleep(w, 1);
    }
    fail_msg("%s: still in state %d", w->name, state);
}

struct world_pair world_connected(struct world *w)
{
    struct world_pair pair;
    bool quiet = w->quiet;

    w->quiet = true;
    pair.listener = world_socket(w, 0);
    assert_int_equal(world_set(w, pair.listener, SOL_SOCKET, SO_REUSEADDR, 1), 0);
    assert_int_equal(world_bind(w, pair.listener, WORLD_OWN, w->port), 0);
    assert_int_equal(world_listen(w, pair.listener, 5), 0);
    pair.client = world_socket(w, 0);
    assert_int_equal(world_connect(w, pair.client, WORLD_OWN, w->port), 0);
    pair.server = world_accept(w, pair.listener, 0);
    assert_true(pair.server >= 0);
    w->quiet = quiet;
    return pair;
}
