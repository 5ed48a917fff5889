/* SPDX-License-Identifier: MIT */
/*
 * The loop: our stack on a device, the kernel's TCP at the other end, in real time; batched and
 * observed, on a perfect wire and on a bad one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/netns.h"
#include "cli/peer.h"
#include "loop/impair.h"
#include "support/whom.h"

#define SEED 20250101

struct world {
    struct netns *ns;
    estab_device *device;
    estab_stack *stack;
    estab_loop *loop;
    struct estab_room room;
    struct estab_addr ours, kernels;
    /* the one connection */
    estab_conn conn;
    bool opened, ended, closed;
    enum estab_error error;
    uint64_t received, sent, to_send;
    bool wrong; /* a byte was not what it should be */
    /* what the observer saw */
    uint64_t arriving, arrived, leaving, gone;
};

static void make_stack(struct world *w, const struct estab_interface *interface)
{
    struct estab_config c;
    estab_config_init(&c);
    c.connections = 16;
    c.records = 16;
    c.chunks = 4096;
    c.msl_ms = 100;
    estab_random(c.isn_key, sizeof c.isn_key);
    estab_random(c.hash_key, sizeof c.hash_key);
    assert_null(estab_config_check(&c));
    w->room.size = estab_stack_size(&c);
    w->room.base =
        mmap(NULL, w->room.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(w->room.base, MAP_FAILED);
    w->stack = estab_stack_init(w->room, &c, estab_now());
    assert_non_null(w->stack);
    assert_int_equal(estab_interface_add(w->stack, interface), 0);
}

static void world_make(struct world *w, enum netns_kind kind, bool offload)
{
    struct estab_host_error error;
    struct estab_interface interface;
    struct netns_options o = netns_defaults(true);
    o.kind = kind;
    o.offload = offload;
    memset(w, 0, sizeof *w);
    w->kernels = o.kernel_address;
    w->ours = o.names[1].address;
    w->ns = netns_make(&o, &error);
    if (!w->ns)
        fail_msg("%s", error.text);
    w->device = netns_device(w->ns, &interface, &error);
    if (!w->device)
        fail_msg("%s", error.text);
    interface.address = w->ours;
    interface.prefix_length = o.prefix_length;
    make_stack(w, &interface);
    w->loop = estab_loop_new(w->stack);
    assert_non_null(w->loop);
    assert_int_equal(estab_loop_join(w->loop, 0, w->device), ESTAB_OK);
}

static void world_end(struct world *w)
{
    estab_loop_free(w->loop);
    estab_device_close(w->device);
    netns_free(w->ns);
    munmap(w->room.base, w->room.size);
}

/* ---- one connection, as a program would serve it -------------------------------------------------- */

static void hear(struct world *w, estab_time now)
{
    static uint8_t text[65536];
    struct estab_received got;
    enum estab_error e;
    while ((e = estab_receive(w->stack, w->conn, text, sizeof text, 0, &got, now)) == ESTAB_OK) {
        for (size_t i = 0; i < got.length; i++)
            w->wrong = w->wrong || text[i] != peer_byte(w->received + i);
        w->received += got.length;
        w->ended = w->ended || got.end;
        if (got.end)
            break;
    }
    w->ended = w->ended || e == ESTAB_CLOSING;
}

static void say(struct world *w, estab_time now)
{
    static uint8_t text[65536];
    while (w->sent < w->to_send) {
        uint64_t left = w->to_send - w->sent;
        size_t n = left < sizeof text ? (size_t)left : sizeof text, taken = 0;
        for (size_t i = 0; i < n; i++)
            text[i] = peer_byte(w->sent + i);
        enum estab_error e = estab_send(w->stack, w->conn, text, n, 0, &taken, now);
        w->sent += taken;
        if (e != ESTAB_OK || !taken)
            return;
        if (w->sent == w->to_send)
            estab_close(w->stack, w->conn, now);
    }
}

static void take_events(struct world *w)
{
    struct estab_event e;
    while (estab_event_next(w->stack, &e)) {
        estab_time now = estab_now();
        if (e.bits & ESTAB_EVENT_ACCEPT)
            w->opened = estab_accept(w->stack, e.listener, &w->conn) == ESTAB_OK;
        w->opened = w->opened || e.bits & ESTAB_EVENT_OPENED;
        if (e.bits & ESTAB_EVENT_CLOSED) {
            w->closed = true;
            w->error = e.error;
        }
        if (w->opened && !w->closed) {
            hear(w, now);
            say(w, now);
        }
    }
}

static bool run_until(struct world *w, const bool *condition, unsigned seconds)
{
    estab_time end = estab_now() + seconds * ESTAB_SECOND;
    while (!*condition && estab_now() < end) {
        (void)estab_loop_once(w->loop, end);
        take_events(w);
    }
    return *condition;
}

/* The kernel's source sends to our listener; we close after its FIN. */
static void kernel_sends(struct world *w, uint64_t bytes)
{
    struct estab_host_error error;
    estab_listener listener;
    struct estab_listen l = {.size = sizeof l, .local = {.port = 3333}, .backlog = 4};
    assert_int_equal(estab_listen(w->stack, &l, &listener), ESTAB_OK);
    pid_t peer = peer_start(
        w->ns,
        &(struct peer_options){.does = PEER_SOURCE, .bytes = bytes, .remote = {w->ours, 3333}},
        &error);
    assert_true(peer > 0);
    assert_true(run_until(w, &w->ended, 60));
    assert_int_equal(w->received, bytes);
    assert_false(w->wrong);
    assert_int_equal(estab_close(w->stack, w->conn, estab_now()), ESTAB_OK);
    assert_true(run_until(w, &w->closed, 30));
    assert_int_equal(w->error, ESTAB_OK);
    int status = -1;
    assert_true(netns_wait(w->ns, peer, estab_now() + 5 * ESTAB_SECOND, &status));
    assert_int_equal(status, 0);
}

/* We connect to the kernel's echo, send, close; it comes back, and its FIN. */
static void kernel_echoes(struct world *w, uint64_t bytes)
{
    struct estab_host_error error;
    struct estab_open o = {.size = sizeof o, .remote = {w->kernels, 7}};
    pid_t peer = peer_start(
        w->ns,
        &(struct peer_options){
            .listens = true, .does = PEER_ECHO, .local = {w->kernels, 7}, .connections = 1},
        &error);
    assert_true(peer > 0);
    w->to_send = bytes;
    assert_int_equal(estab_open(w->stack, &o, &w->conn, estab_now()), ESTAB_OK);
    assert_true(run_until(w, &w->ended, 60));
    assert_int_equal(w->received, bytes);
    assert_false(w->wrong);
    assert_true(run_until(w, &w->closed, 30)); /* 2 MSL later */
    assert_int_equal(w->error, ESTAB_OK);
    int status = -1;
    assert_true(netns_wait(w->ns, peer, estab_now() + 5 * ESTAB_SECOND, &status));
    assert_int_equal(status, 0);
}

/* ---- devices --------------------------------------------------------------------------------------- */

#define MB UINT64_C(1000000)

static void both_ways(enum netns_kind kind, bool offload)
{
    struct world w;
    if (kind != NETNS_VETH && access("/dev/net/tun", R_OK | W_OK) != 0) {
        print_message("skipped: /dev/net/tun is missing, or not this user's to open\n");
        return;
    }
    world_make(&w, kind, offload);
    kernel_sends(&w, 10 * MB);
    world_end(&w);
    world_make(&w, kind, offload);
    kernel_echoes(&w, 10 * MB);
    world_end(&w);
}

static void over_a_veth_with_offloads(void **state)
{
    (void)state;
    both_ways(NETNS_VETH, true);
}

static void over_a_veth_without(void **state)
{
    (void)state;
    both_ways(NETNS_VETH, false);
}

static void over_tap(void **state)
{
    (void)state;
    both_ways(NETNS_TAP, true);
}

static void over_tun(void **state)
{
    (void)state;
    both_ways(NETNS_TUN, true);
}

/* ---- observed, and impaired -------------------------------------------------------------------------- */

static void see_arriving(void *context, const struct estab_frame *f, estab_time now)
{
    struct world *w = context;
    (void)now;
    assert_int_equal(w->arriving, w->arrived);
    assert_true(f->length > 0);
    w->arriving++;
}

static void see_arrived(void *context, const struct estab_frame *f, estab_time now)
{
    struct world *w = context;
    (void)f;
    (void)now;
    w->arrived++;
    assert_int_equal(w->arriving, w->arrived);
}

static void see_leaving(void *context, const struct estab_frame *f, estab_time now)
{
    struct world *w = context;
    (void)f;
    (void)now;
    w->leaving++;
}

static void observe(struct world *w)
{
    estab_loop_observe(w->loop, &(struct estab_observer){.context = w,
                                                         .arriving = see_arriving,
                                                         .arrived = see_arrived,
                                                         .leaving = see_leaving});
}

static void an_observer_sees_each_frame(void **state)
{
    (void)state;
    struct world w;
    struct estab_device_counters c = {.size = sizeof c};
    world_make(&w, NETNS_VETH, false);
    observe(&w);
    kernel_sends(&w, MB);
    estab_device_counters(w.device, &c);
    assert_int_equal(w.arrived, c.frames_in);
    assert_int_equal(w.leaving, c.frames_out);
    world_end(&w);
}

static void see_passing(void *context, bool outward, const struct estab_frame *f,
                        const struct link_passage *passage, estab_time now)
{
    struct world *w = context;
    (void)outward;
    (void)f;
    (void)now;
    w->gone += (passage->fate & LINK_GONE) != 0;
}

static void impaired(const char *text, bool observed, uint64_t bytes, bool loses)
{
    struct world w;
    char error[LINK_ERROR_MAX];
    struct link_config c = {0};
    if (!link_config_parse(&c, text, error))
        fail_msg("%s", error);
    struct link *in = link_new(&c, SEED), *out = link_new(&c, SEED + 1);
    struct loop_impairment m = {
        .inward = in, .outward = out, .passing = see_passing, .context = &w};
    assert_true(in && out);
    world_make(&w, NETNS_VETH, false);
    assert_int_equal(loop_impair(w.loop, 0, &m), ESTAB_OK);
    if (observed)
        observe(&w);
    kernel_echoes(&w, bytes);
    assert_int_equal(w.gone > 0, loses);
    world_end(&w);
    link_free(in);
    link_free(out);
}

static void a_link_delays_and_loses(void **state)
{
    (void)state;
    impaired("delay 5ms", false, MB, false);
    impaired("delay 1ms loss 1% duplicate 1%", false, MB, true);
    impaired("delay 1ms loss 5% reorder 5% 2ms corrupt 1%", true, MB / 5, true);
}

/* ---- waiting ------------------------------------------------------------------------------------------- */

static void the_time_comes(void **state)
{
    (void)state;
    struct world w;
    world_make(&w, NETNS_VETH, false);
    estab_time until = estab_now() + 50 * ESTAB_MS;
    unsigned turns = 0;
    while (estab_loop_once(w.loop, until) != ESTAB_LOOP_TIME)
        turns++;
    assert_in_range(estab_now(), until, until + ESTAB_SECOND);
    assert_in_range(turns, 0, 20); /* it sleeps */
    assert_int_equal(estab_loop_once(w.loop, 0), ESTAB_LOOP_TIME);
    world_end(&w);
}

static void on_alarm(int signal)
{
    (void)signal;
}

static void a_signal_ends_the_wait(void **state)
{
    (void)state;
    struct world w;
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval soon = {.it_value = {.tv_usec = 50000}};
    world_make(&w, NETNS_VETH, false);
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    enum estab_loop_result r = ESTAB_LOOP_WORKED;
    while (r == ESTAB_LOOP_WORKED)
        r = estab_loop_once(w.loop, ESTAB_NEVER);
    assert_int_equal(r, ESTAB_LOOP_SIGNAL);
    world_end(&w);
}

struct heard {
    estab_loop *loop;
    unsigned times;
};

static void on_ready(void *context, int fd, short revents, estab_time now)
{
    struct heard *h = context;
    char byte;
    (void)now;
    assert_true(revents & POLLIN);
    assert_int_equal(read(fd, &byte, 1), 1);
    if (++h->times == 2)
        assert_int_equal(estab_loop_watch(h->loop, fd, 0, NULL, NULL), ESTAB_OK);
}

static void a_watched_descriptor_calls_until_it_ends(void **state)
{
    (void)state;
    struct world w;
    int pair[2];
    world_make(&w, NETNS_VETH, false);
    struct heard h = {.loop = w.loop};
    assert_int_equal(pipe(pair), 0);
    assert_int_equal(estab_loop_watch(w.loop, pair[0], POLLIN, on_ready, &h), ESTAB_OK);
    assert_int_equal(write(pair[1], "abc", 3), 3);
    estab_time until = estab_now() + 50 * ESTAB_MS;
    while (estab_loop_once(w.loop, until) != ESTAB_LOOP_TIME)
        ;
    assert_int_equal(h.times, 2);
    close(pair[0]);
    close(pair[1]);
    world_end(&w);
}

/* A loop changes the secrets by itself once they are due: here they were when the stack was made. */
static void secrets_change_when_they_are_due(void **state)
{
    (void)state;
    struct estab_config c;
    estab_config_init(&c);
    c.connections = c.records = 16;
    c.chunks = 64;
    c.key_life_s = 1;
    struct estab_room room = {.size = estab_stack_size(&c)};
    room.base = mmap(NULL, room.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(room.base, MAP_FAILED);
    estab_time began = estab_now() - ESTAB_SECOND;
    estab_stack *stack = estab_stack_init(room, &c, began);
    assert_non_null(stack);
    estab_loop *loop = estab_loop_new(stack);
    assert_non_null(loop);
    assert_int_equal(estab_keys_due(stack), began + ESTAB_SECOND);
    assert_int_equal(estab_loop_once(loop, estab_now()), ESTAB_LOOP_TIME);
    assert_true(estab_keys_due(stack) > began + 60 * ESTAB_SECOND); /* after two of cookies' epochs */
    estab_loop_free(loop);
    munmap(room.base, room.size);
}

static int run_all(const char *as)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_comes),
        cmocka_unit_test(secrets_change_when_they_are_due),
        cmocka_unit_test(a_signal_ends_the_wait),
        cmocka_unit_test(a_watched_descriptor_calls_until_it_ends),
        cmocka_unit_test(over_a_veth_with_offloads),
        cmocka_unit_test(over_a_veth_without),
        cmocka_unit_test(over_tap),
        cmocka_unit_test(over_tun),
        cmocka_unit_test(an_observer_sees_each_frame),
        cmocka_unit_test(a_link_delays_and_loses),
    };
    return cmocka_run_group_tests_name(as, tests, NULL, NULL);
}

int main(void)
{
    return whom_run(run_all);
}
