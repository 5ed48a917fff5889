/* SPDX-License-Identifier: MIT */
/* test_form.c - percent-encoding, names and values, and the date. */
#include "http/form.h"
#include "http/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The text in memory that ends with it. */
static struct form_text text_new(const char *text)
{
    struct form_text t = {malloc(strlen(text) ? strlen(text) : 1), strlen(text)};

    assert_non_null(t.at);
    memcpy((char *)t.at, text, t.length);
    return t;
}

static void escapes_are_checked(void **state)
{
    static const struct {
        const char *text;
        int wrong; /* -1: nothing is */
    } rows[] = {
        {"", -1},      {"abc", -1},      {"%41", -1},  {"%4a%4A%fF", -1}, {"a+b", -1},
        {"%", 0},      {"a%4", 1},       {"%4g", 0},   {"%g4", 0},        {"%%41", 0},
        {"%41%", 3},   {"ab%41cd%z", 7}, {"% 41", 0},  {"%+1", 0},        {"%0x", 0},
        {"%41%4", 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct form_text text = text_new(rows[i].text);
        size_t wrong = 99;
        bool good = form_check(text, &wrong);
        assert_int_equal(good, rows[i].wrong < 0);
        if (!good)
            assert_int_equal(wrong, rows[i].wrong);
        free((char *)text.at);
    }
}

static void texts_are_decoded(void **state)
{
    static const struct {
        const char *text, *plain, *path;
    } rows[] = {
        {"", "", ""},
        {"abc", "abc", "abc"},
        {"a+b", "a b", "a+b"},
        {"a%2Bb", "a+b", "a+b"},
        {"%E5%BC%A0%e4%b8%89", "\345\274\240\344\270\211", "\345\274\240\344\270\211"},
        {"%25%32%35", "%25", "%25"}, /* once, not twice */
        {"%2F%3f", "/?", "/?"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct form_text text = text_new(rows[i].text);
        uint8_t room[64];
        struct writer w = writer_of(room, sizeof room);
        form_decode(&w, text, true);
        assert_int_equal(writer_len(&w), strlen(rows[i].plain));
        assert_memory_equal(room, rows[i].plain, strlen(rows[i].plain));
        w = writer_of(room, sizeof room);
        form_decode(&w, text, false);
        assert_int_equal(writer_len(&w), strlen(rows[i].path));
        assert_memory_equal(room, rows[i].path, strlen(rows[i].path));
        assert_true(form_is(text, rows[i].plain, true));
        assert_true(form_is(text, rows[i].path, false));
        assert_false(form_is(text, "abcd", true));
        assert_int_equal(form_is(text, "", true), text.length == 0);
        free((char *)text.at);
    }
}

static void every_octet_comes_back(void **state)
{
    char text[4] = {'%'};
    uint8_t octet;

    (void)state;
    for (unsigned i = 0; i < 256; i++) {
        struct writer w = writer_of(&octet, 1);
        text[1] = "0123456789abcdef"[i >> 4];
        text[2] = "0123456789ABCDEF"[i & 15];
        form_decode(&w, form_text(text), true);
        assert_true(writer_ok(&w));
        assert_int_equal(octet, i);
    }
}

static void names_are_found(void **state)
{
    static const struct {
        const char *text, *name, *value; /* NULL: not there */
    } rows[] = {
        {"", "a", NULL},
        {"a=1", "a", "1"},
        {"a=1&b=2", "b", "2"},
        {"b=2&a=1&a=3", "a", "1"}, /* the first */
        {"a", "a", ""},
        {"a=", "a", ""},
        {"a=b=c", "a", "b=c"},
        {"&&a=1&", "a", "1"},
        {"ab=1", "a", NULL},
        {"a=1", "ab", NULL},
        {"A=1", "a", NULL},
        {"%61=1", "a", "1"},
        {"a+b=1", "a b", "1"},
        {"=1", "a", NULL},
        {"x=a=1", "a", NULL},
        {"a=%26&b=%3D", "b", "%3D"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct form_text text = text_new(rows[i].text), value;
        assert_int_equal(form_find(text, rows[i].name, &value), rows[i].value != NULL);
        if (rows[i].value) {
            assert_int_equal(value.length, strlen(rows[i].value));
            assert_true(value.length == 0 ||
                        memcmp(value.at, rows[i].value, value.length) == 0);
        }
        free((char *)text.at);
    }
}

static void dates_are_fixed(void **state)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } rows[] = {
        {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"}, /* RFC 9110's own */
        {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
        {INT64_C(4107542400), "Mon, 01 Mar 2100 00:00:00 GMT"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[HTTP_DATE_SIZE];
        http_date(text, rows[i].seconds);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_are_checked), cmocka_unit_test(texts_are_decoded),
        cmocka_unit_test(every_octet_comes_back), cmocka_unit_test(names_are_found),
        cmocka_unit_test(dates_are_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
