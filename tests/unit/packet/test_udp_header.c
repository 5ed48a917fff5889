/* SPDX-License-Identifier: MIT */
/* test_udp_header.c - RFC 768's header: read, refused where its length cannot be, and written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "packet/udp_header.h"

static void a_header_is_read(void **state)
{
    static const uint8_t bytes[] = {0, 53, 0xc3, 0x50, 0, 10, 0xab, 0xcd, 'h', 'i'};
    struct udp_header h;

    (void)state;
    assert_int_equal(udp_header_parse(bytes, sizeof bytes, sizeof bytes, &h), REASON_NONE);
    assert_int_equal(h.sport, 53);
    assert_int_equal(h.dport, 50000);
    assert_int_equal(h.length, 10);
    assert_int_equal(h.checksum, 0xabcd);
    /* The text may lie elsewhere, or be followed by what is not the datagram's. */
    assert_int_equal(udp_header_parse(bytes, UDP_HEADER, sizeof bytes, &h), REASON_NONE);
    assert_int_equal(udp_header_parse(bytes, sizeof bytes, 1000, &h), REASON_NONE);
}

static void a_short_header_is_refused(void **state)
{
    static const uint8_t bytes[UDP_HEADER] = {0, 53, 0, 54, 0, 8};
    struct udp_header h;

    (void)state;
    for (size_t n = 0; n < UDP_HEADER; n++) {
        assert_int_equal(udp_header_parse(bytes, n, UDP_HEADER, &h), REASON_UDP_HEADER);
        assert_int_equal(udp_header_parse(bytes, UDP_HEADER, (uint32_t)n, &h), REASON_UDP_HEADER);
    }
    assert_int_equal(udp_header_parse(bytes, UDP_HEADER, UDP_HEADER, &h), REASON_NONE);
}

/* Every length there is, in a packet of 20 bytes. */
static void a_length_that_cannot_be_is_refused(void **state)
{
    uint8_t bytes[20] = {0, 53, 0, 54};
    struct udp_header h;

    (void)state;
    for (unsigned length = 0; length <= UINT16_MAX; length++) {
        bytes[4] = (uint8_t)(length >> 8);
        bytes[5] = (uint8_t)length;
        assert_int_equal(udp_header_parse(bytes, sizeof bytes, sizeof bytes, &h),
                         length >= UDP_HEADER && length <= sizeof bytes ? REASON_NONE
                                                                        : REASON_UDP_LENGTH);
    }
}

static void a_header_is_written(void **state)
{
    struct udp_header h = {.sport = 1, .dport = 65534, .length = 0x1234, .checksum = 0x5678};
    uint8_t bytes[UDP_HEADER];

    (void)state;
    udp_header_write(bytes, &h);
    assert_memory_equal(bytes, "\0\1\377\376\22\64\126\170", UDP_HEADER);
}

/* "An all zero transmitted checksum value means that the transmitter generated no checksum." */
static void a_sum_of_zero_is_sent_as_ones(void **state)
{
    (void)state;
    assert_int_equal(udp_checksum(0), 0xffff);
    assert_int_equal(udp_checksum(1), 1);
    assert_int_equal(udp_checksum(0xffff), 0xffff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_read),
        cmocka_unit_test(a_short_header_is_refused),
        cmocka_unit_test(a_length_that_cannot_be_is_refused),
        cmocka_unit_test(a_header_is_written),
        cmocka_unit_test(a_sum_of_zero_is_sent_as_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
