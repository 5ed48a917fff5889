/* SPDX-License-Identifier: MIT */
/*
 * test_dhcp_message.c - messages of DHCP from octets: good ones, options in parts and in other fields, and each
 * way in which one can be wrong, by its name; and to octets (RFC 2131, 2132, 3396).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/dhcp_message.h"

#define BYTES(text) text, sizeof(text) - 1
#define OFFER       "\x35\1\2"
#define END         "\xff"

static const char cookie[] = "\x63\x82\x53\x63";

/* The fixed fields, then these options; from memory of just that size. */
struct made {
    uint8_t octet[1500];
    size_t n;
};

static struct made made_of(const char *options, size_t n)
{
    struct made m = {.octet = {2, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 3, 0x80, 0}, .n = DHCP_FIXED + 4 + n};

    memcpy(m.octet + 16, "\x0a\0\0\x07", 4);
    memcpy(m.octet + 28, "\2\0\x0a\0\0\1", 6);
    memcpy(m.octet + DHCP_FIXED, cookie, 4);
    memcpy(m.octet + DHCP_FIXED + 4, options, n);
    return m;
}

static enum dhcp_fault read_made(const struct made *m, struct dhcp_message *out)
{
    uint8_t *copy = malloc(m->n ? m->n : 1);
    enum dhcp_fault fault;

    assert_non_null(copy);
    memcpy(copy, m->octet, m->n);
    fault = dhcp_read(copy, m->n, out);
    free(copy);
    return fault;
}

static enum dhcp_fault read_options(const char *options, size_t n, struct dhcp_message *out)
{
    struct made m = made_of(options, n);

    return read_made(&m, out);
}

static void is(struct estab_addr a, uint8_t b, uint8_t c, uint8_t d, uint8_t e)
{
    struct estab_addr expected = estab_ipv4(b, c, d, e);

    assert_memory_equal(&a, &expected, sizeof a);
}

static void an_offer_is_read(void **state)
{
    struct dhcp_message m;

    (void)state;
    assert_int_equal(read_options(BYTES("\0\0" OFFER "\1\4\xff\xff\xfc\0\3\4\x0a\0\0\1"
                                        "\6\x10\x0a\0\0\2\x0a\0\0\3\x0a\0\0\4\x0a\0\0\5"
                                        "\x36\4\x0a\0\0\1\x33\4\0\0\x0e\x10\x3a\4\0\0\7\x08\x3b\4\0\0\x0c\x4e"
                                        "\x99\3abc" END "\x35\1\6 what follows is nothing"),
                                  &m),
                     DHCP_NONE);
    assert_true(m.reply && m.broadcast);
    assert_int_equal(m.type, DHCP_OFFER);
    assert_int_equal(m.xid, 0xdeadbeef);
    assert_int_equal(m.seconds, 3);
    assert_memory_equal(m.mac, "\2\0\x0a\0\0\1", 6);
    is(m.yours, 10, 0, 0, 7);
    is(m.server, 10, 0, 0, 1);
    is(m.requested, 0, 0, 0, 0);
    assert_int_equal(m.prefix_length, 22);
    assert_int_equal(m.routers, 1);
    assert_int_equal(m.dns, DHCP_SERVERS_MAX); /* of four */
    is(m.dns_server[2], 10, 0, 0, 4);
    assert_int_equal(m.lease, 3600);
    assert_int_equal(m.renew, 1800);
    assert_int_equal(m.rebind, 3150);
}

/* RFC 3396: an option that occurs again goes on, through the options, file and sname. */
static void options_go_on_elsewhere(void **state)
{
    struct made made = made_of(BYTES("\x34\1\3" OFFER "\6\3\x0a\0\0" END));
    struct dhcp_message m;

    (void)state;
    memcpy(made.octet + 108, "\6\3\2\x0a\0" END, 6);
    memcpy(made.octet + 44, "\1\4\xff\0\0\0\6\2\0\3", 10); /* its rest is padding, without an end */
    assert_int_equal(read_made(&made, &m), DHCP_NONE);
    assert_int_equal(m.dns, 2);
    is(m.dns_server[0], 10, 0, 0, 2);
    is(m.dns_server[1], 10, 0, 0, 3);
    assert_int_equal(m.prefix_length, 8);
    made.octet[242] = 1; /* sname is a name again */
    assert_int_equal(read_made(&made, &m), DHCP_OPTION_LENGTH);
    assert_int_equal(m.prefix_length, 0);
}

static const struct bad {
    const char *name;
    enum dhcp_fault fault;
    const char *options;
    size_t n;
} bads[] = {
    {"no type", DHCP_TYPE, BYTES("\1\4\xff\0\0\0" END)},
    {"nothing at all", DHCP_TYPE, BYTES("")},
    {"type 0", DHCP_TYPE, BYTES("\x35\1\0" END)},
    {"type 9", DHCP_TYPE, BYTES("\x35\1\x09" END)},
    {"a type of two octets", DHCP_TYPE, BYTES("\x35\2\2\2" END)},
    {"a type twice", DHCP_TYPE, BYTES(OFFER OFFER END)},
    {"an option without a length", DHCP_OPTION_CUT, BYTES(OFFER "\6")},
    {"an option that runs over the end", DHCP_OPTION_CUT, BYTES(OFFER "\6\4\x0a\0\0")},
    {"an unknown option that runs over the end", DHCP_OPTION_CUT, BYTES(OFFER "\x99\xff" "abc")},
    {"a mask of three octets", DHCP_OPTION_LENGTH, BYTES(OFFER "\1\3\xff\xff\xff" END)},
    {"a mask of eight octets", DHCP_OPTION_LENGTH, BYTES(OFFER "\1\x08\xff\0\0\0\xff\0\0\0" END)},
    {"a mask with holes", DHCP_MASK, BYTES(OFFER "\1\4\xff\0\xff\0" END)},
    {"a mask without its left", DHCP_MASK, BYTES(OFFER "\1\4\0\0\0\xff" END)},
    {"a router of five octets", DHCP_OPTION_LENGTH, BYTES(OFFER "\3\5\x0a\0\0\1\1" END)},
    {"a server of DNS of two octets", DHCP_OPTION_LENGTH, BYTES(OFFER "\6\2\x0a\0" END)},
    {"two addresses of one server", DHCP_OPTION_LENGTH, BYTES(OFFER "\x36\x08\x0a\0\0\1\x0a\0\0\2" END)},
    {"a lease of two octets", DHCP_OPTION_LENGTH, BYTES(OFFER "\x33\2\0\1" END)},
    {"a time to renew of five octets", DHCP_OPTION_LENGTH, BYTES(OFFER "\x3a\5\0\0\0\0\1" END)},
    {"overload 0", DHCP_OVERLOAD, BYTES(OFFER "\x34\1\0" END)},
    {"overload 4", DHCP_OVERLOAD, BYTES(OFFER "\x34\1\4" END)},
    {"an overload of two octets", DHCP_OVERLOAD, BYTES(OFFER "\x34\2\1\1" END)},
};

static void each_bad_message_has_its_fault(void **state)
{
    struct dhcp_message m;

    (void)state;
    for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
        enum dhcp_fault fault = read_options(bads[i].options, bads[i].n, &m);

        if (fault != bads[i].fault)
            fail_msg("%s: %s", bads[i].name, dhcp_fault_info(fault).name);
    }
}

static void an_option_may_not_run_over_an_overloaded_field(void **state)
{
    struct made made = made_of(BYTES(OFFER "\x34\1\2" END));
    struct dhcp_message m;

    (void)state;
    memset(made.octet + 44, 0, 64);
    memcpy(made.octet + 44 + 60, "\6\4\x0a\0", 4); /* into the file's */
    assert_int_equal(read_made(&made, &m), DHCP_OPTION_CUT);
}

static void fixed_fields_are_looked_at(void **state)
{
    static const struct {
        const char *name;
        size_t at;
        uint8_t value;
        enum dhcp_fault fault;
    } rows[] = {
        {"operation 3", 0, 3, DHCP_OPERATION},      {"operation 0", 0, 0, DHCP_OPERATION},
        {"token ring", 1, 6, DHCP_HARDWARE},        {"an address of 16 octets", 2, 16, DHCP_HARDWARE},
        {"another cookie", 239, 0x62, DHCP_COOKIE},
    };
    struct dhcp_message m;

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct made made = made_of(BYTES(OFFER END));

        made.octet[rows[i].at] = rows[i].value;
        if (read_made(&made, &m) != rows[i].fault)
            fail_msg("%s", rows[i].name);
    }
    for (size_t n = 0; n < DHCP_FIXED + 4; n++) {
        struct made made = made_of(BYTES(OFFER END));

        made.n = n;
        assert_int_equal(read_made(&made, &m), DHCP_CUT);
    }
}

static void what_is_written_is_read(void **state)
{
    struct dhcp_message m = {.type = DHCP_REQUEST, .broadcast = true, .xid = 7, .seconds = 9, .mac = {2, [5] = 1},
                             .requested = estab_ipv4(10, 0, 0, 7), .server = estab_ipv4(10, 0, 0, 1)};
    uint8_t out[DHCP_WRITE_MAX];
    struct dhcp_message again;
    size_t n;

    (void)state;
    n = dhcp_write(out, &m);
    assert_int_equal(n, DHCP_LEAST);
    assert_memory_equal(out + DHCP_FIXED + 4, "\x35\1\3\x32\4\x0a\0\0\7\x36\4\x0a\0\0\1\x3d\7\1\2\0\0\0\0\1", 24);
    assert_int_equal(dhcp_read(out, n, &again), DHCP_NONE);
    assert_int_equal(again.type, DHCP_REQUEST);
    assert_int_equal(again.xid, 7);
    is(again.requested, 10, 0, 0, 7);
    m = (struct dhcp_message){.reply = true, .type = DHCP_ACK, .yours = estab_ipv4(10, 0, 0, 7),
                              .server = estab_ipv4(10, 0, 0, 1), .prefix_length = 32, .routers = 3, .dns = 3,
                              .lease = UINT32_MAX, .renew = 5, .rebind = 6};
    for (unsigned i = 0; i < 3; i++)
        m.router[i] = m.dns_server[i] = estab_ipv4(10, 0, 0, (uint8_t)(i + 1));
    n = dhcp_write(out, &m);
    assert_int_equal(dhcp_read(out, n, &again), DHCP_NONE);
    assert_int_equal(again.prefix_length, 32);
    assert_int_equal(again.lease, UINT32_MAX);
    assert_int_equal(again.dns, 3);
    is(again.router[2], 10, 0, 0, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_is_read),
        cmocka_unit_test(options_go_on_elsewhere),
        cmocka_unit_test(each_bad_message_has_its_fault),
        cmocka_unit_test(an_option_may_not_run_over_an_overloaded_field),
        cmocka_unit_test(fixed_fields_are_looked_at),
        cmocka_unit_test(what_is_written_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
