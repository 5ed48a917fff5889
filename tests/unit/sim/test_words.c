/* SPDX-License-Identifier: MIT */
/* test_words.c - numbers with units, in and out, as tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/words.h"

static void cuts_at_spaces_and_commas(void **state)
{
    (void)state;
    struct words w = words_of("  Delay\t20MS,loss\n1% ");
    assert_true(words_take(&w, "delay"));
    assert_false(words_take(&w, "loss"));
    assert_true(words_take(&w, "20ms"));
    assert_true(words_take(&w, "loss"));
    assert_true(words_take(&w, "1%"));
    assert_true(words_end(&w));
    words_next(&w);
    assert_true(words_end(&w));
}

static void cuts_long_words(void **state)
{
    (void)state;
    struct words w = words_of("0123456789012345678901234567890123456789 next");
    assert_int_equal(strlen(w.word), WORD_MAX - 1);
    words_next(&w);
    assert_string_equal(w.word, "next");
}

static const struct {
    const char *word;
    const struct word_unit *units;
    uint64_t value;
} numbers[] = {
    {"20ms", word_times, 20000000},
    {"1.5ms", word_times, 1500000},
    {"0s", word_times, 0},
    {"0.000000001s", word_times, 1},
    {"1.50s", word_times, 1500000000},
    {"7ns", word_times, 7},
    {"10mbit", word_rates, 10000000},
    {"2.5Gbit", word_rates, 2500000000},
    {"9600bit", word_rates, 9600},
    {"1%", word_shares, 10000},
    {"100%", word_shares, 1000000},
    {"0.0001%", word_shares, 1},
    {"12.34%", word_shares, 123400},
    {"64kb", word_bytes, 64000},
    {"1.25kib", word_bytes, 1280},
    {"100", word_counts, 100},
    {"18446744073709551615", word_counts, UINT64_MAX},
};

static void reads_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct words w = words_of(numbers[i].word);
        uint64_t value = 1234;
        assert_true(words_take_number(&w, numbers[i].units, UINT64_MAX, &value));
        assert_true(value == numbers[i].value);
        assert_true(words_end(&w));
    }
}

static const struct {
    const char *word;
    const struct word_unit *units;
} refused[] = {
    {"", word_times},
    {"ms", word_times},
    {"20", word_times},
    {"20 ms", word_times},
    {"-1ms", word_times},
    {"+1ms", word_times},
    {"1e3ms", word_times},
    {"1.ms", word_times},
    {".5ms", word_times},
    {"1.2.3s", word_times},
    {"0.5ns", word_times},
    {"0.0000000001s", word_times},
    {"20msec", word_times},
    {"0x10ms", word_times},
    {"1", word_shares},
    {"0.00001%", word_shares},
    {"1.00001%", word_shares},
    {"18446744073709551616", word_counts},
    {"1.5", word_counts},
    {"1.3b", word_bytes},
    {"99999999999999999999s", word_times},
    {"20000000000s", word_times},
};

static void refuses_what_is_no_number(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct words w = words_of(refused[i].word);
        char before[WORD_MAX];
        uint64_t value = 1234;
        memcpy(before, w.word, sizeof before);
        assert_false(words_take_number(&w, refused[i].units, UINT64_MAX, &value));
        assert_string_equal(w.word, before);
        assert_int_equal(value, 1234);
    }
}

static void refuses_what_is_too_great(void **state)
{
    (void)state;
    uint64_t value;
    struct words w = words_of("101% 100%");
    assert_false(words_take_number(&w, word_shares, 1000000, &value));
    words_next(&w);
    assert_true(words_take_number(&w, word_shares, 1000000, &value));
}

static const struct {
    uint64_t value;
    const struct word_unit *units;
    const char *text;
} texts[] = {
    {0, word_times, "0ns"},           {20000000, word_times, "20ms"},
    {1500000, word_times, "1500us"},  {3600000000000, word_times, "3600s"},
    {10000, word_shares, "1%"},       {1, word_shares, "0.0001%"},
    {123450, word_shares, "12.345%"}, {0, word_shares, "0%"},
    {9600, word_rates, "9600bit"},    {1000000000, word_rates, "1gbit"},
    {65536, word_bytes, "64kib"},     {1001, word_bytes, "1001b"},
    {100, word_counts, "100"},
};

static void writes_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[64] = "";
        words_append_number(text, sizeof text, texts[i].value, texts[i].units);
        assert_string_equal(text, texts[i].text);
        struct words w = words_of(text);
        uint64_t value;
        assert_true(words_take_number(&w, texts[i].units, UINT64_MAX, &value));
        assert_true(value == texts[i].value);
    }
}

static void appends_what_fits(void **state)
{
    (void)state;
    char text[8] = "";
    words_append(text, sizeof text, "%s", "abcde");
    words_append(text, sizeof text, "%s", "fghij");
    assert_string_equal(text, "abcdefg");
    words_append(text, sizeof text, "k");
    assert_string_equal(text, "abcdefg");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cuts_at_spaces_and_commas),
        cmocka_unit_test(cuts_long_words),
        cmocka_unit_test(reads_numbers),
        cmocka_unit_test(refuses_what_is_no_number),
        cmocka_unit_test(refuses_what_is_too_great),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(appends_what_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
