/* SPDX-License-Identifier: MIT */
/*
 * The kernel's answers, made by hand: every state and timer, both families, messages cut short, and
 * more sockets than there is room for.
 */
#include "control/diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static uint8_t bytes[32768];
static size_t length;

static void add(uint16_t type, const void *payload, size_t n)
{
    struct nlmsghdr h = {.nlmsg_len = (uint32_t)NLMSG_LENGTH(n), .nlmsg_type = type};

    assert_true(length + NLMSG_SPACE(n) <= sizeof bytes);
    memcpy(bytes + length, &h, sizeof h);
    if (n > 0)
        memcpy(bytes + length + NLMSG_HDRLEN, payload, n);
    length += NLMSG_SPACE(n);
}

static struct inet_diag_msg message(uint8_t state)
{
    struct inet_diag_msg m = {
        .idiag_family = AF_INET,
        .idiag_state = state,
        .idiag_timer = 1,
        .idiag_retrans = 3,
        .idiag_expires = 200,
        .idiag_rqueue = 7,
        .idiag_wqueue = 9,
        .idiag_uid = 1000,
        .idiag_inode = 4711,
        .id = {.idiag_sport = htons(3333), .idiag_dport = htons(40000)},
    };

    m.id.idiag_src[0] = htonl(0x0a0b0001);
    m.id.idiag_dst[0] = htonl(0x0a0b0065);
    return m;
}

static void add_socket(const struct inet_diag_msg *m)
{
    add(20, m, sizeof *m);
}

static void a_socket(void **state)
{
    struct inet_diag_msg m = message(1);
    struct estab_addr local = estab_ipv4(10, 11, 0, 1), remote = estab_ipv4(10, 11, 0, 101);
    struct diag_socket s;
    struct diag_sink sink = {.at = &s, .room = 1};

    (void)state;
    length = 0;
    add_socket(&m);
    assert_int_equal(diag_read(bytes, length, &sink), DIAG_MORE);
    assert_int_equal(sink.count, 1);
    assert_memory_equal(&s.local.addr, &local, sizeof local);
    assert_memory_equal(&s.remote.addr, &remote, sizeof remote);
    assert_int_equal(s.local.port, 3333);
    assert_int_equal(s.remote.port, 40000);
    assert_int_equal(s.state, ESTAB_STATE_ESTABLISHED);
    assert_int_equal(s.timer, ESTAB_TIMER_RETRANSMIT);
    assert_int_equal(s.timer_ms, 200);
    assert_int_equal(s.retries, 3);
    assert_int_equal(s.receive_queue, 7);
    assert_int_equal(s.send_queue, 9);
    assert_int_equal(s.uid, 1000);
    assert_int_equal(s.inode, 4711);
    assert_false(s.v6);
}

static void both_families(void **state)
{
    struct inet_diag_msg m = message(10);
    struct estab_addr unspecified = {{0}}, one = {{[15] = 1}};
    struct diag_socket s[2];
    struct diag_sink sink = {.at = s, .room = 2};

    (void)state;
    length = 0;
    m.id.idiag_src[0] = m.id.idiag_dst[0] = 0; /* 0.0.0.0 is no mapped address, but none */
    add_socket(&m);
    m.idiag_family = AF_INET6;
    m.id.idiag_src[3] = htonl(1);
    m.idiag_timer = 0;
    add_socket(&m);
    assert_int_equal(diag_read(bytes, length, &sink), DIAG_MORE);
    assert_int_equal(sink.count, 2);
    assert_int_equal(s[0].state, ESTAB_STATE_LISTEN);
    assert_memory_equal(&s[0].local.addr, &unspecified, sizeof unspecified);
    assert_true(s[1].v6);
    assert_memory_equal(&s[1].local.addr, &one, sizeof one);
    assert_int_equal(s[1].timer, ESTAB_TIMER_NONE);
    assert_int_equal(s[1].timer_ms, 0);
}

static void every_state(void **state)
{
    static const enum estab_state states[] = {
        ESTAB_STATE_CLOSED,     ESTAB_STATE_ESTABLISHED, ESTAB_STATE_SYN_SENT,
        ESTAB_STATE_SYN_RECEIVED, ESTAB_STATE_FIN_WAIT_1,  ESTAB_STATE_FIN_WAIT_2,
        ESTAB_STATE_TIME_WAIT,  ESTAB_STATE_CLOSED,      ESTAB_STATE_CLOSE_WAIT,
        ESTAB_STATE_LAST_ACK,   ESTAB_STATE_LISTEN,      ESTAB_STATE_CLOSING,
        ESTAB_STATE_SYN_RECEIVED, ESTAB_STATE_CLOSED,
    };
    struct diag_sink sink = {.most = DIAG_MOST};
    int shown = 0;

    (void)state;
    length = 0;
    for (uint8_t i = 0; i < sizeof states / sizeof *states; i++) {
        struct inet_diag_msg m = message(i);
        assert_int_equal(diag_state(i), states[i]);
        add_socket(&m);
        shown += states[i] != ESTAB_STATE_CLOSED;
    }
    assert_int_equal(diag_state(UINT32_MAX), ESTAB_STATE_CLOSED);
    assert_int_equal(diag_read(bytes, length, &sink), DIAG_MORE);
    assert_int_equal(sink.count, shown);
    free(sink.at);
}

static void every_timer(void **state)
{
    static const enum estab_timer timers[] = {
        ESTAB_TIMER_NONE,      ESTAB_TIMER_RETRANSMIT, ESTAB_TIMER_KEEPALIVE,
        ESTAB_TIMER_TIME_WAIT, ESTAB_TIMER_PERSIST,    ESTAB_TIMER_NONE,
    };
    struct diag_socket s;

    (void)state;
    for (uint8_t i = 0; i < sizeof timers / sizeof *timers; i++) {
        struct diag_sink sink = {.at = &s, .room = 1};
        struct inet_diag_msg m = message(1);
        m.idiag_timer = i;
        length = 0;
        add_socket(&m);
        (void)diag_read(bytes, length, &sink);
        assert_int_equal(s.timer, timers[i]);
    }
}

static void the_end_and_a_refusal(void **state)
{
    struct inet_diag_msg m = message(1);
    struct diag_sink sink = {.most = DIAG_MOST};
    int zero = 0;

    (void)state;
    length = 0;
    add_socket(&m);
    add(NLMSG_DONE, &zero, sizeof zero);
    add_socket(&m);
    assert_int_equal(diag_read(bytes, length, &sink), DIAG_DONE);
    assert_int_equal(sink.count, 1); /* what is behind the end is not looked at */
    length = 0;
    add(NLMSG_ERROR, &zero, sizeof zero);
    assert_int_equal(diag_read(bytes, length, &sink), DIAG_REFUSED);
    free(sink.at);
}

/* Wherever it is cut, only whole messages count. */
static void cut_short(void **state)
{
    struct inet_diag_msg m = message(1);

    (void)state;
    length = 0;
    add_socket(&m);
    add_socket(&m);
    for (size_t n = 0; n <= length; n++) {
        struct diag_sink sink = {.most = DIAG_MOST};
        assert_int_equal(diag_read(bytes, n, &sink), DIAG_MORE);
        assert_int_equal(sink.count, n / NLMSG_SPACE(sizeof m));
        free(sink.at);
    }
    for (size_t spare = 0; spare < NLMSG_ALIGNTO; spare++) { /* the last one ends unaligned */
        struct diag_sink sink = {.most = DIAG_MOST};
        uint32_t claimed = (uint32_t)(NLMSG_LENGTH(sizeof m) + spare);
        uint8_t *exact = malloc(claimed);
        assert_non_null(exact);
        memcpy(bytes, &claimed, sizeof claimed);
        memcpy(exact, bytes, claimed);
        assert_int_equal(diag_read(exact, claimed, &sink), DIAG_MORE);
        assert_int_equal(sink.count, 1);
        free(exact);
        free(sink.at);
    }
    for (uint32_t claimed = 0; claimed < NLMSG_LENGTH(sizeof m); claimed++) {
        struct diag_sink sink = {.most = DIAG_MOST};
        memcpy(bytes, &claimed, sizeof claimed); /* nlmsg_len */
        (void)diag_read(bytes, NLMSG_SPACE(sizeof m), &sink);
        assert_int_equal(sink.count, 0);
        free(sink.at);
    }
}

static void more_than_there_is_room_for(void **state)
{
    struct inet_diag_msg m = message(1);
    struct diag_socket few[3];
    struct diag_sink fixed = {.at = few, .room = 3}, none = {.room = 0}, growing = {.most = 100};

    (void)state;
    length = 0;
    for (unsigned i = 0; i < 200; i++)
        add_socket(&m);
    (void)diag_read(bytes, length, &fixed);
    assert_int_equal(fixed.count, 200);
    (void)diag_read(bytes, length, &none);
    assert_int_equal(none.count, 200);
    assert_null(none.at);
    (void)diag_read(bytes, length, &growing);
    assert_int_equal(growing.count, 200);
    assert_int_equal(growing.room, 100);
    free(growing.at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_socket),    cmocka_unit_test(both_families),
        cmocka_unit_test(every_state), cmocka_unit_test(every_timer),
        cmocka_unit_test(cut_short),   cmocka_unit_test(the_end_and_a_refusal),
        cmocka_unit_test(more_than_there_is_room_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
