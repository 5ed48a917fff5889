/* SPDX-License-Identifier: MIT */
/*
 * Devices against the kernel's TCP, in a namespace of our own: as the user who runs this, and, if
 * that is root, once more as nobody.
 *
 * The peer is a few lines of TCP (tiny.c) instead of the stack, so that these tests tell a fault of
 * the device from one of the stack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/netns.h"
#include "cli/peer.h"
#include "support/tiny.h"
#include "support/whom.h"

#define BYTES 1000000

struct scene {
    struct netns *ns;
    struct tiny tiny;
    pid_t peer;
};

static bool usable(enum netns_kind kind)
{
    if (kind == NETNS_VETH || access("/dev/net/tun", R_OK | W_OK) == 0)
        return true;
    print_message("skipped: /dev/net/tun is missing, or not this user's to open\n");
    return false;
}

/* The kernel is 10.11.0.1, we are 10.11.0.101. */
static void scene_make(struct scene *s, enum netns_kind kind, bool offload)
{
    struct estab_host_error error;
    struct netns_options o = netns_defaults(true);
    o.kind = kind;
    o.offload = offload;
    memset(s, 0, sizeof *s);
    s->ns = netns_make(&o, &error);
    if (!s->ns)
        fail_msg("%s", error.text);
    s->tiny.device = netns_device(s->ns, &s->tiny.interface, &error);
    if (!s->tiny.device)
        fail_msg("%s", error.text);
    assert_int_equal(s->tiny.interface.checksum_offload, offload);
    s->tiny.interface.address = o.names[1].address;
    s->tiny.peer = o.kernel_address;
    s->tiny.snd_nxt = 0xffffff00; /* wraps */
}

static void scene_end(struct scene *s)
{
    struct estab_device_counters c = {.size = sizeof c};
    estab_device_counters(s->tiny.device, &c);
    assert_int_equal(c.refused, 0);
    assert_int_equal(c.lost, 0);
    assert_int_equal(c.cut, 0);
    assert_int_equal(s->tiny.damaged, 0);
    assert_int_equal(s->tiny.strange, 0); /* the wire is quiet */
    estab_device_close(s->tiny.device);
    netns_free(s->ns);
}

static void start_peer(struct scene *s, const struct peer_options *o)
{
    struct estab_host_error error;
    s->peer = peer_start(s->ns, o, &error);
    if (s->peer < 0)
        fail_msg("%s", error.text);
}

static void await_peer(struct scene *s)
{
    int status = -1;
    (void)TINY_UNTIL(&s->tiny, netns_wait(s->ns, s->peer, 0, &status));
    assert_int_equal(status, 0);
}

/* ---- the kernel sends ------------------------------------------------------------------------- */

static void kernel_sends(enum netns_kind kind, bool offload)
{
    struct scene s;
    if (!usable(kind))
        return;
    scene_make(&s, kind, offload);
    struct tiny *t = &s.tiny;
    t->port = 3333;
    t->text = malloc(BYTES);
    t->room = BYTES;
    start_peer(&s, &(struct peer_options){.does = PEER_SOURCE,
                                          .bytes = BYTES,
                                          .remote = {t->interface.address, t->port}});
    assert_true(TINY_UNTIL(t, t->peer_closed));
    assert_int_equal(t->received, BYTES);
    for (size_t i = 0; i < BYTES; i++)
        assert_int_equal(t->text[i], peer_byte(i));
    tiny_send(t, TINY_FIN | TINY_ACK, NULL, 0);
    await_peer(&s);
    if (offload) {
        assert_in_range(t->longest, 30000, 65549);
        assert_in_range(t->segment_size, 1400, 1460);
        assert_true(t->unfinished > 0);
    } else {
        assert_in_range(t->longest, 1400, 1514);
        assert_int_equal(t->segment_size, 0);
        assert_int_equal(t->unfinished, 0);
    }
    free(t->text);
    scene_end(&s);
}

static void veth_gives_whole_super_segments(void **state)
{
    (void)state;
    kernel_sends(NETNS_VETH, true);
}

static void veth_without_offloads_gives_what_a_cable_would(void **state)
{
    (void)state;
    kernel_sends(NETNS_VETH, false);
}

static void tap_gives_whole_super_segments(void **state)
{
    (void)state;
    kernel_sends(NETNS_TAP, true);
}

static void tap_without_offloads_gives_what_a_cable_would(void **state)
{
    (void)state;
    kernel_sends(NETNS_TAP, false);
}

static void tun_gives_whole_super_segments(void **state)
{
    (void)state;
    kernel_sends(NETNS_TUN, true);
}

/* ---- the kernel receives, and sends it back --------------------------------------------------- */

static void kernel_echoes(enum netns_kind kind, bool offload)
{
    struct scene s;
    if (!usable(kind))
        return;
    scene_make(&s, kind, offload);
    struct tiny *t = &s.tiny;
    uint32_t bytes = offload ? 60001 : 1459;
    uint8_t *text = malloc(bytes);
    for (uint32_t i = 0; i < bytes; i++)
        text[i] = peer_byte(i);
    t->port = 40000;
    t->peer_port = 7;
    t->text = malloc(bytes);
    t->room = bytes;
    start_peer(&s, &(struct peer_options){.listens = true,
                                          .does = PEER_ECHO,
                                          .local = {t->peer, t->peer_port},
                                          .connections = 1});
    tiny_connect(t);
    assert_true(TINY_UNTIL(t, t->opened));
    tiny_send(t, TINY_ACK | TINY_PSH, text, bytes);
    assert_true(TINY_UNTIL(t, t->received == bytes));
    assert_memory_equal(t->text, text, bytes);
    assert_int_equal(t->snd_una, t->snd_nxt);
    tiny_send(t, TINY_FIN | TINY_ACK, NULL, 0);
    assert_true(TINY_UNTIL(t, t->peer_closed));
    await_peer(&s);
    free(text);
    free(t->text);
    scene_end(&s);
}

static void veth_takes_whole_super_segments(void **state)
{
    (void)state;
    kernel_echoes(NETNS_VETH, true);
}

static void veth_takes_plain_frames(void **state)
{
    (void)state;
    kernel_echoes(NETNS_VETH, false);
}

static void tap_takes_whole_super_segments(void **state)
{
    (void)state;
    kernel_echoes(NETNS_TAP, true);
}

static void tun_takes_whole_super_segments(void **state)
{
    (void)state;
    kernel_echoes(NETNS_TUN, true);
}

/* ---- what goes wrong ---------------------------------------------------------------------------- */

static void expect_error(const char *spec, enum estab_host_kind kind, const char *part)
{
    struct estab_host_error error = {0};
    struct estab_interface interface;
    assert_null(estab_device_open(spec, 0, &interface, &error));
    assert_int_equal(error.kind, kind);
    if (!strstr(error.text, part))
        fail_msg("'%s' does not say '%s'", error.text, part);
}

static void names_that_are_none_are_refused(void **state)
{
    (void)state;
    expect_error("eth0", ESTAB_HOST_USAGE, "expected packet:IFACE, tap:NAME, tun:NAME or wire:NAME");
    expect_error("packet:", ESTAB_HOST_USAGE, "1 to 15 characters");
    expect_error("tap:sixteencharacter", ESTAB_HOST_USAGE, "1 to 15 characters");
    expect_error("tun:a/b", ESTAB_HOST_USAGE, "names no interface");
    if (geteuid() == 0)
        expect_error("packet:nosuch", ESTAB_HOST_NOT_FOUND, "there is no interface 'nosuch'");
    else
        expect_error("packet:lo", ESTAB_HOST_PERMISSION, "CAP_NET_RAW");
    if (access("/dev/net/tun", F_OK) == 0 && access("/dev/net/tun", W_OK) != 0)
        expect_error("tap:x", ESTAB_HOST_PERMISSION, "chmod 0666 /dev/net/tun");
}

/* An ARP request has 42 bytes. */
static void a_frame_that_does_not_fit_is_counted(void **state)
{
    (void)state;
    struct scene s;
    uint8_t room[64];
    scene_make(&s, NETNS_VETH, false);
    start_peer(&s, &(struct peer_options){.remote = {s.tiny.interface.address, 9}});
    struct pollfd p = {.fd = estab_device_fd(s.tiny.device), .events = POLLIN};
    assert_int_equal(poll(&p, 1, 2000), 1);
    struct estab_frame in[1] = {{.parts = 1, .part = {{room, 41}}}};
    assert_int_equal(estab_device_receive(s.tiny.device, in, 1), 1);
    assert_int_equal(in[0].length, 0);
    struct estab_device_counters c = {.size = sizeof c};
    estab_device_counters(s.tiny.device, &c);
    assert_int_equal(c.cut, 1);
    assert_int_equal(c.frames_in, 0);
    estab_device_close(s.tiny.device);
    netns_free(s.ns);
}

static int run_all(const char *as)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_are_none_are_refused),
        cmocka_unit_test(veth_gives_whole_super_segments),
        cmocka_unit_test(veth_without_offloads_gives_what_a_cable_would),
        cmocka_unit_test(veth_takes_whole_super_segments),
        cmocka_unit_test(veth_takes_plain_frames),
        cmocka_unit_test(a_frame_that_does_not_fit_is_counted),
        cmocka_unit_test(tap_gives_whole_super_segments),
        cmocka_unit_test(tap_without_offloads_gives_what_a_cable_would),
        cmocka_unit_test(tap_takes_whole_super_segments),
        cmocka_unit_test(tun_gives_whole_super_segments),
        cmocka_unit_test(tun_takes_whole_super_segments),
    };
    return cmocka_run_group_tests_name(as, tests, NULL, NULL);
}

/* A veth queues on the processor that sends: with two at work, a sender and an acknowledgment, it
 * reorders, which a TCP of a few lines cannot mend. */
static void stay_on_one_processor(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    (void)sched_setaffinity(0, sizeof one, &one);
}

int main(void)
{
    stay_on_one_processor();
    return whom_run(run_all);
}
