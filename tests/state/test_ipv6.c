/* SPDX-License-Identifier: MIT */
/*
 * test_ipv6.c - one stack with IPv6, bare packets: what it offers, whom it takes for itself, and what it
 * tells the senders of what it does not understand.  What TCP does is in the tables of
 * test_segment_arrives_*.c, which run over IPv6, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "support/made_frame.h"
#include "support/rig.h"

static struct rig rig;
static uint8_t bytes[RIG_FRAME_MAX];
static const struct estab_addr any = {{0}};

static int begin(void **state)
{
    (void)state;
    rig_over_ipv6(true);
    rig_start(&rig, NULL, 100, 200);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_over_ipv6(false);
    rig_end(&rig);
    return 0;
}

static uint64_t count(const char *name)
{
    for (unsigned i = 0; i < estab_reasons(); i++)
        if (strcmp(estab_reason(i).name, name) == 0)
            return estab_reason_count(rig.stack, i);
    fail_msg("no reason %s", name);
    return 0;
}

/* ---- what a SYN settles ---------------------------------------------------------------------------- */

/* MUST-67: 20 bytes less than IPv4 leaves on the same link. */
static void the_mss_is_what_a_link_leaves(void **state)
{
    struct estab_interface link = {.size = sizeof link, .link = ESTAB_LINK_IP, .mtu = 1500,
                                   .prefix_length = 64};
    struct estab_open open = {.size = sizeof open, .remote = {{{0xfd, 0x12, [15] = 2}}, 80}};
    const struct rig_sent *sent;
    estab_conn conn;
    (void)state;
    link.address = (struct estab_addr){{0xfd, 0x12, [15] = 1}};
    assert_int_equal(estab_interface_add(rig.stack, &link), 1);
    assert_int_equal(estab_open(rig.stack, &open, &conn, rig.now), ESTAB_OK);
    rig_pull(&rig);
    sent = rig_out_any(&rig);
    assert_non_null(sent);
    assert_int_equal(sent->seg.flags, SYN);
    assert_int_equal(sent->seg.mss, 1440);
    assert_memory_equal(&sent->src, &link.address, 16);
}

/* MUST-15: who offers none takes 1220 bytes. */
static void no_mss_is_1220(void **state)
{
    (void)state;
    assert_int_equal(rig_open_active(&rig), ESTAB_OK);
    OUT(&rig, SYN, 0, 0);
    IN(&rig, SYN | ACK, 0, 1);
    OUT(&rig, ACK, 1, 1);
    assert_int_equal(rig_status(&rig).snd_mss, 1220);
    assert_int_equal(rig_status(&rig).path_mtu, 1520);
    assert_int_equal(rig_status(&rig).offered_mss, 1460);
    assert_int_equal(rig_send(&rig, 2000, 0), ESTAB_OK);
    rig_pull(&rig);
    OUT(&rig, ACK, 1, 1, .len = 1220);
}

/* Routers and switches tell flows apart by it (RFC 6437 section 3): all packets of one have the same. */
static void a_flow_has_one_label(void **state)
{
    struct estab_frame f[2];
    uint32_t label[2] = {0};
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct estab_open open = {.size = sizeof open, .remote = {rig_peer(), (uint16_t)(80 + i)}};
        estab_conn conn;

        assert_int_equal(estab_open(rig.stack, &open, &conn, rig.now), ESTAB_OK);
        assert_int_equal(estab_output(rig.stack, &f[i], 1, rig.now), 1);
        label[i] = (f[i].head[1] & 15u) << 16 | (uint32_t)f[i].head[2] << 8 | f[i].head[3];
        estab_expire(rig.stack, rig.now += 1100 * ESTAB_MS); /* the SYN again */
        for (struct estab_frame again; estab_output(rig.stack, &again, 1, rig.now) == 1;)
            if (again.head[42] == f[i].head[42] && again.head[43] == f[i].head[43])
                assert_memory_equal(again.head, f[i].head, 4);
    }
    assert_int_not_equal(label[0], 0);
    assert_int_not_equal(label[0], label[1]);
}

/* ---- listeners ----------------------------------------------------------------------------------------- */

static enum estab_error listen_on(struct estab_addr address, uint16_t port, bool ipv6_only)
{
    struct estab_listen o = {.size = sizeof o, .local = {address, port}, .backlog = 4,
                             .ipv6_only = ipv6_only};
    estab_listener listener;

    return estab_listen(rig.stack, &o, &listener);
}

/* Whether a SYN to our address of a family is answered with a SYN,ACK. */
static bool answered(struct estab_addr from, struct estab_addr to, uint16_t port)
{
    struct made_tcp syn = {.src = {from, 999}, .dst = {to, port}, .seq = 7, .window = 1000,
                           .flags = SYN};
    const struct rig_sent *sent;

    rig_in_bytes(&rig, bytes, made_tcp(bytes, &syn, true));
    sent = rig_out_any(&rig);
    assert_non_null(sent);
    assert_memory_equal(&sent->src, &to, 16);
    assert_memory_equal(&sent->dst, &from, 16);
    return sent->seg.flags == (SYN | ACK);
}

static void listeners_are_of_one_family_or_both(void **state)
{
    struct estab_addr four = estab_ipv4(0, 0, 0, 0), our_four = estab_ipv4(10, 11, 0, 1);
    struct estab_addr their_four = estab_ipv4(10, 11, 0, 2);
    struct estab_interface link = {.size = sizeof link, .link = ESTAB_LINK_IP, .mtu = 1500,
                                   .prefix_length = 24, .address = our_four};
    (void)state;
    assert_int_equal(estab_interface_add(rig.stack, &link), 1);
    assert_int_equal(listen_on(any, 80, false), ESTAB_OK);
    assert_true(answered(rig_peer(), rig_us(), 80));
    rig_over_ipv6(false); /* whose addresses the rig expects */
    assert_true(answered(their_four, our_four, 80));
    assert_int_equal(listen_on(any, 80, true), ESTAB_EXISTS);
    assert_int_equal(listen_on(four, 80, false), ESTAB_EXISTS);

    assert_int_equal(listen_on(four, 81, false), ESTAB_OK);
    assert_true(answered(their_four, our_four, 81));
    rig_over_ipv6(true);
    assert_false(answered(rig_peer(), rig_us(), 81));
    assert_int_equal(listen_on(any, 81, false), ESTAB_EXISTS);
    assert_int_equal(listen_on(any, 81, true), ESTAB_OK); /* beside it */
    assert_true(answered(rig_peer(), rig_us(), 81));

    assert_int_equal(listen_on(four, 82, true), ESTAB_INVALID);
    assert_int_equal(listen_on(any, 82, true), ESTAB_OK);
    assert_true(answered(rig_peer(), rig_us(), 82));
    rig_over_ipv6(false);
    assert_false(answered(their_four, our_four, 82));
    rig_over_ipv6(true);
}

/* ---- addresses ------------------------------------------------------------------------------------------ */

static void an_address_can_be_added(void **state)
{
    struct estab_addr more = {{0xfd, 0x13, [15] = 9}}, group = {{0xff, 2, [15] = 1}};
    struct estab_addr own = {{[15] = 1}};
    (void)state;
    assert_false(estab_address_is_local(rig.stack, more));
    assert_int_equal(estab_address_add(rig.stack, 0, more, 64, rig.now), ESTAB_OK);
    assert_true(estab_address_is_local(rig.stack, more));
    assert_int_equal(estab_address_add(rig.stack, 0, more, 64, rig.now), ESTAB_EXISTS);
    assert_int_equal(estab_address_add(rig.stack, 1, more, 64, rig.now), ESTAB_INVALID);
    assert_int_equal(estab_address_add(rig.stack, 0, more, 129, rig.now), ESTAB_INVALID);
    assert_int_equal(estab_address_add(rig.stack, 0, group, 64, rig.now), ESTAB_INVALID);
    assert_int_equal(estab_address_add(rig.stack, 0, own, 64, rig.now), ESTAB_INVALID);
    assert_int_equal(estab_address_add(rig.stack, 0, estab_ipv4(1, 2, 3, 4), 24, rig.now), ESTAB_INVALID);
    for (unsigned n = 2; n < ESTAB_ADDRESSES_MAX; n++) {
        more.b[7] = (uint8_t)n;
        assert_int_equal(estab_address_add(rig.stack, 0, more, 64, rig.now), ESTAB_OK);
    }
    more.b[7] = 99;
    assert_int_equal(estab_address_add(rig.stack, 0, more, 64, rig.now), ESTAB_NO_RESOURCES);
}

/* RFC 6724 section 5, rule 8; the same address for all of a connection. */
static void the_nearest_address_speaks(void **state)
{
    struct estab_addr ours = {{0xfd, 0x13, [15] = 9}}, theirs = {{0xfd, 0x13, [15] = 8}};
    struct estab_open open = {.size = sizeof open, .remote = {theirs, 80}};
    const struct rig_sent *sent;
    estab_conn conn;
    (void)state;
    assert_int_equal(estab_address_add(rig.stack, 0, ours, 64, rig.now), ESTAB_OK);
    assert_int_equal(estab_open(rig.stack, &open, &conn, rig.now), ESTAB_OK);
    rig_pull(&rig);
    sent = rig_out_any(&rig);
    assert_non_null(sent);
    assert_memory_equal(&sent->src, &ours, 16);
    open.local.addr = rig_us(); /* unless its user names one */
    open.remote.port = 81;
    assert_int_equal(estab_open(rig.stack, &open, &conn, rig.now), ESTAB_OK);
    rig_pull(&rig);
    sent = rig_out_any(&rig);
    assert_non_null(sent);
    assert_memory_equal(&sent->src, &open.local.addr, 16);
    open.local.addr = estab_ipv4(10, 0, 0, 1); /* of the other family */
    assert_int_equal(estab_open(rig.stack, &open, &conn, rig.now), ESTAB_INVALID);
}

static void a_stack_speaks_with_itself(void **state)
{
    struct estab_open open = {.size = sizeof open, .remote = {rig_us(), 80}};
    struct estab_status st = {.size = sizeof st};
    estab_conn conn;
    (void)state;
    assert_int_equal(listen_on(any, 80, true), ESTAB_OK);
    assert_int_equal(estab_open(rig.stack, &open, &conn, rig.now), ESTAB_OK);
    rig_pull(&rig);
    assert_null(rig_out_any(&rig)); /* nothing of it leaves */
    assert_int_equal(estab_status(rig.stack, conn, &st), ESTAB_OK);
    assert_int_equal(st.state, ESTAB_STATE_ESTABLISHED);
}

/* ---- whom a packet is for ------------------------------------------------------------------------------- */

static void syn_between(struct estab_addr from, struct estab_addr to)
{
    struct made_tcp syn = {.src = {from, 999}, .dst = {to, 80}, .seq = 7, .flags = SYN};

    rig_in_bytes(&rig, bytes, made_tcp(bytes, &syn, true));
}

/* MUST-57, MUST-63. BAD-7. */
static void what_no_host_can_have_sent_is_dropped(void **state)
{
    struct estab_addr group = {{0xff, 2, [15] = 1}}, own = {{[15] = 1}};
    struct estab_addr other = {{0xfd, 0x11, [15] = 77}};
    (void)state;
    syn_between(any, rig_us());
    syn_between(group, rig_us());
    syn_between(own, rig_us());
    syn_between(rig_us(), rig_us());
    assert_int_equal(count("IP_SOURCE"), 4);
    syn_between(rig_peer(), other);
    assert_int_equal(count("IP_NOT_OURS"), 1);
    syn_between(rig_peer(), group);
    assert_int_equal(count("IP_BROADCAST"), 1);
    assert_null(rig_out_any(&rig));
}

/* ---- headers behind the header ------------------------------------------------------------------------- */

/* A SYN behind so many bytes of extension headers, the first of which is of the kind `first`. */
static void syn_behind(uint8_t first, const void *headers, size_t n)
{
    struct made_tcp syn = {.src = {rig_peer(), 999}, .dst = {rig_us(), RIG_PORT}, .seq = 7, .flags = SYN};
    uint8_t plain[100], all[400];
    size_t length = made_tcp(plain, &syn, true) - 40;

    memcpy(all, headers, n);
    memcpy(all + n, plain + 40, length);
    rig_in_bytes(&rig, bytes, made_ip(bytes, rig_peer(), rig_us(), first, all, n + length, true));
}

/* BAD-7. */
static void segments_are_found_behind_extension_headers(void **state)
{
    (void)state;
    syn_behind(0, "\74\0\5\2\0\0\1\0\6\1\1\14\0\0\0\0\0\0\0\0\0\0\0\0", 24);
    OUT(&rig, RST | ACK | ZERO_SEQ, 0, 7 + 1 - 200, .port = 999);
    syn_behind(44, "\6\0\0\0\1\2\3\4", 8); /* whole, though it says that it is a fragment */
    assert_non_null(rig_out_any(&rig));
}

/* RFC 4443 section 3.4: told with the packet, of which `pointer` is at fault. */
static void expect_parameter(unsigned code, uint32_t pointer)
{
    const struct rig_sent *sent = rig_out_any(&rig);

    assert_non_null(sent);
    assert_int_equal(sent->protocol, 58);
    assert_int_equal(sent->type, 4);
    assert_int_equal(sent->code, code);
    assert_memory_equal(sent->body, ((uint8_t[]){0, 0, 0, (uint8_t)pointer}), 4);
    assert_memory_equal(sent->body + 4, bytes, 60); /* as it came */
}

static void senders_are_told_what_is_not_understood(void **state)
{
    (void)state;
    syn_behind(60, "\6\0\x9e\4\0\0\0\0", 8);
    expect_parameter(2, 42);
    syn_behind(43, "\6\0\3\1\0\0\0\0", 8);
    expect_parameter(0, 42);
    syn_behind(60, "\x8c\0\1\4\0\0\0\0", 8); /* SHIM6 */
    expect_parameter(1, 40);
    assert_int_equal(count("IP_PROTOCOL"), 1);
    syn_behind(132, "", 0); /* SCTP */
    expect_parameter(1, 6);
    syn_behind(60, "\6\0\x5e\4\0\0\0\0", 8); /* and says that it wants no answer */
    assert_null(rig_out_any(&rig));
}

static void udp_has_no_port_here(void **state)
{
    uint8_t udp[8] = {0, 1, 0, 2, 0, 8};
    const struct rig_sent *sent;
    uint16_t sum;
    (void)state;
    rig_in_bytes(&rig, bytes, made_ip(bytes, rig_peer(), rig_us(), 17, udp, 8, true));
    COUNTED(&rig, REASON_UDP_CHECKSUM, 1); /* none is IPv4's: RFC 8200 section 8.1 */
    assert_null(rig_out_any(&rig));
    sum = made_sum(made_pseudo(rig_peer(), rig_us(), 17, 8), udp, 8);
    udp[6] = (uint8_t)(sum >> 8);
    udp[7] = (uint8_t)sum;
    rig_in_bytes(&rig, bytes, made_ip(bytes, rig_peer(), rig_us(), 17, udp, 8, true));
    sent = rig_out_any(&rig);
    assert_non_null(sent);
    assert_int_equal(sent->type, 1);
    assert_int_equal(sent->code, 4);
    assert_memory_equal(sent->body, "\0\0\0\0", 4);
    assert_memory_equal(sent->body + 4, bytes, 48);
}

/* RFC 4443 section 2.4 (e) and (f). */
static void nobody_is_told_what_would_go_round(void **state)
{
    struct estab_addr group = {{0xff, 2, [15] = 1}};
    (void)state;
    /* An error, in a packet that cannot be understood. */
    rig_in_bytes(&rig, bytes,
                 made_ip(bytes, rig_peer(), rig_us(), 60, "\72\0\x9e\4\0\0\0\0\1\0\0\0", 12, true));
    rig_in_bytes(&rig, bytes, made_ip(bytes, any, rig_us(), 132, "", 0, true));
    rig_in_bytes(&rig, bytes, made_ip(bytes, group, rig_us(), 132, "", 0, true));
    rig_in_bytes(&rig, bytes, made_ip(bytes, rig_peer(), group, 132, "", 0, true));
    assert_null(rig_out_any(&rig));
    for (unsigned i = 0; i < 150; i++)
        rig_in_bytes(&rig, bytes, made_ip(bytes, rig_peer(), rig_us(), 132, "", 0, true));
    unsigned told = 0;
    while (rig_out_any(&rig))
        told++;
    assert_int_equal(told, 100); /* in a second */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_mss_is_what_a_link_leaves),
        TEST(no_mss_is_1220),
        TEST(a_flow_has_one_label),
        TEST(listeners_are_of_one_family_or_both),
        TEST(an_address_can_be_added),
        TEST(the_nearest_address_speaks),
        TEST(a_stack_speaks_with_itself),
        TEST(what_no_host_can_have_sent_is_dropped),
        TEST(segments_are_found_behind_extension_headers),
        TEST(senders_are_told_what_is_not_understood),
        TEST(udp_has_no_port_here),
        TEST(nobody_is_told_what_would_go_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
