/* SPDX-License-Identifier: MIT */
/* test_link_rule.c - which frames a filter matches, and the text form of rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sim/link_rule.h"
#include "support/random.h"
#include "support/tcp_frame.h"

static struct link_rule parse(const char *text)
{
    struct link_rule rule;
    char error[LINK_ERROR_MAX] = "";
    if (!link_rule_parse(&rule, text, error))
        fail_msg("%s: %s", text, error);
    return rule;
}

static bool matches(const char *filter, struct tcp_frame_of of)
{
    uint8_t bytes[TCP_FRAME_HEADERS + 100];
    char text[LINK_TEXT_MAX] = "drop every ";
    struct estab_frame frame = tcp_frame(bytes, &of);
    struct link_rule rule = parse(strcat(text, filter));
    return link_filter_match(&rule.filter, bytes, frame.length, frame.link);
}

#define SYN                                                                                        \
    {                                                                                              \
        .flags = LINK_SYN                                                                          \
    }
#define SYN_ACK                                                                                    \
    {                                                                                              \
        .flags = LINK_SYN | LINK_ACK                                                               \
    }
#define ACK                                                                                        \
    {                                                                                              \
        .flags = LINK_ACK                                                                          \
    }
#define DATA                                                                                       \
    {                                                                                              \
        .flags = LINK_ACK | LINK_PSH, .text = 10, .source = 80, .destination = 9                   \
    }
#define FIN                                                                                        \
    {                                                                                              \
        .flags = LINK_FIN | LINK_ACK                                                               \
    }

static const struct {
    const char *filter;
    struct tcp_frame_of of;
    bool match;
} cases[] = {
    {"", SYN, true},
    {"tcp", SYN, true},
    {"syn", SYN, true},
    {"syn", SYN_ACK, true},
    {"syn", ACK, false},
    {"syn ack", SYN, false},
    {"syn ack", SYN_ACK, true},
    {"syn no-ack", SYN, true},
    {"syn no-ack", SYN_ACK, false},
    {"fin", FIN, true},
    {"fin", DATA, false},
    {"rst", FIN, false},
    {"data", DATA, true},
    {"data", FIN, false},
    {"no-data", FIN, true},
    {"no-data", DATA, false},
    {"psh no-urg", DATA, true},
    {"urg", DATA, false},
    {"port 80", DATA, true},
    {"port 9", DATA, true},
    {"port 81", DATA, false},
    {"min 64", DATA, true}, /* 54 bytes of headers, 10 of text */
    {"min 65", DATA, false},
    {"data port 80 min 64 ack", DATA, true},
};

static void filters_match_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (unsigned bare = 0; bare < 2; bare++) {
            struct tcp_frame_of of = cases[i].of;
            of.bare = bare == 1;
            bool length_counts = strstr(cases[i].filter, "min") != NULL;
            if (matches(cases[i].filter, of) != cases[i].match && !(bare && length_counts))
                fail_msg("case %zu: %s", i, cases[i].filter);
        }
}

static void padding_is_no_text(void **state)
{
    (void)state;
    uint8_t bytes[60] = {0};
    struct estab_frame frame = tcp_frame(bytes, &(struct tcp_frame_of)ACK);
    struct link_rule none = parse("drop no-data"), some = parse("drop data");
    assert_int_equal(frame.length, 54);
    assert_true(link_filter_match(&none.filter, bytes, sizeof bytes, ESTAB_LINK_ETHERNET));
    assert_false(link_filter_match(&some.filter, bytes, sizeof bytes, ESTAB_LINK_ETHERNET));
}

static void only_tcp_matches_words(void **state)
{
    (void)state;
    uint8_t arp[42] = {[12] = 0x08, [13] = 0x06};
    struct link_rule all = parse("drop"), tcp = parse("drop tcp"), no_syn = parse("drop no-syn");
    assert_true(link_filter_match(&all.filter, arp, sizeof arp, ESTAB_LINK_ETHERNET));
    assert_false(link_filter_match(&tcp.filter, arp, sizeof arp, ESTAB_LINK_ETHERNET));
    assert_false(link_filter_match(&no_syn.filter, arp, sizeof arp, ESTAB_LINK_ETHERNET));
    assert_true(link_filter_match(&all.filter, NULL, 0, ESTAB_LINK_IP));
    assert_false(link_filter_match(&tcp.filter, NULL, 0, ESTAB_LINK_IP));
}

static void reads_tcp_over_ipv6(void **state)
{
    (void)state;
    uint8_t bytes[40 + 20 + 5] = {0x60, [5] = 25, [6] = 6, [40] = 0, 80, 1, 2, [52] = 0x50, 0x10};
    struct link_rule data = parse("drop data port 80"), fin = parse("drop fin");
    assert_true(link_filter_match(&data.filter, bytes, sizeof bytes, ESTAB_LINK_IP));
    assert_false(link_filter_match(&fin.filter, bytes, sizeof bytes, ESTAB_LINK_IP));
    bytes[6] = 17;
    assert_false(link_filter_match(&data.filter, bytes, sizeof bytes, ESTAB_LINK_IP));
}

/* Each line breaks one thing of a frame that matched. */
static void broken_frames_match_no_words(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint8_t value;
    } breaks[] = {
        {12, 0x86},      /* another EtherType */
        {14, 0x35},      /* version 3 */
        {14, 0x44},      /* IPv4 header of 16 bytes */
        {14, 0x4f},      /* IPv4 header that reaches beyond the TCP header */
        {16, 0xff},      /* total length beyond the frame */
        {21, 0x01},      /* a later fragment */
        {23, 17},        /* UDP */
        {14 + 32, 0x40}, /* TCP header of 16 bytes */
        {14 + 32, 0xf0}, /* TCP header beyond the segment */
    };
    struct link_rule rule = parse("drop tcp");
    for (size_t i = 0; i < sizeof breaks / sizeof breaks[0]; i++) {
        uint8_t bytes[TCP_FRAME_HEADERS];
        struct estab_frame frame = tcp_frame(bytes, &(struct tcp_frame_of)ACK);
        assert_true(link_filter_match(&rule.filter, bytes, frame.length, frame.link));
        bytes[breaks[i].at] = breaks[i].value;
        if (link_filter_match(&rule.filter, bytes, frame.length, frame.link))
            fail_msg("break %zu", i);
    }
}

/* No byte beyond the given ones is touched: the sanitizers watch an exact allocation. */
static void any_bytes_are_read_safely(void **state)
{
    (void)state;
    uint64_t seed = 11;
    struct link_rule rule = parse("drop data port 80");
    for (unsigned i = 0; i < 20000; i++) {
        size_t n = random_next(&seed) % 80;
        uint8_t *bytes = test_malloc(n + 1);
        random_fill(&seed, bytes + 1, n);
        if (n > 0)
            bytes[1] = (uint8_t)((random_next(&seed) & 1 ? 0x40 : 0x60) | (bytes[1] & 0x0f));
        (void)!link_filter_match(&rule.filter, bytes + 1, n, ESTAB_LINK_IP);
        (void)!link_filter_match(&rule.filter, bytes + 1, n, ESTAB_LINK_ETHERNET);
        test_free(bytes);
    }
}

static const struct {
    const char *read, *written;
} texts[] = {
    {"drop 2 data", "drop 2 data"},
    {"drop the 2nd data", "drop 2 data"},
    {"Drop the 1st SYN", "drop 1 syn"},
    {"drop 3rd fin", "drop 3 fin"},
    {"drop 4th rst", "drop 4 rst"},
    {"drop", "drop every"},
    {"drop every rst", "drop every rst"},
    {"corrupt no-data", "corrupt every no-data"},
    {"delay 1 syn ack 300ms", "delay 1 syn ack 300ms"},
    {"delay 300ms", "delay every 300ms"},
    {"duplicate 3 data port 80 500ms", "duplicate 3 data port 80 500ms"},
    {"duplicate 1", "duplicate 1"},
    {"corrupt the 4th data min 1000", "corrupt 4 data min 1000"},
    {"drop 1 tcp no-syn no-ack no-fin no-rst no-psh no-urg",
     "drop 1 tcp no-syn no-ack no-fin no-rst no-psh no-urg"},
};

static void rules_have_a_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char text[LINK_TEXT_MAX];
        struct link_rule rule = parse(texts[i].read);
        link_rule_text(&rule, text);
        assert_string_equal(text, texts[i].written);
        rule = parse(text);
        link_rule_text(&rule, text);
        assert_string_equal(text, texts[i].written);
    }
}

#define WORDS                                                                                      \
    "expected [no-]syn, -ack, -fin, -rst, -psh, -urg, [no-]data, tcp, port N, min BYTES, or a "    \
    "time such as 200ms"

static const struct {
    const char *text, *error;
} errors[] = {
    {"", "\"\": expected drop, duplicate, delay or corrupt, as in \"drop 2 data\""},
    {"lose 2 data", "\"lose\": expected drop, duplicate, delay or corrupt, as in \"drop 2 data\""},
    {"drop 0 data", "frames count from 1: expected 1, 2, ... or every"},
    {"drop 2 date", "\"date\": " WORDS},
    {"drop 2x data", "\"2x\": " WORDS},
    {"drop data 2", "\"2\": " WORDS},
    {"drop port 0", "port: expected 1 to 65535, not \"0\""},
    {"drop port 65536", "port: expected 1 to 65535, not \"65536\""},
    {"drop port", "port: expected 1 to 65535, not \"\""},
    {"drop min lots", "min: expected a number of bytes, not \"lots\""},
    {"delay 2 data", "delay: expected a time, as in \"delay 2 data 200ms\""},
    {"drop 2 data 10ms", "only delay and duplicate take a time"},
    {"drop syn no-syn", "no frame matches: a flag is expected both set and clear"},
};

static void says_what_was_expected(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        struct link_rule rule = {.nth = 77};
        char error[LINK_ERROR_MAX];
        assert_false(link_rule_parse(&rule, errors[i].text, error));
        assert_string_equal(error, errors[i].error);
        assert_int_equal(rule.nth, 77);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_match_what_they_say),
        cmocka_unit_test(padding_is_no_text),
        cmocka_unit_test(only_tcp_matches_words),
        cmocka_unit_test(reads_tcp_over_ipv6),
        cmocka_unit_test(broken_frames_match_no_words),
        cmocka_unit_test(any_bytes_are_read_safely),
        cmocka_unit_test(rules_have_a_text),
        cmocka_unit_test(says_what_was_expected),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
