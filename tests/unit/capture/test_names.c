/* SPDX-License-Identifier: MIT */
#include "capture/names.h"
#include "capture/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void names_stand_for_addresses(void **state)
{
    (void)state;
    struct names names = {.count = 0};
    struct estab_addr server = estab_ipv4(10, 11, 0, 1), other = estab_ipv4(192, 0, 2, 255), found;
    char out[NAMES_ADDR_MAX];

    assert_true(names_add(&names, server, "server"));
    assert_string_equal(names_find(&names, server), "server");
    assert_null(names_find(&names, other));
    assert_null(names_find(NULL, server));
    assert_int_equal(names_rank(&names, server), 0);
    assert_int_equal(names_rank(&names, other), 1);
    assert_int_equal(names_label(&names, server, out), 6);
    assert_string_equal(out, "server");
    assert_int_equal(names_label(&names, other, out), 11);
    assert_string_equal(out, "192.0.2.255");
    names_label(NULL, other, out);
    assert_string_equal(out, "192.0.2.255");
    assert_true(names_add(&names, server, "kernel")); /* renamed */
    assert_int_equal(names.count, 1);
    assert_true(names_address(&names, "kernel", &found));
    assert_memory_equal(&found, &server, sizeof found);
    assert_false(names_address(&names, "server", &found));
    assert_false(names_address(NULL, "server", &found));
}

static void names_that_cannot_be(void **state)
{
    (void)state;
    struct names names = {.count = 0};
    char name[8];

    assert_false(names_add(&names, estab_ipv4(1, 2, 3, 4), NULL));
    assert_false(names_add(&names, estab_ipv4(1, 2, 3, 4), ""));
    assert_false(names_add(&names, estab_ipv4(1, 2, 3, 4), "two words"));
    assert_false(names_add(&names, estab_ipv4(1, 2, 3, 4), "a\"b"));
    assert_false(names_add(&names, estab_ipv4(1, 2, 3, 4), "twenty-four-bytes-and-one"));
    assert_true(names_add(&names, estab_ipv4(1, 2, 3, 4), "a.name-of_23-characters"));
    for (unsigned i = 1; i < NAMES_MAX; i++) {
        snprintf(name, sizeof name, "n%u", i);
        assert_true(names_add(&names, estab_ipv4(10, 0, 0, (uint8_t)i), name));
    }
    assert_false(names_add(&names, estab_ipv4(10, 0, 1, 0), "more"));
    assert_int_equal(names.count, NAMES_MAX);
}

static void addresses_of_ipv6(void **state)
{
    (void)state;
    struct estab_addr addr = {{0xfd, 0x11, [15] = 0x2a}}, longest;
    char out[NAMES_ADDR_MAX];

    names_addr_text(out, addr);
    assert_string_equal(out, "fd11::2a");
    for (int i = 0; i < 16; i++)
        longest.b[i] = 0xff;
    assert_int_equal(names_addr_text(out, longest), 39);
}

static void text_that_does_not_fit_is_cut(void **state)
{
    (void)state;
    char space[8];
    struct text t = text_of(space, sizeof space, false);

    text_add(&t, "12345");
    assert_false(t.cut);
    text_format(&t, "%d", 6789);
    assert_true(t.cut);
    assert_string_equal(space, "1234567");
    assert_int_equal(t.length, 7);
    text_pad(&t, 100);
    text_add(&t, "x");
    assert_int_equal(t.length, 7);

    t = text_of(NULL, 0, true);
    text_add(&t, "x");
    text_format(&t, "%s", "x");
    text_pad(&t, 3);
    text_paint(&t, TEXT_RED, "x");
    assert_int_equal(t.length, 0);
}

static void colours_take_no_column(void **state)
{
    (void)state;
    char space[64];
    struct text t = text_of(space, sizeof space, true);

    text_paint(&t, TEXT_RED, "abc");
    assert_int_equal(text_columns(&t), 3);
    text_pad(&t, 5);
    text_add(&t, "|");
    assert_string_equal(space, "\033[31mabc\033[0m  |");
    text_newline(&t);
    assert_int_equal(text_columns(&t), 0);
    text_paint(&t, TEXT_PLAIN, "d  ");
    text_trim(&t);
    assert_string_equal(space, "\033[31mabc\033[0m  |\nd");
}

static void quotes(void **state)
{
    (void)state;
    char space[64];
    struct text t = text_of(space, sizeof space, false);

    text_json(&t, "a\"\\\n\x01\xff/", 7);
    assert_string_equal(space, "\"a\\\"\\\\\\u000a\\u0001\\u00ff/\"");
    t = text_of(space, sizeof space, false);
    text_quote(&t, "\t\"\\\r\n\x7f", 6);
    assert_string_equal(space, "\"\\t\\\"\\\\\\r\\n\\x7f\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_stand_for_addresses),
        cmocka_unit_test(names_that_cannot_be),
        cmocka_unit_test(addresses_of_ipv6),
        cmocka_unit_test(text_that_does_not_fit_is_cut),
        cmocka_unit_test(colours_take_no_column),
        cmocka_unit_test(quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
