/* SPDX-License-Identifier: MIT */
/*
 * test_families.c - AF_INET and AF_INET6 sockets beside each other, held against Linux's: who has which
 * port, who is reached from where and by which name, and what IPV6_V6ONLY forbids.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "support/socket_world.h"

/* ---- kinds of names ------------------------------------------------------------------------------------ */

/* A socket and what it is bound to, or a destination. */
struct kind {
    const char *name, *address;
    sa_family_t family;
    bool v6only;
};

static const struct kind kinds[] = {
    {"0.0.0.0", "0.0.0.0", AF_INET, false},
    {"127.0.0.1", "127.0.0.1", AF_INET, false},
    {"::", "::", AF_INET6, false},
    {"::, v6only", "::", AF_INET6, true},
    {"fd7f::1", "fd7f::1", AF_INET6, false},
    {"fd7f::1, v6only", "fd7f::1", AF_INET6, true},
    {"mapped 0.0.0.0", "::ffff:0.0.0.0", AF_INET6, false},
    {"mapped 127.0.0.1", "::ffff:127.0.0.1", AF_INET6, false},
    {"nothing", NULL, AF_INET6, false},
    {"nothing, v6only", NULL, AF_INET6, true},
};

#define KINDS ((int)(sizeof kinds / sizeof kinds[0]))

static socklen_t name_of(sa_family_t family, const char *text, int port, struct sockaddr_storage *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};

    memset(out, 0, sizeof *out);
    if (family == AF_INET) {
        assert_int_equal(inet_pton(AF_INET, text, &in.sin_addr), 1);
        memcpy(out, &in, sizeof in);
        return sizeof in;
    }
    assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
    memcpy(out, &in6, sizeof in6);
    return sizeof in6;
}

static int bind_to(struct world *w, int slot, sa_family_t family, const char *text, int port)
{
    struct sockaddr_storage a;
    socklen_t n = name_of(family, text, port, &a);

    world_note(w, "to %s: ", text);
    world_result(w, "bind", WORLD_CALL(w, bind, w->fd[slot], (struct sockaddr *)&a, n));
    return slot;
}

static void connect_to(struct world *w, int slot, sa_family_t family, const char *text, int port)
{
    struct sockaddr_storage a;
    socklen_t n = name_of(family, text, port, &a);

    world_note(w, "to %s: ", text);
    world_result(w, "connect", WORLD_CALL(w, connect, w->fd[slot], (struct sockaddr *)&a, n));
    world_getname(w, slot, false);
    world_getname(w, slot, true);
}

static int open_of(struct world *w, sa_family_t family, int type, bool v6only)
{
    int slot = world_slot(w, WORLD_CALL(w, socket, family, type | SOCK_NONBLOCK, 0));

    if (v6only)
        world_set(w, slot, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    return slot;
}

/* The socket of a kind, bound. */
static int made(struct world *w, const struct kind *k, int type, bool reuse, int port)
{
    int slot = open_of(w, k->family, type, k->v6only);

    if (reuse)
        world_set(w, slot, SOL_SOCKET, SO_REUSEADDR, 1);
    if (k->address)
        bind_to(w, slot, k->family, k->address, port);
    world_getname(w, slot, false);
    if (k->family == AF_INET6)
        world_get(w, slot, IPPROTO_IPV6, IPV6_V6ONLY);
    return slot;
}

/* ---- programs ------------------------------------------------------------------------------------------- */

/* Two sockets that want one port. */
static void two_of_a_port(struct world *w, int i)
{
    const struct kind *first = &kinds[i % KINDS], *second = &kinds[i / KINDS % KINDS];
    int type = i / KINDS / KINDS & 1 ? SOCK_DGRAM : SOCK_STREAM;
    bool reuse = i / KINDS / KINDS & 2;
    int a, b;

    if (!first->address || !second->address) {
        world_note(w, "-\n");
        return;
    }
    world_note(w, "%s and %s\n", first->name, second->name);
    a = made(w, first, type, reuse, w->port);
    if (type == SOCK_STREAM && !reuse)
        world_listen(w, a, 3);
    b = made(w, second, type, reuse, w->port);
    if (type == SOCK_DGRAM)
        return;
    world_listen(w, b, 3);
    world_listen(w, a, 3);
}

static const struct {
    sa_family_t family;
    const char *address;
} destinations[] = {
    {AF_INET, "127.0.0.1"},       {AF_INET6, "::ffff:127.0.0.1"}, {AF_INET6, "fd7f::1"},
    {AF_INET6, "fd09::2"},        {AF_INET6, "fe80::1"},          {AF_INET6, "ff02::1"},
    {AF_INET6, "2001:db8::1"},    {AF_INET6, "::ffff:192.0.2.1"}, {AF_INET6, "::ffff:10.9.9.2"},
};

enum { NO_ROUTE = 6, NO_ROUTE_END = 8 }; /* 2001:db8::1 and ::ffff:192.0.2.1 */

#define DESTINATIONS ((int)(sizeof destinations / sizeof destinations[0]))

/* From each kind of socket to each kind of host; and once more to another, and dissolved. */
static void from_and_to(struct world *w, int i)
{
    const struct kind *k = &kinds[i % KINDS];
    int d = i / KINDS % DESTINATIONS, type = i / KINDS / DESTINATIONS & 1 ? SOCK_DGRAM : SOCK_STREAM;
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int s;

    world_note(w, "from %s\n", k->name);
    if (type == SOCK_DGRAM && strcmp(destinations[d].address, "ff02::1") == 0)
        return; /* the stack sends to no group */
    if (d >= NO_ROUTE && d < NO_ROUTE_END && strncmp(k->name, "mapped", 6) == 0)
        return; /* two things are wrong: docs/sockets.md */
    s = made(w, k, type, false, w->port);
    connect_to(w, s, destinations[d].family, destinations[d].address, w->port + 1);
    world_get(w, s, SOL_SOCKET, SO_ERROR);
    if (type == SOCK_DGRAM)
        return;
    world_result(w, "disconnect", WORLD_CALL(w, connect, w->fd[s], &none, sizeof none));
    world_getname(w, s, false);
}

/* A listener and those who come to it: what both call each other. */
static void who_comes(struct world *w, int i)
{
    const struct kind *k = &kinds[i % KINDS];
    int d = i / KINDS, l, c, child;

    if (d > 2) {
        world_note(w, "-\n");
        return;
    }
    l = made(w, k, SOCK_STREAM, false, k->address ? w->port : 0);
    world_listen(w, l, 3);
    if (!k->address) {
        struct sockaddr_storage a;
        socklen_t n = sizeof a;

        (void)WORLD_CALL(w, getsockname, w->fd[l], (struct sockaddr *)&a, &n);
        w->port = world_port_of(&a); /* listen() has chosen it */
    }
    c = open_of(w, destinations[d].family, SOCK_STREAM, false);
    connect_to(w, c, destinations[d].family, destinations[d].address, w->port);
    child = world_accept(w, l, 0);
    if (child < 0)
        return;
    world_getname(w, child, false);
    world_getname(w, child, true);
    world_get(w, child, SOL_SOCKET, SO_DOMAIN);
    world_send(w, c, "text", 4, 0);
    world_recv(w, child, 10, 0);
}

static void send_to(struct world *w, int slot, sa_family_t family, const char *text, int port)
{
    struct sockaddr_storage a;
    socklen_t n = name_of(family, text, port, &a);

    world_note(w, "to %s: ", text);
    world_result(w, "sendto",
                 WORLD_CALL(w, sendto, w->fd[slot], text, strlen(text), 0, (struct sockaddr *)&a, n));
}

static void receive(struct world *w, int slot)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    char text[64] = "", from[64];
    long result = WORLD_CALL(w, recvfrom, w->fd[slot], text, sizeof text - 1, 0, (struct sockaddr *)&a, &n);

    world_result(w, "recvfrom", result);
    if (result >= 0)
        world_note(w, "  '%s' from %s (%u)\n", text, world_address_text(&a, from), n);
}

/* One UDP socket and all that can be said to it, and that it can say. */
static void datagrams(struct world *w, int i)
{
    const struct kind *k = &kinds[i];
    int s, four = open_of(w, AF_INET, SOCK_DGRAM, false), six = open_of(w, AF_INET6, SOCK_DGRAM, false);

    if (!k->address) {
        world_note(w, "-\n");
        return;
    }
    s = made(w, k, SOCK_DGRAM, false, w->port);
    send_to(w, four, AF_INET, "127.0.0.1", w->port);
    receive(w, s);
    send_to(w, six, AF_INET6, "fd7f::1", w->port);
    receive(w, s);
    send_to(w, six, AF_INET6, "::ffff:127.0.0.1", w->port);
    receive(w, s);
    send_to(w, six, AF_INET, "127.0.0.1", w->port);
    receive(w, s);
    for (int d = 0; d < 3; d++)
        send_to(w, s, destinations[d].family, destinations[d].address, w->port);
    for (int d = 0; d < 3; d++)
        receive(w, s);
    send_to(w, s, AF_INET6, "fd09::2", w->port);
}

static const struct {
    const char *address;
    int type;
} bad[] = {
    {"fe80::1", SOCK_STREAM},     {"fe80::1", SOCK_DGRAM},          {"ff02::1", SOCK_STREAM},
    {"2001:db8::1", SOCK_STREAM}, {"2001:db8::1", SOCK_DGRAM},      {"::ffff:192.0.2.1", SOCK_STREAM},
    {"::ffff:192.0.2.1", SOCK_DGRAM},
};

#define BAD ((int)(sizeof bad / sizeof bad[0]))

/* Names that nobody can be bound to, before and after a good one. */
static void bad_names(struct world *w, int i)
{
    int s = open_of(w, AF_INET6, bad[i % BAD].type, i >= BAD);

    bind_to(w, s, AF_INET6, bad[i % BAD].address, w->port);
    bind_to(w, s, AF_INET, "127.0.0.1", w->port);
    world_getname(w, s, false);
    bind_to(w, s, AF_INET6, "::", w->port);
    bind_to(w, s, AF_INET6, bad[i % BAD].address, w->port);
    world_set(w, s, IPPROTO_IPV6, IPV6_V6ONLY, 0);
}

/* ---- the runs ------------------------------------------------------------------------------------------- */

static void compare(const char *label, void (*program)(struct world *w, int argument), int count)
{
    unsigned differ = 0;

    if (!world_kernel_ready())
        skip();
    for (int i = 0; i < count; i++)
        differ += !world_compare(WORLD_IPV4, label, program, i);
    assert_int_equal(differ, 0);
}

#define COMPARED(program, count)                                                                   \
    static void program##_compared(void **state)                                                   \
    {                                                                                              \
        (void)state;                                                                               \
        compare(#program, program, count);                                                         \
    }

COMPARED(two_of_a_port, KINDS *KINDS * 4)
COMPARED(from_and_to, KINDS *DESTINATIONS * 2)
COMPARED(who_comes, KINDS * 3)
COMPARED(datagrams, KINDS)
COMPARED(bad_names, BAD * 2)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_of_a_port_compared), cmocka_unit_test(from_and_to_compared),
        cmocka_unit_test(who_comes_compared),     cmocka_unit_test(datagrams_compared),
        cmocka_unit_test(bad_names_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
