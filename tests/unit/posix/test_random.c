/* SPDX-License-Identifier: MIT */
/*
 * test_random.c - programs of random calls, on Linux's sockets and on ours.
 *
 * Four sockets at a time, all non-blocking, three ports: each step calls something on one of them,
 * whatever its state.  A seed is a program; what differs is shown with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "support/random.h"
#include "support/socket_world.h"

#define PROGRAMS 1500
#define STEPS    24
#define SOCKETS  4

struct random_program {
    uint64_t state;
    int slot[SOCKETS];
};

static unsigned below(struct random_program *r, unsigned n)
{
    return (unsigned)(random_next(&r->state) % n);
}

static void settle_states(struct world *w, const struct random_program *r)
{
    for (int i = 0; i < SOCKETS; i++)
        if (r->slot[i] >= 0)
            world_leave(w, r->slot[i], TCP_FIN_WAIT1); /* Linux may delay that ACK */
}

static void look(struct world *w, int s)
{
    world_note(w, "state %d\n", world_state(w, s));
    world_poll(w, s, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0);
}

/* A socket that was shut for writing connects at once: the connections of one that listens then send
 * their FIN in Linux before they are accepted (docs/sockets.md). */
static void shut(struct world *w, int s, int how)
{
    bool closed = world_state(w, s) == TCP_CLOSE;

    world_shutdown(w, s, closed && how == SHUT_RDWR ? SHUT_RD : how);
    if (closed && how == SHUT_WR)
        world_connect(w, s, WORLD_OWN, w->port);
}

static void step(struct world *w, struct random_program *r)
{
    unsigned which = below(r, SOCKETS), call = below(r, 15), extra = below(r, 3);
    int *s = &r->slot[which];

    world_note(w, "[%u] ", which);
    if (*s < 0) {
        *s = world_socket(w, SOCK_NONBLOCK);
        (void)world_set(w, *s, SOL_SOCKET, SO_REUSEADDR, 1);
        return;
    }
    switch (call) {
    case 0:
        world_bind(w, *s, extra ? INADDR_ANY : WORLD_OWN, w->port + (int)extra);
        break;
    case 1:
    case 2:
        world_listen(w, *s, 3);
        break;
    case 3:
    case 4:
    case 5:
        world_connect(w, *s, WORLD_OWN, w->port + (int)extra);
        break;
    case 6:
    case 7: {
        int fresh = world_accept(w, *s, SOCK_NONBLOCK);

        if (fresh >= 0)
            r->slot[(which + 1) % SOCKETS] = fresh; /* the one that was there is closed at the end */
        break;
    }
    case 8:
        shut(w, *s, (int)extra);
        break;
    case 9:
        world_recv(w, *s, 100, 0);
        break;
    case 10:
        world_get(w, *s, SOL_SOCKET, SO_ERROR);
        break;
    case 11:
        world_getname(w, *s, extra & 1);
        break;
    case 12:
        world_linger(w, *s, 0);
        world_close_slot(w, *s);
        *s = -1;
        return;
    case 13:
        world_close_slot(w, *s);
        *s = -1;
        return;
    default:
        world_send(w, *s, "text", extra * 2, 0);
        break;
    }
    settle_states(w, r);
    look(w, *s);
}

static void program(struct world *w, int seed)
{
    struct random_program r = {.state = (uint64_t)seed, .slot = {-1, -1, -1, -1}};

    for (int i = 0; i < STEPS; i++)
        step(w, &r);
}

static void random_programs_are_as_in_linux(void **state)
{
    unsigned different = 0;

    (void)state;
    if (!world_kernel_ready())
        skip();
    for (int i = 0; i < PROGRAMS; i++)
        different += !world_compare((enum world_family)(i % WORLD_FAMILIES), "seed", program, i);
    assert_int_equal(different, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_programs_are_as_in_linux),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
