/* SPDX-License-Identifier: MIT */
/* test_icmp.c - the queue of ICMP answers (RFC 792, RFC 1122 section 3.2.2). */
#include "ip/ip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ip ip;
static const uint8_t mac[6] = {2, 1, 1, 1, 1, 1};

static struct ip_whence asked(void)
{
    return (struct ip_whence){.them = estab_ipv4(10, 0, 0, 2),
                              .us = estab_ipv4(10, 0, 0, 1),
                              .interface = 3,
                              .mac = {2, 1, 1, 1, 1, 1}};
}

static void an_echo_goes_back(void **state)
{
    (void)state;
    struct ip_whence w = asked();
    struct ip_reply *r = icmp_echo_reply(&ip, &w, 0x12345678);

    assert_non_null(r);
    assert_int_equal(r->protocol, PROTO_ICMP);
    assert_int_equal(r->type, ICMP_ECHO_REPLY);
    assert_int_equal(r->code, 0);
    assert_int_equal(r->rest, 0x12345678);
    assert_int_equal(r->interface, 3);
    assert_memory_equal(&r->src, &w.us, sizeof w.us);
    assert_memory_equal(&r->dst, &w.them, sizeof w.them);
    assert_memory_equal(r->mac, mac, 6);
    assert_int_equal(r->text.head, CHUNK_NONE);
}

static void the_queue_is_bounded(void **state)
{
    (void)state;
    struct ip_whence w = asked();

    memset(&ip, 0, sizeof ip);
    for (int i = 0; i < IP_REPLIES - 16; i++)
        assert_non_null(icmp_echo_reply(&ip, &w, 0));
    assert_null(icmp_echo_reply(&ip, &w, 0));
    for (int i = 0; i < 16; i++) /* a flood of echo requests leaves these to ARP */
        assert_non_null(ip_reply_new(&ip));
    assert_null(ip_reply_new(&ip));
    ip.reply_head = 17;
    ip.reply_count -= 17;
    assert_ptr_equal(icmp_echo_reply(&ip, &w, 0), &ip.replies[0]);
}

/* RFC 1812 section 4.3.2.8: a hundred in a second. */
static void errors_are_limited(void **state)
{
    (void)state;
    struct ip_whence w = asked();

    memset(&ip, 0, sizeof ip);
    for (unsigned second = 7; second < 10; second++)
        for (unsigned i = 0; i < 150; i++) {
            struct ip_reply *r = icmp_error(&ip, &w, ICMP_UNREACHABLE, ICMP_CODE_PORT, 0,
                                            second * ESTAB_SECOND + i * ESTAB_MS);
            if (i >= 100) {
                assert_null(r);
                continue;
            }
            assert_non_null(r);
            assert_int_equal(r->type, ICMP_UNREACHABLE);
            assert_int_equal(r->code, ICMP_CODE_PORT);
            ip.reply_count = 0;
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_echo_goes_back),
        cmocka_unit_test(the_queue_is_bounded),
        cmocka_unit_test(errors_are_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
