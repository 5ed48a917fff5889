/* SPDX-License-Identifier: MIT */
/*
 * test_far.c - a connection that has sent gigabytes: how far it is from ISS says nothing then, for the
 * difference begins again with nothing after four, and is "less" from two on.  Instead of sending them ISS is
 * moved, as if they had been sent; what follows must be as it is for any other that is no longer young.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stack/stack.h"
#include "support/wire.h"
#include "tcp/tcp.h"

#define GIGABYTE (UINT32_C(1) << 30)
#define ALL      20000

static struct tcb *tcb_of(const struct wire *w)
{
    struct tcp *t = stack_tcp(w->stack);

    return tcp_tcb(t, WHERE_INDEX(tcp_handle(t, handle_find(t, w->conn))->where));
}

/* Twenty segments were acknowledged, the last of them a gigabyte and a little behind ISS; and now as many
 * gigabytes, and `more` bytes. */
static void far(struct wire *w, const struct estab_config *c, uint32_t gigabytes, uint32_t more)
{
    struct tcb *b;

    wire_start(w, c);
    OPEN(65535, .mss = 1000, .sack_ok = true);
    for (uint32_t sent = 0; sent < ALL; sent += 10000) {
        if (sent > 0) {
            b = tcb_of(w);
            b->snd.iss = snd_sub(b->snd.una, GIGABYTE);
        }
        SEND(10000);
        wire_run(w, w->now + 100 * MS);
        IN(ACK, 1, sent + 10001, 0, .wnd = 65535);
    }
    w->head = w->tail;
    b = tcb_of(w);
    b->snd.iss = snd_sub(b->snd.una, gigabytes * GIGABYTE + more);
}

/* Four gigabytes and five bytes: not a first segment, which would not be paced. */
WIRE_TEST(it_is_paced)
{
    struct estab_config c = wire_config();
    unsigned n = 0;

    c.pacing = true;
    far(w, &c, 4, 5);
    CHECK(STATUS.cwnd >= 10000);
    SEND(10000);
    while (wire_any(w, w->now))
        n++;
    CHECK_EQ(n, 2);
    w->head = w->tail;
}

/* Three gigabytes: ISS is not below any more, and a duplicate that the peer tells of is one. */
WIRE_TEST(duplicates_are_told_of)
{
    struct estab_config c = wire_config();

    far(w, &c, 3, 0);
    IN(ACK, 1, ALL + 1, 0, .wnd = 65535, .sacks = 1, .sack = {{ALL - 999, ALL + 1}});
    CHECK_EQ(STATUS.dsack_blocks, 1);
    CHECK_EQ(wire_reason(w, "SACK_BLOCK"), 0);
}

/* Four gigabytes and five bytes: the path has carried whole segments, and a router's word to the contrary is
 * not believed. */
WIRE_TEST(a_lie_about_the_path_is_one)
{
    struct estab_config c = wire_config();
    struct tcp_too_big big = {.mtu = 600, .length = 1040};
    struct tcb *b;

    far(w, &c, 4, 5);
    b = tcb_of(w);
    CHECK_EQ(mtu_too_big(stack_tcp(w->stack), b, b->snd.una, &big, w->now), REASON_ICMP_MTU_PASSES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_paced),
        cmocka_unit_test(duplicates_are_told_of),
        cmocka_unit_test(a_lie_about_the_path_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
