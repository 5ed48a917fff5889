/* SPDX-License-Identifier: MIT */
/* test_link_config.c - the text form of a link's configuration, both ways, and its errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/link_config.h"

static void reads_everything(void **state)
{
    (void)state;
    struct link_config config = {0};
    char error[LINK_ERROR_MAX];
    assert_true(link_config_parse(&config,
                                  "delay 20ms jitter 5ms rate 10mbit queue 100 64kb loss 1% "
                                  "duplicate 0.5% reorder 5% 10ms scatter 3ms corrupt 0.1% mark 2%",
                                  error));
    assert_true(config.delay_ns == 20 * ESTAB_MS);
    assert_true(config.jitter_ns == 5 * ESTAB_MS);
    assert_true(config.rate_bps == 10000000);
    assert_int_equal(config.queue_frames, 100);
    assert_true(config.queue_bytes == 64000);
    assert_int_equal(config.loss_ppm, 10000);
    assert_int_equal(config.duplicate_ppm, 5000);
    assert_int_equal(config.reorder_ppm, 50000);
    assert_true(config.reorder_ns == 10 * ESTAB_MS);
    assert_true(config.scatter_ns == 3 * ESTAB_MS);
    assert_int_equal(config.corrupt_ppm, 1000);
    assert_int_equal(config.mark_ppm, 20000);
}

static void changes_only_what_is_named(void **state)
{
    (void)state;
    struct link_config config = {.delay_ns = 7, .loss_ppm = 9};
    char error[LINK_ERROR_MAX];
    assert_true(link_config_parse(&config, "LOSS 2%", error));
    assert_true(config.delay_ns == 7);
    assert_int_equal(config.loss_ppm, 20000);
    assert_true(link_config_parse(&config, "none delay 1ms", error));
    assert_true(config.delay_ns == ESTAB_MS);
    assert_int_equal(config.loss_ppm, 0);
}

static const struct {
    const char *text, *error;
} errors[] = {
    {"", "expected delay, jitter, rate, queue, loss, duplicate, reorder, scatter, corrupt, mark or none"},
    {"delay 1ms dealy 2ms",
     "\"dealy\": expected delay, jitter, rate, queue, loss, duplicate, reorder, scatter, corrupt, mark or none"},
    {"delay 20", "delay: expected a time such as 20ms, at most 3600s, not \"20\""},
    {"delay", "delay: expected a time such as 20ms, at most 3600s, not \"\""},
    {"delay 3601s", "delay: expected a time such as 20ms, at most 3600s, not \"3601s\""},
    {"jitter fast", "jitter: expected a time such as 20ms, at most 3600s, not \"fast\""},
    {"rate 10", "rate: expected a rate such as 10mbit, at most 1000gbit, not \"10\""},
    {"loss 1", "loss: expected a share such as 1% or 0.05%, at most 100%, not \"1\""},
    {"loss 101%", "loss: expected a share such as 1% or 0.05%, at most 100%, not \"101%\""},
    {"loss 0.00001%", "loss: expected a share such as 1% or 0.05%, at most 100%, not \"0.00001%\""},
    {"reorder 5%", "reorder: expected a time such as 20ms, at most 3600s, not \"\""},
    {"rate 1mbit queue x", "queue: expected frames such as 100, or bytes such as 64kb, not \"x\""},
    {"queue 100", "queue: expected a rate as well, as nothing waits without one"},
};

static void says_what_was_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct link_config config = {.delay_ns = 7}, before = config;
        char error[LINK_ERROR_MAX];
        assert_false(link_config_parse(&config, errors[i].text, error));
        assert_string_equal(error, errors[i].error);
        assert_true(config.delay_ns == before.delay_ns && config.rate_bps == 0);
    }
}

#define EVERYTHING                                                                                 \
    "delay 20ms jitter 5ms rate 10mbit queue 100 queue 64kb loss 1% duplicate 0.5% "               \
    "reorder 5% 10ms scatter 3ms corrupt 0.1%"

static const char *const texts[] = {
    "none", "delay 20ms", EVERYTHING, "rate 9600bit", "loss 33.3333%",
};

static void writes_what_it_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct link_config config = {0};
        char error[LINK_ERROR_MAX], text[LINK_TEXT_MAX];
        assert_true(link_config_parse(&config, texts[i], error));
        link_config_text(&config, text);
        assert_string_equal(text, texts[i]);
    }
}

static void greatest_values_fit_the_text(void **state)
{
    (void)state;
    struct link_config config = {
        .delay_ns = LINK_TIME_MAX - 1,
        .jitter_ns = LINK_TIME_MAX - 1,
        .rate_bps = LINK_RATE_MAX - 1,
        .queue_bytes = (UINT64_C(1) << 40) - 1,
        .queue_frames = UINT32_MAX,
        .loss_ppm = 999999,
        .duplicate_ppm = 999999,
        .reorder_ppm = 999999,
        .corrupt_ppm = 999999,
        .reorder_ns = LINK_TIME_MAX - 1,
        .scatter_ns = LINK_TIME_MAX - 1,
    };
    struct link_config read = {0};
    char error[LINK_ERROR_MAX], text[LINK_TEXT_MAX], again[LINK_TEXT_MAX];
    assert_null(link_config_check(&config));
    link_config_text(&config, text);
    assert_true(link_config_parse(&read, text, error));
    link_config_text(&read, again);
    assert_string_equal(text, again);
    assert_true(read.reorder_ns == config.reorder_ns && read.corrupt_ppm == 999999);
}

static void checks_what_was_not_parsed(void **state)
{
    (void)state;
    struct link_config config = {.loss_ppm = 1000001};
    assert_string_equal(link_config_check(&config),
                        "loss, duplicate, reorder, corrupt, mark: expected at most 100%");
    config = (struct link_config){.rate_bps = LINK_RATE_MAX + 1};
    assert_string_equal(link_config_check(&config), "rate: expected at most 1000gbit");
    config = (struct link_config){.scatter_ns = LINK_TIME_MAX + 1};
    assert_non_null(link_config_check(&config));
    config = (struct link_config){.reorder_ns = LINK_TIME_MAX + 1};
    assert_string_equal(link_config_check(&config),
                        "delay, jitter, reorder, scatter: expected at most 3600s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),
        cmocka_unit_test(changes_only_what_is_named),
        cmocka_unit_test(says_what_was_expected),
        cmocka_unit_test(writes_what_it_reads),
        cmocka_unit_test(greatest_values_fit_the_text),
        cmocka_unit_test(checks_what_was_not_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
